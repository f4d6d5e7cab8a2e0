"""The one way to servers: retries, deadlines, checks of what comes, and no key in any text.

Transient faults (429, 5xx, resets, short bodies, bytes that differ from the server's checksum) are tried again; refusals (401,
403, 404 ...), redirects to hosts that nobody named, ignored ranges and content that changes between two requests are not.
"""

from __future__ import annotations

import hashlib
import os
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

from siting.catalog.cache import disk_errors, put
from siting.catalog.partial import Part, State
from siting.catalog.redaction import redact, silence_keys
from siting.vocabulary import FetchError, IntegrityError, SitingError

if TYPE_CHECKING:
    import requests

_TRANSIENT = {429, 500, 502, 503, 504}
_REDIRECTS = {301, 302, 303, 307, 308}
_MD5 = re.compile(r"^[0-9a-f]{32}$")
_CHUNK = 1 << 14


@dataclass(frozen=True)
class Policy:
    """How long to wait and how often to try."""

    attempts: int = 5
    timeout_s: float = 30.0
    backoff_s: float = 1.0
    longest_wait_s: float = 120.0
    slowest_bytes_per_s: float = 500.0
    largest_body: int = 16 << 30

    @classmethod
    def from_environment(cls) -> Policy:
        """Policy with `SITING_TIMEOUT` [s] in place of the default, from which backoff and longest wait follow."""
        text = os.environ.get("SITING_TIMEOUT", "")
        if not text:
            return cls()
        try:
            seconds = float(text)
        except ValueError:
            seconds = -1.0
        if not 0.1 <= seconds <= 3600.0:
            raise FetchError(f"Expected SITING_TIMEOUT in seconds, found {text!r}; fix: write a number such as 30.")
        return cls(timeout_s=seconds, backoff_s=seconds / 30.0, longest_wait_s=4.0 * seconds)


class MissingFileError(FetchError):
    """A server that says 404."""


class RangeError(FetchError):
    """A server that doesn't give the part of a file that it was asked for."""


class ChangedError(IntegrityError):
    """A file that isn't the one of the request before."""


class Body(NamedTuple):
    """What came: bytes (none if they went to a file), their checksum, and what identifies the content."""

    content: bytes
    sha256: str
    size: int
    etag: str
    total: int


class _TransientError(Exception):
    """A fault worth another try; ``wait`` is what the server asks for [s], ``final`` is raised when there is no further try."""

    def __init__(self, final: SitingError, wait: float | None = None) -> None:
        super().__init__(str(final))
        self.final, self.wait = final, wait


class Transport:
    """Requests to the hosts of one dataset; safe for threads.

    Parameters
    ----------
    hosts : tuple of str
        Hosts, beside that of an address, to which it may be redirected.
    md5_etags : bool
        Whether the servers' ETags are checksums.
    headers : mapping
        Headers of all requests to the first host; their values never appear in a text.
    policy : Policy, optional
        Patience.
    """

    def __init__(
        self,
        hosts: tuple[str, ...] = (),
        *,
        md5_etags: bool = False,
        headers: Mapping[str, str] | None = None,
        policy: Policy | None = None,
    ) -> None:
        self.policy = policy or Policy.from_environment()
        self._hosts, self._md5, self._headers = hosts, md5_etags, dict(headers or {})
        self.requests = 0
        silence_keys(tuple(self._headers.values()))

    def get(self, url: str, span: tuple[int, int] | None = None, known: Body | None = None) -> Body:
        """Content of an address, or the bytes from ``span[0]`` up to but without ``span[1]``.

        Raises
        ------
        FetchError
            If the server refuses, or keeps failing; :class:`MissingFileError` for 404.
        IntegrityError
            If the content is another than ``known``, or differs from the server's checksum.
        """
        return self._repeat(lambda: self._once(url, span, known, None))

    def download(self, url: str, path: Path, sha256: str | None = None) -> Body:
        """Put the content of an address into a file, whole or not at all.

        A download that was broken off, by this process or another one, goes on from where it was, if the server still has the same
        file and gives parts of it; only one process may do so at a time.

        Raises
        ------
        FetchError, IntegrityError
            As :meth:`get`.
        ResourceError, OutputError
            If the disk is full, or the folder can't be written.
        """
        part = Part(path)
        with disk_errors(path.parent):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            body = self._repeat(lambda: self._go_on(url, part))
            if sha256 is not None and body.sha256 != sha256:
                part.drop()
                found = f"{body.sha256[:12]}...; fix: fetch again, or renew the entry"
                raise IntegrityError(f"Expected sha256 {sha256[:12]}... from {redact(url)}, found {found}.")
            put(part.path, path)
            part.drop()
        return body

    def _go_on(self, url: str, part: Part) -> Body:
        """Whole file by way of a part: the rest of it, or all of it where the server has another file or gives no parts."""
        known = part.state()
        if known is not None:
            try:
                return self._once(url, (known.size, known.total), known, part)
            except (ChangedError, RangeError):
                part.drop()
        return self._once(url, None, None, part)

    def _repeat(self, act: Callable[[], Body]) -> Body:
        attempt = 0
        while True:
            attempt += 1
            try:
                return act()
            except _TransientError as found:
                fault = found
            if attempt == self.policy.attempts or (fault.wait or 0.0) > self.policy.longest_wait_s:
                break
            pause = self.policy.backoff_s * 2.0 ** (attempt - 1) * random.uniform(0.5, 1.0)  # noqa: S311
            time.sleep(max(pause, fault.wait or 0.0))
        # outside of the handler: nothing of the library's errors, which quote whole addresses, hangs on this one
        raise fault.final

    def _once(self, url: str, span: tuple[int, int] | None, known: Body | State | None, part: Part | None) -> Body:
        problem: str | None = None
        try:
            response = self._follow(url, span)
            with response:
                self._check_status(response, url)
                return self._read(response, url, span, known, part)
        except OSError as error:
            if isinstance(error, SitingError) or not type(error).__module__.startswith(("requests", "urllib3")):
                raise
            problem = type(error).__name__
        except Exception as error:
            if not type(error).__module__.startswith(("requests", "urllib3", "http")):
                raise
            problem = type(error).__name__
        raise _TransientError(
            FetchError(f"Expected an answer from {redact(url)}, found {problem}; fix: check the network, then fetch again.")
        )

    def _follow(self, url: str, span: tuple[int, int] | None) -> requests.Response:
        """Response after redirects to hosts that are allowed."""
        import requests

        first, headers = urlsplit(url), {"Accept-Encoding": "identity", "User-Agent": "siting"}
        if span is not None:
            headers["Range"] = f"bytes={span[0]}-{span[1] - 1}"
        here = url
        for _ in range(6):
            own = self._headers if _host(urlsplit(here)) == _host(first) else {}
            self.requests += 1
            response = requests.get(here, headers=headers | own, stream=True, allow_redirects=False, timeout=self.policy.timeout_s)
            if response.status_code not in _REDIRECTS:
                return response
            target = urlsplit(urljoin(here, response.headers.get("Location", "")))
            response.close()
            same = _host(target) in (_host(first), *self._hosts)
            if not same or target.scheme not in ("http", "https") or (first.scheme == "https" and target.scheme != "https"):
                to = redact(urlunsplit(target))
                raise FetchError(f"Expected {redact(url)} itself, found a redirect to {to}; fix: name the host in the entry's redirects.")
            here = urlunsplit(target)
        raise FetchError(f"Expected {redact(url)} itself, found a loop of redirects; fix: check the address.")

    def _check_status(self, response: requests.Response, url: str) -> None:
        status, place = response.status_code, redact(url)
        if status in (200, 206):
            return
        if status in _TRANSIENT:
            error = FetchError(f"Expected an answer from {place}, found HTTP {status} again and again; fix: fetch again later.")
            raise _TransientError(error, _seconds(response.headers.get("Retry-After")))
        if status == 404:
            raise MissingFileError(f"Expected a file at {place}, found none (HTTP 404); fix: check the address, the year and the region.")
        if status == 416:
            raise RangeError(f"Expected a part of {place}, found that it is shorter (HTTP 416); fix: fetch again.")
        fix = "set the key that the entry names" if status in (401, 403) else "check the address"
        raise FetchError(f"Expected an answer from {place}, found a refusal (HTTP {status}); fix: {fix}.")

    def _read(
        self, response: requests.Response, url: str, span: tuple[int, int] | None, known: Body | State | None, part: Part | None
    ) -> Body:
        place, headers = redact(url), response.headers
        given = headers.get("ETag", "")
        etag = given.removeprefix("W/").strip('"') or headers.get("Last-Modified", "")
        if headers.get("Content-Encoding", "identity") != "identity":
            raise FetchError(f"Expected the file itself from {place}, found it compressed on the way; fix: use another mirror.")
        if headers.get("Content-Type", "").startswith("text/html"):
            raise FetchError(f"Expected data from {place}, found a web page; fix: check the address and whether it needs a key.")
        length = headers.get("Content-Length")
        if length is None and headers.get("Transfer-Encoding", "") != "chunked":
            raise FetchError(f"Expected the length of {place}, found none, so that a short answer can't be told; fix: use another mirror.")
        total = int(length) if length is not None and length.isdigit() else -1
        if span is not None:
            total = _check_span(headers.get("Content-Range", ""), response.status_code, span, place)
        if known is not None and (etag, total) != (known.etag, known.total):
            raise ChangedError(f"Expected the content of {place} to stay the same, found another one meanwhile; fix: fetch again.")
        if (total if span is None else span[1] - span[0]) > self.policy.largest_body:
            raise FetchError(f"Expected at most {self.policy.largest_body:,} bytes from {place}, found {total:,}; fix: check the address.")
        if part is not None and span is None:
            # a weak tag is that of the same content, not of the same bytes
            part.begin("" if given.startswith("W/") else etag, total)
        body = self._collect(response, place, part)
        if length is not None and body.size != int(length):
            raise _TransientError(FetchError(f"Expected {length} bytes from {place}, found {body.size}; fix: fetch again."))
        if part is not None or span is None:
            self._compare(body, etag, place, part)
        return body._replace(etag=etag, total=total if total >= 0 else body.size)

    def _collect(self, response: requests.Response, place: str, part_of: Part | None) -> Body:
        """Bytes of a body, within the time that a slow server may take; checksums are those of the whole part, if it is one."""
        sha, md5, parts, size, began = hashlib.sha256(), hashlib.md5(usedforsecurity=False), [], 0, time.monotonic()
        stream = part_of.path.open("a+b") if part_of is not None else None
        try:
            if stream is not None:
                stream.seek(0)
                while earlier := stream.read(_CHUNK):
                    sha.update(earlier)
                    md5.update(earlier)
            for part in response.iter_content(_CHUNK):
                size += len(part)
                sha.update(part)
                md5.update(part)
                if stream is None:
                    parts.append(part)
                else:
                    stream.write(part)
                passed = time.monotonic() - began
                slow = passed > self.policy.timeout_s and size < passed * self.policy.slowest_bytes_per_s
                if slow or size > self.policy.largest_body:
                    found = f"{size} bytes in {passed:.0f} s" if slow else f"over {size} bytes"
                    raise FetchError(f"Expected data from {place} at a usable speed and size, found {found}; fix: fetch again later.")
        finally:
            if stream is not None:
                stream.close()
        return Body(b"".join(parts), sha.hexdigest(), size, md5.hexdigest(), size)

    def _compare(self, body: Body, etag: str, place: str, part: Part | None) -> None:
        """Compare a whole file with the server's checksum, where it is one; ``body.etag`` holds the MD5 of what came."""
        if self._md5 and _MD5.match(etag) and body.etag != etag:
            if part is not None:
                part.drop()
            raise _TransientError(IntegrityError(f"Expected MD5 {etag[:12]}... from {place}, found {body.etag[:12]}...; fix: fetch again."))


def _host(parts: SplitResult) -> str:
    """Host and port, without user and password."""
    return parts.netloc.rpartition("@")[2]


def _check_span(text: str, status: int, span: tuple[int, int], place: str) -> int:
    """Length of the whole file, if a server gave the range that was asked for."""
    match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", text.strip())
    if status != 206 or match is None:
        raise RangeError(f"Expected a part of {place}, found that the server ignores ranges; fix: download the file and name its path.")
    first, last, total = map(int, match.groups())
    if (first, last) != (span[0], min(span[1], total) - 1):
        raise RangeError(f"Expected bytes {span[0]}-{span[1] - 1} of {place}, found {first}-{last}; fix: use another mirror.")
    return total


def _seconds(text: str | None) -> float | None:
    """Retry-After in seconds."""
    from email.utils import parsedate_to_datetime

    if text is None:
        return None
    if text.strip().isdigit():
        return float(text)
    try:
        return max(parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    except (TypeError, ValueError):
        return None
