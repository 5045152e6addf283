"""An upstream call and an encoder for tests of what serves them."""

from collections.abc import Iterator, Sequence
from typing import Any

from app.common.errors import GatewayError
from app.core.conversation import Conversation, Message, Text
from app.core.events import Event, Finish, TextDelta
from app.core.usage import Meter
from app.models.table import context_window

CONVERSATION = Conversation(model="claude-sonnet-4-6", messages=(Message("user", (Text("Hi"),)),))
HELLO = [TextDelta("Hello")]
END = [Finish("end_turn")]


class Call:
    """Gives the batches that it is told to, or raises them; begins after ``late`` waits. ``more``
    are the batches after a retry. ``log`` gets a line when it is closed."""

    repairs: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()

    def __init__(
        self,
        *given: Sequence[Event] | Exception,
        late: int = 0,
        more: Sequence[Any] = (),
        log: list[str] | None = None,
    ) -> None:
        self.meter = Meter(1, None, context_window)
        self.given = [*given]
        self.late = late
        self.more = more
        self.log = [] if log is None else log
        self.closed = 0

    def wait(self, seconds: float) -> bool:
        self.late -= 1
        return self.late < 0

    def batches(self) -> Iterator[Sequence[Event]]:
        for one in self.given:
            if isinstance(one, Exception):
                raise one
            self.meter.feed(one)
            yield one

    def retry(self, error: GatewayError) -> bool:
        self.given, self.more = [*self.more], ()
        return bool(self.given)

    def facts(self) -> dict[str, Any]:
        """Its number of attempts is known only when it is closed."""
        return {"model": "m", "attempts": 1 if self.closed else 0}

    def close(self) -> None:
        self.closed += 1
        self.log.append("call closed")


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
        return f"error {error.kind.value} in {request_id}".encode()
