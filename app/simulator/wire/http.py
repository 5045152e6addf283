"""A hand-written HTTP/1.1 server side that controls every byte it sends.

It reads requests with Content-Length or chunked bodies, keeps connections alive, and notices at
once when the peer disconnects. It has no pipelining, compression, trailers or upgrades.
"""

import asyncio
import contextlib
import fcntl
import json
import re
import socket
import struct
import termios
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from .bindings import CONTENT_TYPES, Binding

_LINE_BREAKS = re.compile(r"[\r\n\0]")
HEAD_MAX = 256 * 1024
BODY_MAX = 40 * 1024 * 1024


class BadRequest(Exception):
    """The received bytes are not a valid HTTP request. `status` is the HTTP status to answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(slots=True)
class HttpRequest:
    """One request. Header names are in lower case; of a repeated header the last value counts."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    keep_alive: bool


@dataclass(slots=True)
class HttpResponse:
    """A complete response that is not streamed."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def json_response(
    status: int, value: Any, headers: Mapping[str, str] | None = None, *, binding: Binding = "rest"
) -> HttpResponse:
    """Return a JSON response with the content type of the binding."""
    body = json.dumps(value, ensure_ascii=False).encode()
    return HttpResponse(status, body, {"content-type": CONTENT_TYPES[binding], **(headers or {})})


def parse_json(body: bytes) -> Any:
    """Return the JSON value of a body, or None if it is not JSON. NaN and Infinity are not JSON."""

    def refuse(_: str) -> float:
        raise ValueError

    try:
        return json.loads(body, parse_constant=refuse)
    except (ValueError, RecursionError):
        return None


class Connection(asyncio.StreamReaderProtocol):
    """One accepted connection, which also records when its peer disconnected.

    `gone_at` is the monotonic time at which the peer closed its side or reset the connection, and
    None while the peer is connected. A half-close counts as a disconnect, because no official
    client half-closes.
    """

    def __init__(self, serve: Any, loop: asyncio.AbstractEventLoop) -> None:
        self.reader = asyncio.StreamReader(limit=1024 * 1024, loop=loop)
        super().__init__(self.reader, self._opened, loop)
        self._serve = serve
        self._sleeping: asyncio.Future[None] | None = None
        self.writer: asyncio.StreamWriter
        self.gone_at: float | None = None
        self.busy = False

    async def _opened(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        await self._serve(self)

    def eof_received(self) -> bool | None:
        self._peer_left()
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._peer_left()
        super().connection_lost(exc)

    def _peer_left(self) -> None:
        if self.gone_at is None:
            self.gone_at = time.monotonic()
        if self._sleeping and not self._sleeping.done():
            self._sleeping.set_result(None)

    async def sleep(self, seconds: float | None) -> None:
        """Wait for `seconds` (None: without end), or until the peer disconnects."""
        if self.gone_at is not None or seconds == 0:
            return
        loop = asyncio.get_running_loop()
        self._sleeping = loop.create_future()
        timer = None if seconds is None else loop.call_later(seconds, _wake, self._sleeping)
        try:
            await self._sleeping
        finally:
            self._sleeping = None
            if timer:
                timer.cancel()

    async def send(self, data: bytes) -> None:
        """Write `data`, and wait while the peer does not read.

        Does nothing once the peer is gone.
        """
        if self.gone_at is None:
            self.writer.write(data)
            with contextlib.suppress(ConnectionError):
                await self.writer.drain()

    async def reset(self) -> None:
        """Close with a TCP RST after the peer's kernel has acknowledged everything written
        before."""
        await self.flush()
        linger = struct.pack("ii", 1, 0)
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()

    async def flush(self, seconds: float = 1.0) -> None:
        """Wait until the peer has acknowledged everything written, at most `seconds`."""
        deadline = time.monotonic() + seconds
        while self.gone_at is None and time.monotonic() < deadline and self._unsent():
            await asyncio.sleep(0.001)

    def _unsent(self) -> int:
        buffered = self.writer.transport.get_write_buffer_size()
        raw = self.writer.get_extra_info("socket")
        queued = fcntl.ioctl(raw.fileno(), termios.TIOCOUTQ, b"\0" * 4)
        return buffered + int(struct.unpack("i", queued)[0])


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


async def read_request(connection: Connection) -> HttpRequest | None:
    """Return the next request, or None if the peer closed the connection between two requests.

    Raises BadRequest, and asyncio.IncompleteReadError if the peer disconnects inside a body.
    """
    try:
        head = await connection.reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError as problem:
        raise BadRequest(431, "the request head is too large") from problem
    if len(head) > HEAD_MAX:
        raise BadRequest(431, "the request head is too large")
    connection.busy = True
    method, target, version, headers = _parse_head(head)
    url = urlsplit(target)
    return HttpRequest(
        method=method,
        path=url.path,
        query=dict(parse_qsl(url.query, keep_blank_values=True)),
        headers=headers,
        body=await _read_body(connection, headers),
        keep_alive=version == "HTTP/1.1" and headers.get("connection", "").lower() != "close",
    )


def _parse_head(head: bytes) -> tuple[str, str, str, dict[str, str]]:
    request_line, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    try:
        method, target, version = request_line.split(" ")
        headers = {}
        for line in lines:
            name, value = line.split(":", 1)
            headers[name.lower()] = value.strip()
    except ValueError:
        raise BadRequest(400, "the request line or a header is malformed") from None
    if version == "HTTP/1.1" and not headers.get("host"):  # RFC 9112, section 3.2
        raise BadRequest(400, "a request of HTTP/1.1 names its host")
    return method, target, version, headers


async def _read_body(connection: Connection, headers: dict[str, str]) -> bytes:
    if headers.get("expect", "").lower() == "100-continue":
        await connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return await _read_chunks(connection.reader)
    length = headers.get("content-length", "0")
    if not length.isdecimal():
        raise BadRequest(400, "content-length is not a number")
    if int(length) > BODY_MAX:
        raise BadRequest(413, "the body is too large")
    return await connection.reader.readexactly(int(length))


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while True:
        try:
            size = int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16)
        except ValueError:
            raise BadRequest(400, "a chunk size is malformed") from None
        if len(body) + size > BODY_MAX:
            raise BadRequest(413, "the body is too large")
        body += (await reader.readexactly(size + 2))[:-2]
        if size == 0:
            return bytes(body)


def render_head(status: int, headers: Mapping[str, str]) -> bytes:
    """Return the status line and the headers of a response."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unassigned"
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{k}: {v}" for k, v in headers.items())]
    safe = (_LINE_BREAKS.sub(" ", line) for line in lines)
    return ("\r\n".join(safe) + "\r\n\r\n").encode("latin-1", "replace")


def render(response: HttpResponse) -> bytes:
    """Return a complete response with its Content-Length."""
    headers = {**response.headers, "content-length": str(len(response.body))}
    return render_head(response.status, headers) + response.body


def chunk(data: bytes) -> bytes:
    """Return `data` as one HTTP chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


LAST_CHUNK = b"0\r\n\r\n"
