"""Runs streams of Anthropic Messages against a gateway, over plain HTTP on this machine.

It reads as little as it can of what comes: a load generator that is slower than the server measures
itself.
"""

import asyncio
import json
import time
from dataclasses import dataclass

from .figures import Figures

_PIECE = b"event: content_block_delta"
_WHOLE = b"message_stop"
_END = b"\r\n0\r\n\r\n"
_TICK = 0.05  # seconds between two looks at the own lateness
_PATIENCE = 120.0  # seconds without a byte


class Broken(Exception):
    """Why an answer is not whole."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to, and what is asked."""

    host: str
    port: int
    key: str
    model: str
    prompt: str

    def request(self) -> bytes:
        """The request, which is the same for all streams."""
        body = json.dumps(
            {
                "model": self.model,
                "max_tokens": 1024,
                "stream": True,
                "messages": [{"role": "user", "content": self.prompt}],
            }
        ).encode()
        head = (
            f"POST /v1/messages HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n"
            f"x-api-key: {self.key}\r\nanthropic-version: 2023-06-01\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def __repr__(self) -> str:
        return f"Target({self.host}:{self.port}, {self.model})"


async def run(target: Target, streams: int, seconds: float) -> Figures:
    """Keep that many streams going for that long; those that have begun are read to their end."""
    figures = Figures()
    started = time.monotonic()
    request, until = target.request(), started + seconds
    watch = asyncio.create_task(_watch(figures))
    await asyncio.gather(*(_stream(target, request, until, figures) for _ in range(streams)))
    watch.cancel()
    figures.seconds = time.monotonic() - started
    return figures


async def _watch(figures: Figures) -> None:
    while True:
        before = time.monotonic()
        await asyncio.sleep(_TICK)
        figures.lags.append(max(0.0, time.monotonic() - before - _TICK))


async def _stream(target: Target, request: bytes, until: float, figures: Figures) -> None:
    """One client: one request after the other, on one connection as long as that is kept."""
    connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    while time.monotonic() < until:
        try:
            if connection is None:
                connection = await asyncio.open_connection(target.host, target.port)
            async with asyncio.timeout(_PATIENCE):
                await _answer(*connection, request, figures)
        except (Broken, OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            figures.failures[str(error) or type(error).__name__] += 1
            if connection:
                connection[1].close()
                connection = None
            await asyncio.sleep(_TICK)  # a server that refuses everything is not asked in a loop
    if connection:
        connection[1].close()


async def _answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes, figures: Figures
) -> None:
    """Raises Broken for any answer but a whole stream."""
    started = time.monotonic()
    writer.write(request)
    await writer.drain()
    head = await reader.readuntil(b"\r\n\r\n")
    status = head.split(b" ", 2)[1].decode()
    if status != "200" or b"chunked" not in head.lower():
        raise Broken(f"status {status}")
    last, tail = 0.0, b"\r\n"
    while not tail.endswith(_END):
        data = await reader.read(65536)
        if not data:
            raise Broken("the stream broke off")
        now = time.monotonic()
        if pieces := data.count(_PIECE):
            (figures.gaps if last else figures.first).append(now - (last or started))
            figures.pieces += pieces
            last = now
        tail = (tail + data)[-512:]
    if _WHOLE not in tail:
        raise Broken("the stream ended in an error")
    figures.totals.append(time.monotonic() - started)
