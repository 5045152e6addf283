"""From the upstream's events to the client: the same few lines for every dialect.

A dialect brings an :class:`Encoder`; what is read together is encoded and written together.
"""

from collections.abc import Callable, Iterator, Sequence
from time import monotonic
from typing import Protocol

from app.core.events import Event, Finish
from app.core.fold import Reply, ReplyBuilder
from app.errors import GatewayError, Kind
from app.server.lifecycle import Live
from app.server.response import Last

PIECE = 256 * 1024
"""Bytes of the longest write."""

QUIET = 0.9
"""The part of the ping interval without a write after which a ping is due: a tick of silence is
counted from the last read, a moment before the last write."""


class Encoder(Protocol):
    """One answer's stream in a client's dialect."""

    def feed(self, events: Sequence[Event]) -> bytes:
        """All bytes for these events; b"" when they have none."""

    def ping(self) -> bytes:
        """A sign of life that means nothing."""

    def error(self, error: GatewayError, request_id: str) -> bytes:
        """The dialect's error event; nothing may follow it."""


class Source(Protocol):
    """An upstream call under way; the gateway's Exchange is one."""

    def wait(self, seconds: float) -> bool:
        """Until the first content event is there; False when it is not after that long."""

    def batches(self) -> Iterator[Sequence[Event]]:
        """Events read together; an empty sequence at each tick of silence."""

    def retry(self, error: GatewayError) -> bool:
        """Begin anew after the answer broke with ``error``; False if that may not be."""


def stream(
    source: Source,
    encoder: Encoder,
    live: Live,
    *,
    ping_interval: float,
    failed: Callable[[Exception], bytes],
) -> Iterator[bytes]:
    """The body of a streaming answer; a failure becomes what ``failed`` makes of it, and its end.

    A source that has not begun yet gets a sign of life out at once, and the headers with it.
    """
    try:
        patience = 0.0
        while not live.run(source.wait, patience):
            yield encoder.ping()
            patience = ping_interval
        batches = source.batches()
        written = monotonic()
        while (batch := live.run(next, batches, None)) is not None:
            data = encoder.feed(batch)
            if batch and type(batch[-1]) is Finish:
                data = Last(data)
            if not data and monotonic() - written >= QUIET * ping_interval:
                data = encoder.ping()
            if data:
                yield from pieces(data)
                written = monotonic()
    except GeneratorExit:  # the server could not write
        live.client_left = True
        failed(GatewayError(Kind.CANCELLED, "The client left, or took nothing for too long."))
        raise
    except Exception as error:
        yield Last(failed(error))


def pieces(data: bytes) -> Sequence[bytes]:
    """What is written at a time: KIRO_CLIENT_STALL is for a client that takes nothing of it, not
    for one that takes long for much."""
    if len(data) <= PIECE:
        return (data,)
    return [data[at : at + PIECE] for at in range(0, len(data), PIECE)]


def collect(source: Source, live: Live) -> Reply:
    """The whole answer, for a client that did not ask for a stream; one that breaks off is asked
    for once more, since the client has seen nothing of it. Raises GatewayError."""
    try:
        return _collect(source, live)
    except GatewayError as error:
        if not source.retry(error):
            raise
        return _collect(source, live)


def _collect(source: Source, live: Live) -> Reply:
    builder = ReplyBuilder()
    while not live.run(source.wait, 3600.0):
        pass
    batches = source.batches()
    while (batch := live.run(next, batches, None)) is not None:
        builder.feed(batch)
    return builder.reply()
