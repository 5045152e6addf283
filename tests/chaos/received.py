"""What a client of any dialect receives, and what the suite needs to know of a dialect.

A dialect's reader is as strict as its strictest client: it raises :class:`MalformedAnswer` where
that client would fail. All readers fill the same :class:`ReceivedAnswer`, so that a row of faults
has one expectation for all dialects.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

from app.common.errors import Kind

MODEL = "claude-sonnet-4-5"

STOP, ALMOST = "stop", "lo!"
"""The stop sequences of requests with such a limit: one that answers have, and one that they only
begin, so that the gateway holds the beginning back."""
TOKENS = 16
"""The limit of requests with one, the least that every API takes."""


class MalformedAnswer(AssertionError):
    """An answer that at least one client of the dialect cannot read."""


class ReceivedFailure(NamedTuple):
    """An error without its message. ``status`` is 0 inside a stream."""

    status: int
    type: str
    code: str | None = None


@dataclass
class ReceivedCall:
    """A tool call. ``written``: its input as JSON. ``ended``: a client treats it as complete."""

    name: str
    written: str = ""
    ended: bool = False


@dataclass
class ReceivedAnswer:
    """What a client received.

    ``headers`` have names in lower case. ``explained``: why a refused answer was refused. ``stop``
    is the stop reason of the core events, None if the answer does not end normally. ``whole``: the
    HTTP body ended properly. ``waited``: seconds until the response head.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    thinking: str = ""
    explained: str = ""
    calls: list[ReceivedCall] = field(default_factory=list)
    stop: str | None = None
    failure: ReceivedFailure | None = None
    message: str = ""
    pings: int = 0
    whole: bool = True
    waited: float = 0.0


CallState: TypeAlias = Literal["whole", "cut", "open"]
"""The state of a tool call: "whole" if its stop was sent, "cut" if the upstream ended properly
without it, "open" if the answer broke off inside the call."""


class DialectClient(Protocol):
    """A client of one dialect: how it asks and how it reads answers."""

    name: str
    path: str
    opening_pings: int
    """Pings at the beginning of every stream."""

    def body(self, prompt: str, *, stream: bool) -> bytes:
        """Return a request that offers the tool ``write`` with one string parameter, ``text``."""

    limits: Mapping[str, Mapping[str, Any]]
    """The members of a request that ask for a limit, by its name in a row; a limit without members
    is one that the API does not have."""

    def headers(self) -> dict[str, str]:
        """Return the headers of a request."""

    def read_stream(self, data: bytes, answer: ReceivedAnswer) -> None:
        """Read a stream, which may be incomplete, into ``answer``. Raises MalformedAnswer."""

    def read_whole(self, data: bytes, answer: ReceivedAnswer) -> None:
        """Read a JSON answer into ``answer``. Raises MalformedAnswer."""

    def read_error(self, data: bytes, answer: ReceivedAnswer) -> None:
        """Read a JSON error body into ``answer``. Raises MalformedAnswer."""

    def failure(self, kind: Kind, *, begun: bool = False) -> ReceivedFailure:
        """Return the error expected for ``kind``: a refusal or, if ``begun``, an error in a
        stream."""

    def stop(self, reason: str) -> str:
        """Return the stop reason that a client sees: some dialects distinguish fewer."""

    def ends(self, state: CallState, stop: str | None) -> bool:
        """Return whether a client of a stream treats a call in this state as complete.

        ``stop`` is the stop reason of the answer.
        """


def sse_events(data: bytes) -> Iterator[tuple[str, str]]:
    """Yield (event, data) of each complete server-sent event; "" for comments and missing lines."""
    text = data.decode()
    for block in text.split("\n\n")[:-1]:
        name, payload = "", []
        for line in block.split("\n"):
            field_name, _, value = line.partition(":")
            if field_name == "event":
                name = value.strip()
            elif field_name == "data":
                payload.append(value.removeprefix(" "))
            elif field_name:
                raise MalformedAnswer(f"not a server-sent event: {line[:80]!r}")
        yield name, "\n".join(payload)


def check(condition: object, what: object) -> None:
    if not condition:
        raise MalformedAnswer(str(what))


WRITE = {
    "type": "object",
    "properties": {"text": {"type": "string"}},
    "required": ["text"],
}
