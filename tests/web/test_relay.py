"""From events to bytes: what is written when, and what becomes of a failure."""

from collections.abc import Iterator

import pytest

from app.common.errors import GatewayError, Kind
from app.core.events import TextDelta
from app.server.lifecycle import Live
from app.web import relay
from tests.web.doubles import END, HELLO, Call, Encoder

BROKEN = GatewayError(Kind.TRUNCATED, "It broke off.")


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


def stream(call: Call, live: Live, failed: Failed, ping_interval: float = 60) -> Iterator[bytes]:
    return relay.stream(call, Encoder(), live, ping_interval=ping_interval, failed=failed)


def test_each_batch_is_written_when_it_comes(live: Live) -> None:
    failed = Failed()
    assert [*stream(Call(HELLO, HELLO, END), live, failed)] == [b"Hello", b"Hello", b"."]
    assert failed.errors == []


def test_headers_that_are_due_leave_with_a_sign_of_life(live: Live) -> None:
    pieces = stream(Call(HELLO, END, late=2), live, Failed())
    assert [*pieces] == [b"ping", b"ping", b"Hello", b"."]


def test_silence_is_told_by_what_was_written(live: Live) -> None:
    quick = [*stream(Call(HELLO, [], [], END), live, Failed())]
    assert quick == [b"Hello", b"."]
    slow = [*stream(Call(HELLO, [], [TextDelta("")], END), live, Failed(), ping_interval=0)]
    assert slow == [b"Hello", b"ping", b"ping", b"."]


@pytest.mark.parametrize("error", [BROKEN, ZeroDivisionError()])
def test_a_failure_is_the_last_that_is_written(live: Live, error: Exception) -> None:
    failed = Failed()
    assert [*stream(Call(HELLO, error), live, failed)] == [b"Hello", b"error"]
    assert failed.errors == [error]


def test_a_defect_of_the_dialect_is_a_failure_too(live: Live) -> None:
    failed = Failed()
    pieces = [*stream(Call(HELLO, [TextDelta("defect")], END), live, failed)]
    assert pieces == [b"Hello", b"error"]
    assert isinstance(failed.errors[0], ZeroDivisionError)


def test_a_server_that_cannot_write_means_that_the_client_left(live: Live) -> None:
    failed = Failed()
    pieces = stream(Call(HELLO, HELLO, END), live, failed)
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    assert live.client_left
    assert [error.kind for error in failed.errors] == [Kind.CANCELLED]  # type: ignore[attr-defined]


def test_a_long_piece_leaves_in_several(live: Live) -> None:
    text = "x" * (relay.PIECE * 2 + 1)
    pieces = [*stream(Call([TextDelta(text)], END), live, Failed())]
    assert [len(piece) for piece in pieces] == [relay.PIECE, relay.PIECE, 1, 1]


def test_a_whole_answer_that_breaks_is_asked_for_once_more(live: Live) -> None:
    reply = relay.collect(Call(HELLO, BROKEN, more=[HELLO, END]), live)
    assert [part.text for part in reply.parts] == ["Hello"]  # type: ignore[union-attr]


def test_a_whole_answer_that_breaks_for_good_is_a_failure(live: Live) -> None:
    with pytest.raises(GatewayError, match="broke off"):
        relay.collect(Call(HELLO, BROKEN), live)
