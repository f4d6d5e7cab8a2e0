"""A loopback server with range requests, checksums and one scripted fault per path."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class Server:
    """Serves ``files`` by path; ``faults`` maps a path to the faults of its first requests, the last of which may stay for ever."""

    def __init__(self):
        self.files, self.faults, self.log, self.seen_headers = {}, {}, [], []
        self.counts, self.make = defaultdict(int), None
        self.sent, self.gate, self.tag = defaultdict(int), threading.Event(), None
        handler = type("Handler", (_Handler,), {"server_state": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        self.netloc = f"127.0.0.1:{self._http.server_address[1]}"
        self.url = f"http://{self.netloc}"

    def close(self):
        self._http.shutdown()
        self._http.server_close()

    def fault(self, path, number):
        steps = self.faults.get(path, [])
        if number < len(steps):
            return steps[number]
        return steps[-1] if steps and steps[-1].endswith("!") else "ok"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_state: Server

    def log_message(self, *args):
        pass

    def do_GET(self):
        state, path = self.server_state, urlsplit(self.path).path
        state.log.append(self.path)
        state.seen_headers.append(dict(self.headers))
        number = state.counts[path]
        state.counts[path] += 1
        content = state.files.get(path)
        if content is None and state.make is not None:
            content = state.make(path, parse_qs(urlsplit(self.path).query))
        fault = state.fault(path, number).rstrip("!")
        try:
            self.answer(fault, content, number)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def status(self, code, **headers):
        self.send_response(code)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def answer(self, fault, content, number):
        kind, _, detail = fault.partition(":")
        if kind.isdigit():
            return self.status(int(kind), **({"Retry_After": detail} if detail else {}))
        if kind == "redirect":
            return self.status(302, Location=detail)
        if kind == "hang":
            time.sleep(1.5)
            self.close_connection = True
            return None
        if kind == "wait":
            self.server_state.gate.wait(30)
        if kind == "reset":
            self.close_connection = True
            return None
        if content is None:
            return self.status(404)
        return self.body(kind, content, number)

    def body(self, kind, content, number):
        etag = hashlib.md5(content).hexdigest() + (str(number) if kind == "changed" else "")
        content = content + b"x" * number if kind == "longer" else content
        total, span, code = len(content), self.headers.get("Range"), 200
        headers = {"ETag": f'"{etag}"'}
        if self.server_state.tag is not None:
            headers = self.server_state.tag
        path = urlsplit(self.path).path
        if span and kind != "norange":
            first, last = span.removeprefix("bytes=").split("-")
            first, last = int(first), min(int(last), total - 1)
            content, code = content[first : last + 1], 206
            shown = (first + 7, last + 7) if kind == "wrongrange" else (first, last)
            headers["Content-Range"] = f"bytes {shown[0]}-{shown[1]}/{total}"
        if kind == "flip":
            middle = len(content) // 2
            content = content[:middle] + bytes([content[middle] ^ 16]) + content[middle + 1 :]
        if kind == "html":
            content, headers["Content-Type"] = b"<html>please log in</html>", "text/html; charset=utf-8"
        if kind == "gzip":
            headers["Content-Encoding"] = "gzip"
        length = {"short": len(content) + 500, "nolength": None}.get(kind, len(content))
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self.server_state.sent[path] += len(content)
        if kind in ("short", "nolength"):
            self.wfile.write(content)
            self.close_connection = True
        elif kind in ("half", "stall"):
            self.server_state.sent[path] -= len(content) - len(content) // 2
            self.wfile.write(content[: len(content) // 2])
            self.wfile.flush()
            if kind == "stall":
                self.server_state.gate.wait(30)
            self.close_connection = True
        elif kind == "drip":
            for byte in content[:12]:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(0.1)
            self.close_connection = True
        else:
            self.wfile.write(content)
        return
