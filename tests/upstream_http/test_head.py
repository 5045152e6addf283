"""Heads of requests and responses in every shape."""

import pytest
from requests.exceptions import InvalidHeader

from app.upstream_http.errors import RemoteProtocolError
from app.upstream_http.head import MAX_HEAD, MAX_HEADERS, ResponseHead, parse_head, render_head


def head(wire: bytes) -> ResponseHead:
    return parse_head(wire.removesuffix(b"\r\n\r\n"))


def test_headers_are_found_in_lower_case_and_repeated_ones_joined() -> None:
    found = head(b"HTTP/1.1 404 Not Found\r\nX-A: 1 \r\nx-a:2\r\nX-B:\r\n\r\n")
    assert (found.status, found.reason) == (404, "Not Found")
    assert found.headers == {"x-a": "1, 2", "x-b": ""}
    assert found.length is None


@pytest.mark.parametrize(
    ("headers", "chunked", "length"),
    [
        (b"Content-Length: 7", False, 7),
        (b"Transfer-Encoding: chunked", True, None),
        (b"Transfer-Encoding: Chunked\r\nContent-Length: 7", True, None),
        (b"X: y", False, None),
    ],
)
def test_how_long_the_body_is(headers: bytes, chunked: bool, length: int | None) -> None:
    found = head(b"HTTP/1.1 200 OK\r\n" + headers + b"\r\n\r\n")
    assert (found.chunked, found.length) == (chunked, length)
    assert found.ends_with_connection is (not chunked and length is None)
    assert head(b"HTTP/1.1 204 No Content\r\n" + headers + b"\r\n\r\n").length == 0


@pytest.mark.parametrize(
    ("start", "header", "keep_alive"),
    [
        (b"HTTP/1.1", b"X: y", True),
        (b"HTTP/1.1", b"Connection: Close", False),
        (b"HTTP/1.0", b"X: y", False),
        (b"HTTP/1.0", b"Connection: keep-alive", True),
    ],
)
def test_whether_the_connection_may_be_used_again(
    start: bytes, header: bytes, keep_alive: bool
) -> None:
    assert head(start + b" 200 OK\r\n" + header + b"\r\n\r\n").keep_alive is keep_alive


@pytest.mark.parametrize(
    "wire",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2",
        b"HTTP/2 200",
        b"HTTP/1.1 20 OK",
        b"HTTP/1.1 2x0 OK",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * MAX_HEAD,
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * MAX_HEADERS + b"X: y",
    ],
)
def test_what_is_no_response_is_an_error(wire: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        parse_head(wire)


def test_the_head_of_a_request() -> None:
    assert render_head("GET", "/a", {"Host": "h", "X": "é"}) == (
        b"GET /a HTTP/1.1\r\nHost: h\r\nX: \xe9\r\n\r\n"
    )


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\rb", "€"])
def test_a_header_that_would_break_the_head_is_not_rendered(value: str) -> None:
    for headers in ({"X": value}, {value: "x"}):
        with pytest.raises(InvalidHeader):
            render_head("GET", "/", headers)
    with pytest.raises(InvalidHeader):
        render_head("GET", f"/{value}", {})
