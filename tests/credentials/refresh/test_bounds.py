"""A sign-in service, or a proxy before it, that misbehaves: every exchange ends, and soon."""

import gzip
import itertools
import json
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from app.common.errors import GatewayError, Kind
from app.common.waits import LONGEST_WAIT, retry_after
from app.credentials.model import Grant
from app.credentials.refresh.client import ServiceClient, ServiceResponse
from app.credentials.refresh.refresher import grant_from

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
MEMBERS = b'{"accessToken": "at"}'


@contextmanager
def saying(parts: Callable[[], Iterable[bytes]]) -> Iterator[str]:
    """A server that reads a request and then sends these parts."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    def answer(connection: socket.socket) -> None:
        with connection:
            connection.recv(65536)
            try:
                for part in parts():
                    connection.sendall(part)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass
            except OSError:
                return

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def dripping(beginning: bytes, drop: bytes) -> Callable[[], Iterator[bytes]]:
    def parts() -> Iterator[bytes]:
        yield beginning
        for _ in range(200):
            time.sleep(0.05)
            yield drop

    return parts


def endless(beginning: bytes, block: bytes) -> Callable[[], Iterator[bytes]]:
    return lambda: itertools.chain([beginning], itertools.repeat(block))


def whole(body: bytes, *headers: str) -> Callable[[], Iterable[bytes]]:
    head = HEAD + "".join(f"{line}\r\n" for line in headers).encode()
    return lambda: [head + b"Content-Length: %d\r\n\r\n" % len(body) + body]


def ask(url: str, proxy: str | None = None) -> ServiceResponse:
    client = ServiceClient(
        user_agent="test", proxy=proxy, connect_timeout=0.5, response_timeout=0.7
    )
    try:
        return client.post(url, json={"refreshToken": "r"})
    finally:
        client.close()


@pytest.mark.parametrize(
    "parts",
    [
        dripping(HEAD + b"Content-Length: 1000\r\n\r\n", b" "),
        dripping(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        dripping(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
        dripping(HEAD + b"X-Slow: ", b"x"),
        dripping(b"", b"H"),
        dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["body", "chunks", "chunk size", "head", "status", "continue"],
)
def test_an_answer_that_drips_ends_at_the_deadline(parts: Callable[[], Iterator[bytes]]) -> None:
    with saying(parts) as url:
        begun = time.monotonic()
        with pytest.raises(GatewayError) as raised:
            ask(url)
        assert time.monotonic() - begun < 2
        assert raised.value.kind in (Kind.TIMEOUT, Kind.CONNECTION)


def test_a_proxy_whose_answer_to_connect_drips_is_left_at_the_deadline() -> None:
    with saying(dripping(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x")) as proxy:
        begun = time.monotonic()
        with pytest.raises(GatewayError):
            ask("https://auth.test/refreshToken", proxy)
        assert time.monotonic() - begun < 2


@pytest.mark.parametrize(
    ("beginning", "proxy"),
    [
        (b"\x05\x00\x05\x00\x00\x03\xff", "socks5h"),
        (b"\x16\x03\x03\x40\x00", "https"),
        (b"\x16\x03\x03\x40\x00", ""),
    ],
    ids=["SOCKS", "TLS of a proxy", "TLS"],
)
def test_a_negotiation_that_drips_ends_at_the_deadline(beginning: bytes, proxy: str) -> None:
    with saying(dripping(beginning, b"\x02")) as url:
        peer = url.replace("http", proxy or "https")
        begun = time.monotonic()
        with pytest.raises(GatewayError) as raised:
            ask("https://auth.test/refreshToken" if proxy else peer, proxy and peer)
        assert time.monotonic() - begun < 2
        assert raised.value.kind is Kind.TIMEOUT


@pytest.mark.parametrize(
    "parts",
    [
        whole(gzip.compress(b" " * 200_000_000), "Content-Encoding: gzip"),
        whole(gzip.compress(gzip.compress(b" " * 50_000_000)), "Content-Encoding: gzip, gzip"),
        endless(HEAD + b"\r\n", b" " * 65536),
        endless(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0" * 65536),
        endless(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"ffff\r\n" + b" " * 65535 + b"\r\n"),
    ],
    ids=["bomb", "bomb in a bomb", "endless", "endless chunk size", "endless chunks"],
)
def test_a_body_without_end_takes_no_memory(parts: Callable[[], Iterable[bytes]]) -> None:
    with saying(parts) as url:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(GatewayError):
            ask(url)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024  # KiB


def test_a_compressed_answer_is_understood_although_none_was_asked_for() -> None:
    with saying(whole(gzip.compress(MEMBERS), "Content-Encoding: gzip")) as url:
        assert ask(url).text("accessToken") == "at"


def test_an_answer_nested_without_end_is_no_answer() -> None:
    with saying(whole(b"[" * 200_000)) as url:
        assert ask(url).members == {}


@pytest.mark.parametrize(
    "members",
    [
        {"accessToken": "at\r\nX-Injected: 1"},
        {"accessToken": "at-\u00e9"},
        {"accessToken": "a t"},
        {"accessToken": "at", "refreshToken": "rt\n"},
    ],
)
def test_a_token_that_no_header_can_carry_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(GatewayError, match="no header can carry"):
        grant_from(ServiceResponse(200, members, None), Grant(refresh_token="rt"), 0.0)


@pytest.mark.parametrize("expires_at", [1e300, 1e15, -1e300, "9999-12-31T23:59:59Z"])
def test_an_expiry_that_is_no_date_costs_no_token(expires_at: object) -> None:
    members = json.loads(json.dumps({"accessToken": "at", "expiresAt": expires_at}))
    grant = grant_from(ServiceResponse(200, members, None), Grant(refresh_token="rt"), 1e9)
    assert 0 <= grant.expires_at < 2e9


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        ("0.5", 0.5),
        ("999999999", LONGEST_WAIT),
        ("9" * 400, LONGEST_WAIT),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_WAIT),
        ("Thu, 01 Jan 1970 00:00:07 GMT", 7),
        ("\u00b2", None),
        ("soon", None),
        ("", None),
    ],
)
def test_a_retry_after_is_at_most_an_hour(value: str, seconds: float | None) -> None:
    assert retry_after(value, 0.0) == seconds
