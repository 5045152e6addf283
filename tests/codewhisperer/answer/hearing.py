"""What a client hears of an answer's bytes, and the frames that answers are made of."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

from app.codewhisperer.answer.batches import event_batches
from app.codewhisperer.answer.decoder import EventDecoder
from app.common.errors import GatewayError, Kind
from app.core.events import Event, Finish
from app.eventstream.frames import FrameDecoder
from tests.eventstream.wire import event


class Outcome(NamedTuple):
    """What a client is given, and the error that it ends with, if any."""

    events: list[Event]
    kind: Kind | None = None


class PieceBody:
    """An HTTP body that arrives in these pieces; ``complete``: HTTP proves that it is whole."""

    def __init__(self, pieces: Iterable[bytes], complete: bool) -> None:
        self.pieces = [*pieces]
        self.complete = False
        self._proved = complete

    def __iter__(self) -> Iterator[bytes]:
        for left, piece in zip(range(len(self.pieces) - 1, -1, -1), self.pieces, strict=True):
            self.complete = self._proved and not left
            yield piece
        self.complete = self._proved

    def end_when_quiet(self, silence: float) -> None:
        """These pieces come without a pause."""


def hear(
    pieces: Iterable[bytes], complete: bool = True, names: dict[str, str] | None = None
) -> Outcome:
    events: list[Event] = []
    try:
        for batch in event_batches(PieceBody(pieces, complete), EventDecoder(names or {})):
            events += batch
    except GatewayError as failure:
        return Outcome(events, failure.kind)
    return Outcome(events)


def hear_every_way(stream: bytes, places: Iterable[int] = (3, 14, 60, 99, 200)) -> Outcome:
    """The outcome of a stream, which is the same whole, byte by byte and in pieces."""
    whole = hear([stream])
    assert hear(stream[i : i + 1] for i in range(len(stream))) == whole
    borders = sorted({0, len(stream), *(place % (len(stream) + 1) for place in places)})
    assert hear(stream[a:b] for a, b in pairwise(borders)) == whole
    return whole


def tell(decoder: EventDecoder, *frames: bytes) -> list[Event]:
    """The events of whole frames."""
    return decoder.feed(FrameDecoder().feed(b"".join(frames)))


def text(content: str, **more: Any) -> bytes:
    return event("assistantResponseEvent", {"content": content, **more})


def tool(id: str, name: str | None = "read", **more: Any) -> bytes:
    return event("toolUseEvent", {"toolUseId": id, "name": name, **more})


def reasoning(**members: str) -> bytes:
    return event("reasoningContentEvent", members)


def metadata(**members: Any) -> bytes:
    return event("metadataEvent", members)


def events_of(*parts: bytes) -> list[Event]:
    """The events of an answer that ends well, without its Finish."""
    outcome = hear_every_way(b"".join(parts))
    assert outcome.kind is None
    assert isinstance(outcome.events[-1], Finish)
    return outcome.events[:-1]


def reason_of(*parts: bytes) -> str:
    outcome = hear_every_way(b"".join(parts))
    assert outcome.kind is None
    finish = outcome.events[-1]
    assert isinstance(finish, Finish)
    return finish.reason
