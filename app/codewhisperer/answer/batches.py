"""Decodes an upstream answer into core events, batch by batch as it arrives."""

from collections.abc import Iterator, Sequence
from math import inf
from typing import Protocol

from app.codewhisperer.service.errors import StreamError, from_frames
from app.common.errors import GatewayError
from app.core.events import Event
from app.eventstream.frames import Frame, FrameDecoder, FrameError

from .decoder import EventDecoder


class ResponseBody(Protocol):
    """The body of an HTTP response that is still arriving."""

    @property
    def complete(self) -> bool:
        """Whether HTTP proved that the body is whole."""

    def __iter__(self) -> Iterator[bytes]:
        """The bytes of each read; b"" for each tick without data."""

    def end_when_quiet(self, silence: float) -> None:
        """From now on the body is over after that many seconds of silence, with inf never."""


def event_batches(
    body: ResponseBody, events: EventDecoder, *, quiet: float = inf
) -> Iterator[Sequence[Event]]:
    """The events of each read as one batch; the last event is ``Finish``. A batch is empty for a
    tick, and for a read without events.

    ``quiet``: seconds of silence that end an answer whose last event is a meteringEvent, since the
    service may then leave the body open.

    Raises GatewayError where the answer breaks; the events before the break are yielded first.
    """
    frames = FrameDecoder()
    may_be_over = False
    for data in body:
        if not data:
            yield ()
            continue
        batch, failure = _decode(data, frames, events)
        last = body.complete and failure is None  # send the closing events in the same batch
        if last:
            ending, failure = _end(frames, events, complete=True)
            batch = [*batch, *ending]
        elif may_be_over is not (events.metered and events.whole and not frames.inside):
            may_be_over = not may_be_over
            body.end_when_quiet(quiet if may_be_over else inf)
        yield batch  # even if empty, so that the client can be sent a ping
        if failure is not None:
            raise failure
        if last:
            return
    ending, failure = _end(frames, events, complete=body.complete)
    if failure is not None:
        raise failure
    yield ending


def _end(
    frames: FrameDecoder, events: EventDecoder, *, complete: bool
) -> tuple[Sequence[Event], GatewayError | None]:
    """The closing events, or the failure that prevents them."""
    try:
        frames.eof()
        return events.finish(complete=complete), None
    except FrameError as error:
        return (), from_frames(error)
    except GatewayError as error:
        return (), error


def _decode(
    data: bytes, frames: FrameDecoder, events: EventDecoder
) -> tuple[Sequence[Event], GatewayError | None]:
    """The events of one read, and the failure that follows them, if any."""
    failure = None
    try:
        whole: Sequence[Frame] = frames.feed(data)
    except FrameError as error:
        whole, failure = error.frames, from_frames(error)
    try:
        return events.feed(whole), failure
    except StreamError as error:
        return error.events, error
