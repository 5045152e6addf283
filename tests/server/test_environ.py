"""The WSGI environment is gunicorn's, but for what is left out."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Request
from gunicorn.config import Config
from gunicorn.http.unreader import SocketUnreader
from gunicorn.http.wsgi import create
from hypothesis import given
from hypothesis import strategies as st

from app.server import environ
from app.server.connections.connection import Connection
from app.server.connections.request import ParsedRequest
from app.server.framework import ServerRequest

LEFT_OUT = {
    "RAW_URI",
    "REMOTE_PORT",
    "SERVER_SOFTWARE",
    "wsgi.early_hints",
    "wsgi.errors",  # another object
    "wsgi.file_wrapper",
    "wsgi.multiprocess",  # depends on the number of workers
}

TCP, PEER = ("127.0.0.1", 8000), ("192.0.2.7", 40000)


class Client:
    """A connection's socket: what is sent to the client stays here."""

    def __init__(self) -> None:
        self.sent = b""

    def send(self, data: bytes) -> int:
        self.sent += data
        return len(data)


def parsed(head: str, peer: Any = PEER) -> Any:
    """gunicorn's request of a head without a body."""
    pieces = [f"{head}\r\n\r\n".encode("latin-1")]
    source: Any = SimpleNamespace(recv=lambda size: pieces.pop() if pieces else b"")
    connection: Any = SimpleNamespace(trusts_peer=None)
    return ParsedRequest(connection, Config(), SocketUnreader(source), peer, 1)


def both(head: str, listener: Any = TCP, peer: Any = PEER) -> tuple[dict[str, Any], dict[str, Any]]:
    """Ours and gunicorn's."""
    request: Any = parsed(head, peer)
    client: Any = Client()
    _, gunicorns = create(request, client, peer, listener, Config())
    return environ.maker(listener)(request, client, peer), dict(gunicorns)


def compare(ours: dict[str, Any], gunicorns: dict[str, Any]) -> None:
    assert ours == {name: value for name, value in gunicorns.items() if name not in LEFT_OUT} | {
        "wsgi.errors": sys.stderr,
        "wsgi.multiprocess": True,
    }


@pytest.mark.parametrize(
    "head",
    [
        "GET / HTTP/1.1\r\nHost: a",
        "GET /a%20b%C3%A4/%2F?c=%20d HTTP/1.0",
        "POST http://a.example/v1/messages?beta=true HTTP/1.1\r\nHost: a.example:81",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Type: text/plain",
        "GET / HTTP/1.1\r\nHost: a\r\nAccept: b\r\nX-One: 1\r\naccept: c\r\nACCEPT: d",
        "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.2.3.4\r\nX_Forwarded_For: 5.6.7.8",
        "OPTIONS * HTTP/1.1\r\nHost: a",
    ],
)
def test_it_is_gunicorns(head: str) -> None:
    compare(*both(head))


NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9!#$%&'*.^|~-]{0,12}", fullmatch=True).filter(
    lambda name: (
        name.upper() not in ("CONTENT-LENGTH", "CONTENT-TYPE", "EXPECT", "HOST")
        and name.upper() != "TRANSFER-ENCODING"
    )
)
VALUES = st.from_regex(r"[!-~\xa1-\xff]([ -~\xa1-\xff]{0,20}[!-~\xa1-\xff])?", fullmatch=True)
PATHS = st.from_regex(
    r"/([!$-;=@-Z_a-z~]|%[0-9A-F]{2}){0,20}(\?[!$-;=@-Z_a-z~]{0,9})?", fullmatch=True
)


@given(PATHS, st.lists(st.tuples(NAMES, VALUES), max_size=6))
def test_it_is_gunicorns_for_any_head(path: str, headers: list[tuple[str, str]]) -> None:
    lines = [f"GET {path} HTTP/1.1", "Host: a", *(f"{name}: {value}" for name, value in headers)]
    compare(*both("\r\n".join(lines)))


@pytest.mark.parametrize("host", ["", "\r\nHost: a.example", "\r\nHost: a.example:81"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_it_is_gunicorns_on_a_unix_socket(host: str, version: str) -> None:
    ours, gunicorns = both(f"GET / HTTP/{version}{host}", "/run/a.sock", "")
    compare(ours, gunicorns)


def test_a_client_that_waits_is_told_to_send_its_body() -> None:
    request = parsed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nExpect: 100-continue")
    client = Client()
    environ.maker(TCP)(request, client, PEER)
    assert client.sent == b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.mark.parametrize(
    ("peer", "scheme"), [(("127.0.0.1", 1), "https"), (PEER, "http"), ("", "https")]
)
def test_only_a_peer_on_this_machine_may_name_the_scheme(peer: Any, scheme: str) -> None:
    """Anybody else could make a page believe that its connection is encrypted, and get its cookie
    without TLS."""
    ours, gunicorns = both("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https", TCP, peer)
    assert ours["wsgi.url_scheme"] == gunicorns["wsgi.url_scheme"] == scheme


def test_what_one_peer_may_do_means_nothing_for_another() -> None:
    head = "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\n\r\n"
    schemes = [scheme_of(connection(peer, head)) for peer in (("127.0.0.1", 1), PEER)]
    assert schemes == [["https"] * 2, ["http"] * 2]


def connection(peer: Any, head: str) -> Connection:
    """One over which two requests come."""
    pieces = [head.encode()] * 2
    nobody: Any = None
    made = Connection(nobody, peer, Config(), answer=nobody, refusals=nobody, log=nobody)
    source: Any = SimpleNamespace(recv=lambda size: pieces.pop())
    made._unreader = SocketUnreader(source)
    return made


def scheme_of(made: Connection) -> list[str]:
    return [made._parse().scheme for _ in range(2)]


SHOWN = ("method", "scheme", "server", "root_path", "path", "query_string", "remote_addr", "url")


@given(PATHS, st.lists(st.tuples(NAMES, VALUES), max_size=6))
def test_a_request_is_werkzeugs(path: str, headers: list[tuple[str, str]]) -> None:
    lines = [f"GET {path} HTTP/1.1", "Host: a", *(f"{name}: {value}" for name, value in headers)]
    client: Any = Client()
    variables = environ.maker(TCP)(parsed("\r\n".join(lines)), client, PEER)
    ours, theirs = ServerRequest(variables), Request(variables.copy())
    assert [getattr(ours, name) for name in SHOWN] == [getattr(theirs, name) for name in SHOWN]
    for name in (*dict(headers), "content-length", "Content-Type", "none"):
        assert ours.headers.get(name) == theirs.headers.get(name)
    assert ours.args == theirs.args
    assert ours.headers.get("none", 1) == 1


def test_a_header_may_be_read_as_something_else() -> None:
    head = "GET / HTTP/1.1\r\nHost: a\r\nX-Count: 12"
    client: Any = Client()
    made = ServerRequest(environ.maker(TCP)(parsed(head), client, PEER))
    assert made.headers.get("x-count", type=int) == 12
    assert made.headers.get("host", 0, type=int) == 0


@pytest.mark.parametrize("listener", [TCP, "/run/a.sock"])
def test_a_request_without_a_host_has_the_listeners(listener: Any) -> None:
    client: Any = Client()
    made = ServerRequest(environ.maker(listener)(parsed("GET / HTTP/1.0"), client, PEER))
    assert made.server == (TCP if listener is TCP else (listener, None))
