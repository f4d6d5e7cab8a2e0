"""Faults of servers: each is tried again to success, or refused in one line with nothing in the cache."""

import logging

import pytest
from faults.conftest import assert_clear

from siting.catalog.cache import Piece, keep_piece, piece_record
from siting.catalog.cog_window import RangeFile
from siting.catalog.redaction import redact
from siting.catalog.transport import Transport
from siting.vocabulary import FetchError, IntegrityError, SitingError

CONTENT = bytes(range(256)) * 40

#: name -> what the first requests meet; "!" stays for ever.
RETRIED = {
    "500 then well": ["500"],
    "502 twice": ["502", "502"],
    "503 then well": ["503"],
    "504 then well": ["504"],
    "429 without a time": ["429"],
    "429 with Retry-After": ["429:0"],
    "429 with a date": ["429:Wed, 01 Jan 2020 00:00:00 GMT"],
    "hang then well": ["hang"],
    "reset then well": ["reset"],
    "short body then well": ["short"],
    "half a body then well": ["half"],
    "flipped bit then well": ["flip"],
    "four faults then well": ["500", "reset", "half", "503"],
}
REFUSED = {
    "404": (["404!"], "found none (HTTP 404)", 1),
    "403": (["403!"], "a refusal (HTTP 403)", 1),
    "401": (["401!"], "a refusal (HTTP 401)", 1),
    "410": (["410!"], "HTTP 410", 1),
    "500 for ever": (["500!"], "HTTP 500 again and again", 5),
    "429 for too long": (["429:86400!"], "HTTP 429", 1),
    "hang for ever": (["hang!"], "check the network", 5),
    "reset for ever": (["reset!"], "check the network", 5),
    "short body for ever": (["short!"], "fetch", 5),
    "drip": (["drip!"], "found", None),
    "flipped bit for ever": (["flip!"], "Expected MD5", 5),
    "login page": (["html!"], "found a web page", 1),
    "gzip on the way": (["gzip!"], "compressed on the way", 1),
    "no length": (["nolength!"], "Expected the length", 1),
    "redirect to another host": (["redirect:http://127.0.0.2:9/x!"], "found a redirect to http://127.0.0.2:9/x", 1),
    "redirect to a file": (["redirect:file:///etc/passwd!"], "found a redirect to file:///etc/passwd", 1),
    "redirect to metadata": (["redirect:http://169.254.169.254/latest!"], "found a redirect to http://169.254", 1),
    "loop of redirects": (["redirect:/data!"], "loop of redirects", 6),
}
RANGED = {
    "ignored range": (["norange!"], "ignores ranges"),
    "wrong range": (["wrongrange!"], "Expected bytes"),
    "changed tag": (["changed!"], "stay the same"),
    "changed length": (["longer!"], "stay the same"),
}


@pytest.fixture
def piece(server, quick):
    server.files["/data"] = CONTENT
    transport = Transport(md5_etags=True)
    return Piece("data.bin", f"{server.url}/data", 1, lambda: transport.get(f"{server.url}/data").content)


@pytest.mark.parametrize("name", RETRIED)
def test_fault_is_tried_again(name, server, piece, quick):
    server.faults["/data"] = RETRIED[name]
    keep_piece(quick, piece)
    assert (quick / "data.bin").read_bytes() == CONTENT
    assert piece_record(quick, piece.name) is not None
    assert server.counts["/data"] == len(RETRIED[name]) + 1


@pytest.mark.parametrize("name", REFUSED)
def test_fault_is_refused_with_nothing_cached(name, server, piece, quick):
    server.faults["/data"], words, requests = REFUSED[name]
    with pytest.raises(SitingError) as refusal:
        keep_piece(quick, piece)
    assert isinstance(refusal.value, FetchError | IntegrityError)
    assert words in str(refusal.value)
    assert_clear(str(refusal.value))
    assert not quick.exists() or not list(quick.rglob("*"))
    if requests is not None:
        assert server.counts["/data"] == requests


@pytest.mark.parametrize("name", RANGED)
def test_fault_of_a_range_is_refused(name, server, quick):
    server.files["/data"] = CONTENT * 60
    server.faults["/data"], words = RANGED[name]
    with pytest.raises(SitingError, match=words):
        RangeFile(Transport(), f"{server.url}/data").read()


def test_ranges_give_the_file(server, quick):
    server.files["/data"] = CONTENT * 60
    file = RangeFile(Transport(), f"{server.url}/data")
    assert file.read() == CONTENT * 60
    file.seek(-10, 2)
    assert (file.tell(), file.read(99)) == (len(CONTENT) * 60 - 10, CONTENT[-10:])


def test_there_are_thirty_faults():
    assert len(RETRIED) + len(REFUSED) + len(RANGED) >= 30


def test_nobody_listens(quick):
    with pytest.raises(FetchError, match="check the network"):
        Transport().get("http://127.0.0.1:9/x")


def test_host_that_is_named_may_be_redirected_to(server, quick):
    other = server.netloc.replace("127.0.0.1", "localhost")
    server.files["/there"] = CONTENT
    server.faults["/data"] = [f"redirect:http://{other}/there!"]
    assert Transport((other,)).get(f"{server.url}/data").content == CONTENT


def test_key_goes_to_the_first_host_only_and_appears_nowhere(server, quick, caplog):
    key = "canary-7f3a9c"
    other = server.netloc.replace("127.0.0.1", "localhost")
    transport = Transport((other,), headers={"Authorization": f"Bearer {key}"})
    server.faults |= {"/data": [f"redirect:http://{other}/there?token={key}!"], "/there": ["403!"], "/fails": ["500!"]}
    caplog.set_level(logging.DEBUG)
    texts = []
    for address in ("/data", f"/fails?sig={key}", f"/none?apikey={key}"):
        with pytest.raises(FetchError) as refusal:
            transport.get(server.url.replace("//", f"//user:{key}@") + address)
        error = refusal.value
        while error is not None:
            texts.append(f"{error!r} {error}")
            error = error.__cause__ or error.__context__
    assert key not in " ".join(texts)
    assert key not in caplog.text
    sent = [headers.get("Authorization", "") for headers, path in zip(server.seen_headers, server.log, strict=True) if "/there" in path]
    assert sent
    assert not any(key in value for value in sent)


@pytest.mark.parametrize(
    "text", ["https://u:p@h/x", "https://h/x?sig=p", "https://h/x?a=1&X-Amz-Signature=p&b=2", "http://h?access_token=p"]
)
def test_addresses_are_shown_without_keys(text):
    assert "p" not in redact(text).replace("http", "").replace("***", "")[len("s") :].replace("X-Amz-Signature", "").replace("token", "")
