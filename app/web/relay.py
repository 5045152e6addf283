"""From the upstream's events to the client: the same few lines for every dialect.

A dialect brings an :class:`Encoder`; what is read together is encoded and written together.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

from app.core.events import Event
from app.core.fold import Folder, Reply
from app.errors import GatewayError, Kind

from .lifecycle import Live


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


def stream(
    source: Source, encoder: Encoder, live: Live, *, request_id: str, ping_interval: float
) -> Iterator[bytes]:
    """The body of a streaming answer; a failure becomes the dialect's error event and its end."""
    try:
        while not live.run(source.wait, ping_interval):
            yield encoder.ping()
        batches = source.batches()
        while (batch := live.run(next, batches, None)) is not None:
            data = encoder.feed(batch) if batch else encoder.ping()
            if data:
                yield data
    except GatewayError as error:
        if error.kind is not Kind.CANCELLED:
            yield encoder.error(error, request_id)


def collect(source: Source, live: Live) -> Reply:
    """The whole answer, for a client that did not ask for a stream. Raises GatewayError."""
    folder = Folder()
    while not live.run(source.wait, 3600.0):
        pass
    batches = source.batches()
    while (batch := live.run(next, batches, None)) is not None:
        folder.feed(batch)
    return folder.reply()
