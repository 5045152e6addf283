"""A head that is read at once is read as gunicorn reads it, and refused as gunicorn refuses it."""

from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http.message import Request
from gunicorn.http.unreader import SocketUnreader
from hypothesis import given
from hypothesis import strategies as st

from app.server.connections.request import USUAL, ParsedRequest, ReceivedBody

LOOPBACK, OTHER = ("127.0.0.1", 1), ("203.0.113.7", 1)
BEHIND = b"the body, or what comes behind it"
PLAIN = b"POST /v1/messages HTTP/1.1\r\nHost: a\r\nx-api-key: key\r\nContent-Length: 5\r\n\r\n"


class Plain(ParsedRequest):
    """Leaves nothing to gunicorn."""

    def _parse_python(self, unreader: Any, buf: Any) -> Any:
        raise LookupError


def read(kind: Any, data: bytes, peer: Any = OTHER, **settings: Any) -> Any:
    """The request of that kind, its body, and what is left of the data; or how it is refused."""
    made = Config()
    for name, value in ({"http_parser": "python"} | settings).items():
        made.set(name, value)
    pieces = [data]
    source: Any = SimpleNamespace(recv=lambda size: pieces.pop() if pieces else b"")
    unreader = SocketUnreader(source)
    connection = () if kind is Request else (SimpleNamespace(trusts_peer=None),)
    try:
        request = kind(*connection, made, unreader, peer, 1)
    except Exception as error:
        return type(error), str(error)
    shown = {name: value for name, value in vars(request).items() if name in MEMBERS}
    try:
        body: Any = request.body.read(1000)
    except Exception as error:
        body = type(error), str(error)
    return shown, body, request.should_close(), unreader.take_buffered()


MEMBERS = {
    "method", "uri", "path", "query", "fragment", "version", "headers", "trailers", "scheme",
    "must_close", "_expected_100_continue", "remote_addr", "proxy_protocol_info",
}  # fmt: skip


def compare(data: bytes, peer: Any = OTHER, **settings: Any) -> None:
    expected = read(Request, data, peer, **settings)
    assert read(ParsedRequest, data, peer, **settings) == expected


FIELDS = [
    b"Host: a", b"Host: b", b"host:c", b"Content-Type: text/plain", b"Content-Type: b",
    b"Content-Length: 5", b"Content-Length: 5, 5", b"Content-Length: x", b"Content-Length: \xb2",
    b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: b",
    b"Connection: close", b"Connection: keep-alive", b"Expect: 100-continue", b"Expect: b",
    b"X-Forwarded-Proto: https", b"X-Forwarded-Proto: http", b"X-Forwarded-Ssl: on",
    b"Accept: b", b"Accept: c", b"X_Under: b", b"X-Empty:", b"X-Spaces: \t b \t ", b": no name",
    b"no colon", b"Spaced : b", b" folded", b"\tfolded", b"X-Control: \x01", b"X-Latin: \xe4\xff",
    b"X-Delete: \x7f", b"\xe4: b", b"X-Feed: a\nb", b"X-Return: a\rb", b"X-Null: \x00", b"",
    b"Script-Name: /a", b"SCRIPT_NAME: /a", b"X-Colons: a:b:c", b"X-Long: " + b"b" * 300,
]  # fmt: skip
LINES = [
    b"GET / HTTP/1.1", b"POST /v1/messages?beta=true HTTP/1.1", b"GET / HTTP/1.0",
    b"GET / HTTP/2.0", b"POST  /a HTTP/1.1", b"get / HTTP/1.1", b"G! / HTTP/1.1",
    b"GO / HTTP/1.1", b"GET //a HTTP/1.1", b"GET /a//b HTTP/1.1", b"GET /a:b@c[d] HTTP/1.1",
    b"GET /%41%ff HTTP/1.1", b"GET /a#b HTTP/1.1", b"GET /a?b#c HTTP/1.1", b"GET /?b?c HTTP/1.1",
    b"GET /? HTTP/1.1", b"GET http://a/b HTTP/1.1", b"CONNECT a:80 HTTP/1.1",
    b"CONNECT /a HTTP/1.1", b"OPTIONS * HTTP/1.1", b"GET \xe4 HTTP/1.1", b"GET /\xe4 HTTP/1.1",
    b"GET /a\tb HTTP/1.1", b"GET / HTTP/1.1 ", b"GET /", b"GET / http/1.1",
    b"GET /" + b"a" * 5000 + b" HTTP/1.1", b"GET /a;b=c&d=<e> HTTP/1.1", b"",
    b"\r\nGET / HTTP/1.1", b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2", b"PROPFIND /a HTTP/1.1",
    b"A" * 21 + b" / HTTP/1.1", b"POST /a HTTP/1.1",
]  # fmt: skip


@given(
    st.sampled_from(LINES),
    st.lists(st.sampled_from(FIELDS), max_size=6),
    st.sampled_from([LOOPBACK, OTHER, ""]),
    st.sampled_from([b"\r\n\r\n", b"\r\n", b"\n\n", b"\r\n\r\n" + BEHIND]),
)
def test_it_is_gunicorns(line: bytes, fields: list[bytes], peer: Any, end: bytes) -> None:
    compare(b"\r\n".join([line, *fields]) + end, peer)


@given(st.integers(0, len(PLAIN) - 1), st.binary(max_size=2), st.integers(0, 2))
def test_it_is_gunicorns_with_any_bytes_in_the_middle(at: int, other: bytes, cut: int) -> None:
    compare(PLAIN[:at] + other + PLAIN[at + cut :])


@pytest.mark.parametrize("size", [1, USUAL - 200, USUAL, 2 * USUAL, 9000])
def test_it_is_gunicorns_at_any_length(size: int) -> None:
    compare(b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: " + size * b"b" + b"\r\n\r\n" + BEHIND)


@pytest.mark.parametrize(
    "limits",
    [{"limit_request_line": 20}, {"limit_request_fields": 2}, {"limit_request_field_size": 9}],
)
def test_gunicorns_limits_are_kept(limits: dict[str, int]) -> None:
    assert issubclass(read(ParsedRequest, PLAIN, **limits)[0], Exception)
    compare(PLAIN, **limits)


@pytest.mark.parametrize("mode", ["off", "auto", "v1", "v2"])
@pytest.mark.parametrize("before", [b"", b"PROXY TCP4 127.0.0.1 127.0.0.2 1 2\r\n"])
def test_a_proxy_that_says_whose_connection_it_is(mode: str, before: bytes) -> None:
    compare(before + PLAIN, LOOPBACK, proxy_protocol=mode)


def test_a_body_that_has_come_is_read_in_pieces_or_whole() -> None:
    body = ReceivedBody(b"abcdef")
    assert [body.read(4), body.read(4), body.read(4)] == [b"abcd", b"ef", b""]
    body = ReceivedBody(b"abcdef")
    assert [body.read(1), body.read(0), body.read(), body.read()] == [b"a", b"", b"bcdef", b""]


def test_what_clients_send_is_plain() -> None:
    """Or all of it would be for nothing."""
    head = (
        b"POST /v1/messages?a=b HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAccept: application/json"
        b"\r\nUser-Agent: claude-cli/2.0.1 (external, cli)\r\nanthropic-version: 2023-06-01\r\n"
        b"Connection: keep-alive\r\nX-Forwarded-Proto: https\r\nContent-Length: 5\r\n\r\n"
    )
    shown, body, _, left = read(Plain, head + b"12345" + BEHIND, LOOPBACK)
    assert (shown["path"], shown["query"], shown["scheme"]) == ("/v1/messages", "a=b", "https")
    assert (body, left) == (b"12345", BEHIND)
