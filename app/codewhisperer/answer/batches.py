"""An upstream answer as core events, batch by batch as it arrives."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from app.codewhisperer.service.errors import StreamError, from_frames
from app.core.events import Event
from app.errors import GatewayError
from app.eventstream.frames import Frame, FrameDecoder, FrameError

from .decoder import EventDecoder


class ResponseBody(Protocol):
    """An upstream's answer on its way; :class:`.client.Answer` is one."""

    @property
    def complete(self) -> bool:
        """Whether HTTP itself has proved it whole."""

    def __iter__(self) -> Iterator[bytes]:
        """What is read together, b"" at a tick."""


def event_batches(body: ResponseBody, events: EventDecoder) -> Iterator[Sequence[Event]]:
    """The events of each read together, ending with ``Finish``; an empty batch at a tick,
    and for a read that says nothing to a client.

    What was decoded before a failure is given before it is raised, as GatewayError.
    """
    frames = FrameDecoder()
    for data in body:
        if not data:
            yield ()
            continue
        batch, failure = _decode(data, frames, events)
        last = body.complete and failure is None  # its events leave with those of the end
        if last:
            ending, failure = _end(frames, events, complete=True)
            batch = [*batch, *ending]
        yield batch  # also when it is empty, so that a client gets its signs of life
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
    """The closing events, or why there are none."""
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
    """What one read says, and the failure that stands behind it, if there is one."""
    damage = None
    try:
        whole: Sequence[Frame] = frames.feed(data)
    except FrameError as error:
        whole, damage = error.frames, from_frames(error)
    try:
        return events.feed(whole), damage
    except StreamError as error:
        return error.events, error
