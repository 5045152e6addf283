"""Calls of the gateway that do what a test scripts: for what makes one answer of several calls."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from app.common.errors import GatewayError, Kind
from app.core.conversation import Conversation, WebPage
from app.core.events import Event, ToolEnd, ToolInput, ToolStart
from app.core.usage import Meter

INPUT = 100
"""The tokens that each call's prompt is expected to have."""

BROKEN = GatewayError(Kind.TRUNCATED, "It broke.")

Step: TypeAlias = Event | Sequence[Event] | GatewayError | Callable[[], object]
"""An event, which is a batch of its own; a batch; a failure; or what is called before a tick."""


def tool_call(name: str, *fragments: str, complete: bool = True) -> list[Event]:
    """The events of a call of a tool."""
    return [ToolStart("1", name), *map(ToolInput, fragments), ToolEnd(complete)]


def no_search(query: str, account: str) -> list[WebPage]:
    """Searches the web where none is asked for."""
    raise AssertionError("no search of the web is asked for")


class Call:
    """Waits once, and then takes the steps; those of ``again`` after its retry, if there are any.
    ``refused``: it fails before any content.
    """

    repairs: tuple[str, ...] = ("mended",)
    ignored: tuple[str, ...] = ("seed",)

    def __init__(
        self,
        steps: Sequence[Step] = (),
        again: Sequence[Step] = (),
        refused: GatewayError | None = None,
    ) -> None:
        self.steps = steps
        self.again = again
        self.refused = refused
        self.meter = Meter(INPUT, None, lambda _: None)
        self.waits = iter([False])
        self.closed = self.retried = False

    def wait(self, seconds: float) -> bool:
        if self.refused is not None:
            self.meter.failed()
            raise self.refused
        return next(self.waits, True)

    def batches(self) -> Iterator[Sequence[Event]]:
        for step in self.steps:
            if isinstance(step, GatewayError):
                raise step
            if callable(step):
                step()
                yield ()
            else:
                batch = step if isinstance(step, Sequence) else [step]
                self.meter.feed(batch)
                yield batch

    def retry(self, error: GatewayError) -> bool:
        if self.retried:
            return False
        self.retried = True
        self.steps = self.again or self.steps
        self.meter.restart()
        return True

    def facts(self) -> dict[str, Any]:
        return {"attempts": 1, "first_event_at": float(len(self.steps))}

    def close(self) -> None:
        self.closed = True


class Upstream:
    """Answers each call with the next turn: the steps of a call, or the call itself."""

    def __init__(self, *turns: Sequence[Step] | Call) -> None:
        self.turns = iter(turns)
        self.asked: list[Conversation] = []
        self.taps: list[Any] = []
        self.calls: list[Call] = []

    def open(self, conversation: Conversation, tap: Any) -> Any:
        self.asked.append(conversation)
        self.taps.append(tap)
        turn = next(self.turns)
        self.calls.append(turn if isinstance(turn, Call) else Call(turn))
        return self.calls[-1]
