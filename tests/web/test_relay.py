"""From events to bytes: what is written when, and what becomes of a failure."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from app.core.events import Event, Finish, TextDelta
from app.errors import GatewayError, Kind
from app.server.lifecycle import Live
from app.web import relay

HELLO = [TextDelta("Hello")]
END = [Finish("end_turn")]
BROKEN = GatewayError(Kind.TRUNCATED, "It broke off.")


class Source:
    """Gives what it is told to, or raises it; begins after ``late`` waits. ``more``: what it gives
    when it is asked again."""

    def __init__(
        self, *given: Sequence[Event] | Exception, late: int = 0, more: Sequence[Any] = ()
    ) -> None:
        self.given = [*given]
        self.late = late
        self.more = more

    def wait(self, seconds: float) -> bool:
        self.late -= 1
        return self.late < 0

    def batches(self) -> Iterator[Sequence[Event]]:
        for one in self.given:
            if isinstance(one, Exception):
                raise one
            yield one

    def retry(self, error: GatewayError) -> bool:
        self.given, self.more = [*self.more], ()
        return bool(self.given)


class Encoder:
    """Text as it is; a defect for a text that says so."""

    def feed(self, events: Sequence[Event]) -> bytes:
        said = "".join(event.text for event in events if isinstance(event, TextDelta))
        if said == "defect":
            raise ZeroDivisionError
        return said.encode() + b"." * sum(isinstance(event, Finish) for event in events)

    def ping(self) -> bytes:
        return b"ping"

    def error(self, error: GatewayError, request_id: str) -> bytes:
        return b"error"


@pytest.fixture
def live() -> Live:
    return Live(None, set())


class Failed:
    """Keeps what failed."""

    def __init__(self) -> None:
        self.errors: list[Exception] = []

    def __call__(self, error: Exception) -> bytes:
        self.errors.append(error)
        return b"error"


def stream(
    source: Source, live: Live, failed: Failed, ping_interval: float = 60
) -> Iterator[bytes]:
    return relay.stream(source, Encoder(), live, ping_interval=ping_interval, failed=failed)


def test_each_batch_is_written_when_it_comes(live: Live) -> None:
    failed = Failed()
    assert [*stream(Source(HELLO, HELLO, END), live, failed)] == [b"Hello", b"Hello", b"."]
    assert failed.errors == []


def test_headers_that_are_due_leave_with_a_sign_of_life(live: Live) -> None:
    pieces = stream(Source(HELLO, END, late=2), live, Failed())
    assert [*pieces] == [b"ping", b"ping", b"Hello", b"."]


def test_silence_is_told_by_what_was_written(live: Live) -> None:
    quick = [*stream(Source(HELLO, [], [], END), live, Failed())]
    assert quick == [b"Hello", b"."]
    slow = [*stream(Source(HELLO, [], [TextDelta("")], END), live, Failed(), ping_interval=0)]
    assert slow == [b"Hello", b"ping", b"ping", b"."]


@pytest.mark.parametrize("error", [BROKEN, ZeroDivisionError()])
def test_a_failure_is_the_last_that_is_written(live: Live, error: Exception) -> None:
    failed = Failed()
    assert [*stream(Source(HELLO, error), live, failed)] == [b"Hello", b"error"]
    assert failed.errors == [error]


def test_a_defect_of_the_dialect_is_a_failure_too(live: Live) -> None:
    failed = Failed()
    pieces = [*stream(Source(HELLO, [TextDelta("defect")], END), live, failed)]
    assert pieces == [b"Hello", b"error"]
    assert isinstance(failed.errors[0], ZeroDivisionError)


def test_a_server_that_cannot_write_means_that_the_client_left(live: Live) -> None:
    failed = Failed()
    pieces = stream(Source(HELLO, HELLO, END), live, failed)
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    assert live.client_left
    assert [error.kind for error in failed.errors] == [Kind.CANCELLED]  # type: ignore[attr-defined]


def test_a_long_piece_leaves_in_several(live: Live) -> None:
    text = "x" * (relay.PIECE * 2 + 1)
    pieces = [*stream(Source([TextDelta(text)], END), live, Failed())]
    assert [len(piece) for piece in pieces] == [relay.PIECE, relay.PIECE, 1, 1]


def test_a_whole_answer_that_breaks_is_asked_for_once_more(live: Live) -> None:
    reply = relay.collect(Source(HELLO, BROKEN, more=[HELLO, END]), live)
    assert [part.text for part in reply.parts] == ["Hello"]  # type: ignore[union-attr]


def test_a_whole_answer_that_breaks_for_good_is_a_failure(live: Live) -> None:
    with pytest.raises(GatewayError, match="broke off"):
        relay.collect(Source(HELLO, BROKEN), live)
