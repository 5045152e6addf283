"""What the simulator can be told to answer: the vocabulary of scripts and directives.

Each dataclass documents the JSON it is written as; `script.parse` reads that. An answer says
something, fails (`fail`), or says it badly (`Delivery`).
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from app.simulator.catalogue.faults import Fault


@dataclass(frozen=True, slots=True)
class Text:
    """assistantResponseEvent deltas.

    JSON: a string (one delta), a list of strings (one delta each), or
    `{"repeat": str, "times": n, "deltas": m}`: `repeat` n times over, in each of m deltas.
    """

    deltas: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Think:
    """reasoningContentEvent deltas, then the signature, or opaque redacted content (base64).

    JSON: a string, a list of strings, or `{"text": ..., "signature": ..., "redacted": ...}`.
    """

    deltas: tuple[str, ...] = ()
    signature: str | None = None
    redacted: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One call: a first event with id and name, input fragments, and a last event with stop.

    `input` is written as JSON and cut into pieces of `split` characters wherever they fall;
    `fragments` gives the pieces themselves, of any text; with neither, no input is sent.
    `first_has_input`: the first fragment comes with the first event. `stop` False: the last event
    is missing, as if the output limit had cut the call short.
    """

    name: str
    input: Any = None
    id: str | None = None
    fragments: tuple[str, ...] | None = None
    split: int = 16
    first_has_input: bool = False
    stop: bool = True


@dataclass(frozen=True, slots=True)
class Interleaved:
    """Several calls whose events alternate."""

    tools: tuple[Tool, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """Any event, known or not. JSON: `{"type": ..., "payload": ...}`."""

    type: str
    payload: Any = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes put into the body as they are. JSON: base64."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception frame, with which the stream ends. JSON: an object of these members, or a
    fault's name."""

    type: str
    message: str = ""
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Error:
    """An unmodelled error frame, with which the stream ends. JSON: an object of these members."""

    code: str
    message: str = ""


Part = Text | Think | Tool | Interleaved | Event | Raw | Raised | Error


@dataclass(frozen=True, slots=True)
class Cut:
    """The body ends early: after `at` bytes, or after `after` events.

    `how`: "fin" closes the connection, "rst" resets it, "end" ends the HTTP body properly there.
    """

    at: int | None = None
    after: int | None = None
    how: Literal["fin", "rst", "end"] = "fin"


@dataclass(frozen=True, slots=True)
class Corrupt:
    """A byte of the body is wrong: at `offset`, or in a checksum ("prelude" or "message") of
    event number `frame`."""

    offset: int | None = None
    frame: int = 0
    part: Literal["prelude", "message"] = "message"


@dataclass(frozen=True, slots=True)
class Stall:
    """Silence after `after` events, for `seconds` or, if None, until the client leaves."""

    after: int = 0
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How the bytes of an answer travel. Delays are seconds; events count from 0 and include
    messageMetadataEvent.

    `delay_head` before the status line, `delay_first` before the first event, `delay` between
    chunks. `frames_per_chunk` events go into one HTTP chunk, `bytes_per_chunk` splits further.
    `framing`: "chunked", "length" (Content-Length, off by `length_error`: positive promises more
    bytes than come) or "close". `duplicate`: numbers of events sent twice. `reset`: the connection
    is reset after the "request" was read or after the "head" was sent. `close_after`: the
    connection is closed after a good answer.
    """

    delay_head: float = 0
    delay_first: float = 0
    delay: float = 0
    frames_per_chunk: int = 1
    bytes_per_chunk: int | None = None
    framing: Literal["chunked", "length", "close"] = "chunked"
    length_error: int = 0
    duplicate: tuple[int, ...] = ()
    cut: Cut | None = None
    corrupt: Corrupt | None = None
    stall: Stall | None = None
    reset: Literal["request", "head"] | None = None
    close_after: bool = False

    def __post_init__(self) -> None:
        for name in ("frames_per_chunk", "bytes_per_chunk"):
            size = getattr(self, name)
            if size is not None and size < 1:
                raise ValueError(f"{name} must be at least 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer. `say` None: a readable text about the prompt.

    What frames the said parts is made up unless given: `model_id` (in the first text event),
    `credits`, `context_usage` (per cent), `stop_reason` and `usage` (tokenUsage) of metadataEvent,
    which the REST binding sends only if one of the two is given. `omit` names events to leave
    out by type; `bare` leaves out all that was not said; `empty` is a 200 without any event.
    `force`: a directive may call tools that the request does not offer.
    """

    say: tuple[Part, ...] | None = None
    fail: Fault | None = None
    delivery: Delivery = field(default_factory=Delivery)
    model_id: str | None = None
    credits: float | None = None
    context_usage: float | None = None
    stop_reason: str | None = None
    usage: dict[str, Any] | None = None
    omit: tuple[str, ...] = ()
    bare: bool = False
    force: bool = False

    def tools(self) -> list[Tool]:
        """Return the tool calls this answer makes."""
        calls: list[Tool] = []
        for part in self.say or ():
            if isinstance(part, Tool):
                calls.append(part)
            elif isinstance(part, Interleaved):
                calls.extend(part.tools)
        return calls
