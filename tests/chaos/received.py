"""What a client of any dialect may understand of an answer, and what the suite needs of a dialect.

A dialect's reader is as strict as its strictest client: what that would choke on is
:class:`Malformed`. What it heard is the same :class:`Heard` for every dialect, so that a row of
faults has one expectation for all of them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol, TypeAlias

from app.errors import Kind

MODEL = "claude-sonnet-4-5"


class Malformed(AssertionError):
    """An answer that no client of the dialect could read."""


class Failure(NamedTuple):
    """What a client can tell of an error without its words. ``status`` is 0 inside a stream."""

    status: int
    type: str
    code: str | None = None


@dataclass
class Call:
    """A tool call. ``ended``: a client takes it for one that it was told to its end."""

    name: str
    written: str = ""
    ended: bool = False


@dataclass
class Heard:
    """What a client understood. ``stop`` is in the words of core events, None where the answer does
    not end as finished; ``whole``: HTTP itself ended properly; ``waited``: seconds until its head.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    thinking: str = ""
    calls: list[Call] = field(default_factory=list)
    stop: str | None = None
    failure: Failure | None = None
    message: str = ""
    pings: int = 0
    whole: bool = True
    waited: float = 0.0


CallState: TypeAlias = Literal["whole", "cut", "open"]
"""Of a tool call: told to its stop; left without one by an upstream that ended properly; or under
way when the answer broke."""


class Dialect(Protocol):
    """What the suite needs to know of a dialect."""

    name: str
    path: str
    opening_pings: int
    """Signs of life that every stream begins with."""

    def body(self, prompt: str, *, stream: bool) -> bytes:
        """A request that offers the tool ``write`` with one string, ``text``."""

    def headers(self) -> dict[str, str]:
        """Those of a request."""

    def read_stream(self, data: bytes, heard: Heard) -> None:
        """Understand a stream as far as it came. Raises Malformed."""

    def read_whole(self, data: bytes, heard: Heard) -> None:
        """Understand a JSON answer. Raises Malformed."""

    def read_error(self, data: bytes, heard: Heard) -> None:
        """Understand a refusal. Raises Malformed."""

    def failure(self, kind: Kind, *, begun: bool = False) -> Failure:
        """What a failure of this kind is to look like: a refusal or, ``begun``, inside a stream."""

    def stop(self, reason: str) -> str:
        """What a client knows of a reason to stop: some dialects tell fewer apart."""

    def ends(self, state: CallState, stop: str | None) -> bool:
        """Whether a stream's client takes a call in this state for ended; ``stop`` is what it was
        told of the whole answer."""


def sse_events(data: bytes) -> Iterator[tuple[str, str]]:
    """(event, data) of each whole server-sent event; "" for a comment or no event line."""
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
                raise Malformed(f"not a server-sent event: {line[:80]!r}")
        yield name, "\n".join(payload)


def check(condition: object, what: object) -> None:
    if not condition:
        raise Malformed(str(what))


WRITE = {
    "type": "object",
    "properties": {"text": {"type": "string"}},
    "required": ["text"],
}
