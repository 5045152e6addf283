"""From the upstream's events to the client, in the same few lines for every dialect.

A dialect brings an :class:`Encoder`. Events read together are encoded and written together.
"""

from collections.abc import Callable, Iterator, Sequence
from math import inf
from time import monotonic
from typing import Protocol

from app.common.errors import GatewayError, Kind
from app.core.events import Event, Finish
from app.core.fold import Reply, ReplyBuilder
from app.server.lifecycle import Live
from app.server.response import FinalChunk

from .gateway_call import GatewayCall

PIECE = 256 * 1024
"""Bytes of the longest write: KIRO_CLIENT_STALL limits how long a client may take for one, and must
not end a client that is slow to take a large answer."""

QUIET = 0.9
"""The part of the ping interval after which a ping is due if nothing was written: a tick of silence
is counted from the last read, which is a moment before the last write."""


class Encoder(Protocol):
    """One answer's stream in a client's dialect."""

    def feed(self, events: Sequence[Event]) -> bytes:
        """All bytes for these events; b"" if they have none."""

    def ping(self) -> bytes:
        """A sign of life without content."""

    def error(self, error: GatewayError, request_id: str) -> bytes:
        """The dialect's error event; nothing may follow it."""


def stream(
    call: GatewayCall,
    encoder: Encoder,
    live: Live,
    *,
    ping_interval: float,
    failed: Callable[[Exception], bytes],
    finishing: Callable[[], object] = lambda: None,
) -> Iterator[bytes]:
    """The body of a streaming answer; a failure ends it with the bytes that ``failed`` returns.

    ``finishing`` is called before the last bytes of a whole answer are given.
    While the call has not begun, a sign of life goes out at once, and the headers with it.
    """
    gap = 0.0
    try:
        patience = 0.0
        while not live.run(call.wait, patience):
            yield encoder.ping()
            patience = ping_interval
        live.streams()
        batches = call.batches()
        spoken = written = monotonic()
        while (batch := live.run(next, batches, None)) is not None:
            data = encoder.feed(batch)
            if not data and monotonic() - written >= QUIET * ping_interval:
                data = encoder.ping()
            if data:
                start = 0
                while len(data) - start > PIECE:
                    yield data[start : start + PIECE]
                    start += PIECE
                if batch and type(batch[-1]) is Finish:
                    live.answer_end = batch[-1].reason
                    finishing()
                    yield FinalChunk(data[start:])
                else:
                    yield data[start:]
                written = monotonic()
                if batch:
                    if written - spoken > gap:
                        gap = written - spoken
                    spoken = written
    except GeneratorExit:  # the server could not write
        live.client_left = True
        failed(GatewayError(Kind.CANCELLED, "The client left, or took nothing for too long."))
        raise
    except Exception as error:
        yield FinalChunk(failed(error))
    finally:
        live.longest_gap = gap


def pieces(data: bytes) -> Sequence[bytes]:
    """A whole answer in writes of bounded size."""
    return [data[at : at + PIECE] for at in range(0, len(data), PIECE)] or [data]


def collect(call: GatewayCall, live: Live) -> Reply:
    """The whole answer, for a client that did not ask for a stream. One that breaks off is asked
    for once more, since the client has seen nothing of it. Raises GatewayError."""
    try:
        return _collect(call, live)
    except GatewayError as error:
        if not call.retry(error):
            raise
        return _collect(call, live)


def _collect(call: GatewayCall, live: Live) -> Reply:
    builder = ReplyBuilder()
    live.run(call.wait, inf)
    live.streams()
    batches = call.batches()
    while (batch := live.run(next, batches, None)) is not None:
        builder.feed(batch)
    reply = builder.reply()
    live.answer_end = reply.reason
    return reply
