"""Heads of HTTP/1.1 requests and responses, sans-IO.

http.client parses a head as it would an e-mail, which was a third of what a short request cost;
here a few splits do.
"""

import re
from collections.abc import Mapping

from requests.exceptions import InvalidHeader

from .errors import RemoteProtocolError

MAX_HEAD, MAX_HEADERS = 64 * 1024, 100
"""Limits for the head of a response: bytes, and lines behind the first one. http.client has the
same ones, for each line and for the whole."""

END_OF_HEAD = re.compile(rb"\r?\n\r?\n")

_NO_BODY = (204, 304)
"""Statuses whose response ends with its head (RFC 9112, section 6.3)."""


class ResponseHead:
    """The head of a response.

    ``headers`` have lower-case names, repeated ones joined by commas. ``length`` is that of the
    body in bytes, None where the chunked coding (``chunked``) or the end of the connection
    delimits it. ``keep_alive``: the connection may be used again once the body was read.
    """

    __slots__ = ("chunked", "headers", "keep_alive", "length", "reason", "status")

    def __init__(self, status: int, reason: str, version: str, headers: dict[str, str]) -> None:
        self.status = status
        self.reason = reason
        self.headers = headers
        self.chunked = "chunked" in headers.get("transfer-encoding", "").lower()
        self.length = 0 if status in _NO_BODY else self._content_length()
        connection = headers.get("connection", "").lower()
        self.keep_alive = connection != "close" and (version != "HTTP/1.0" or bool(connection))

    def _content_length(self) -> int | None:
        length = self.headers.get("content-length")
        if length is None or self.chunked:
            return None
        if not length.isdecimal():
            raise RemoteProtocolError("the Content-Length of a response is not a number")
        return int(length)

    @property
    def ends_with_connection(self) -> bool:
        """Whether only the end of the connection shows where the body ends."""
        return self.length is None and not self.chunked


def parse_head(data: bytes) -> ResponseHead:
    """Parse the head of a response, given without the empty line at its end.

    Lines may end without a carriage return. Raises RemoteProtocolError.
    """
    if len(data) > MAX_HEAD:
        raise RemoteProtocolError("the head of a response is too long")
    first, *lines = data.decode("latin-1").split("\n")
    version, _, rest = first.rstrip("\r").partition(" ")
    status, _, reason = rest.partition(" ")
    if not version.startswith("HTTP/1.") or len(status) != 3 or not status.isdecimal():
        raise RemoteProtocolError("no HTTP/1 response")
    if len(lines) > MAX_HEADERS:
        raise RemoteProtocolError(f"more than {MAX_HEADERS} headers in a response")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        name, value = name.lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return ResponseHead(int(status), reason, version, headers)


def render_head(method: str, target: str, headers: Mapping[str, str]) -> bytes:
    """The head of a request with the empty line at its end.

    ``headers`` are all that is sent: they must name the Host, which the adapter adds if it is
    missing, and the length of the body. Raises requests' InvalidHeader for one that would break the
    head.
    """
    lines = [f"{method} {target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join(lines)
    if head.count("\n") != len(lines) - 1 or head.count("\r") != len(lines) - 1:
        raise InvalidHeader("a line break in a header of a request")
    try:
        return (head + "\r\n\r\n").encode("latin-1")
    except UnicodeEncodeError:
        raise InvalidHeader("a character in a header of a request that HTTP cannot send") from None
