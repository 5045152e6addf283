"""The vocabulary of scripts and directives: everything the simulator can be told to answer.

Each dataclass documents its JSON form, which `parse` reads. A scripted answer has content (`say`),
or fails (`fail`); its `Delivery` can damage, delay or cut what is sent.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from app.simulator.catalogue.faults import Fault


@dataclass(frozen=True, slots=True)
class TextPart:
    """assistantResponseEvent deltas.

    JSON: a string (one delta), a list of strings (one delta each), or
    `{"repeat": str, "times": n, "deltas": m}`: m deltas, each of them `repeat` n times.
    """

    deltas: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ThinkingPart:
    """reasoningContentEvent deltas, then a signature or opaque redacted content (base64).

    JSON: a string, a list of strings, or `{"text": ..., "signature": ..., "redacted": ...}`. A
    signature of `true` is one that the simulator makes for the family of the answering model, and
    that the setting `signatures` accepts back from that family alone.
    """

    deltas: tuple[str, ...] = ()
    signature: str | bool | None = None
    redacted: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallPart:
    """One tool call: a first event with id and name, input fragments, and a last event with stop.

    `input` is encoded as JSON and split every `split` characters. `fragments` sets the pieces
    directly and may hold any text. Without either, no input is sent. With `first_has_input` the
    first event carries the first fragment. With `stop` False there is no last event, as if the
    output limit had cut off the call.
    """

    name: str
    input: Any = None
    id: str | None = None
    fragments: tuple[str, ...] | None = None
    split: int = 16
    first_has_input: bool = False
    stop: bool = True


@dataclass(frozen=True, slots=True)
class InterleavedCallsPart:
    """Several tool calls whose events alternate."""

    calls: tuple[ToolCallPart, ...]


@dataclass(frozen=True, slots=True)
class EventPart:
    """An event of any type, known or unknown. JSON: `{"type": ..., "payload": ...}`."""

    type: str
    payload: Any = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RawPart:
    """Bytes that go into the body unchanged. JSON: base64."""

    data: bytes


@dataclass(frozen=True, slots=True)
class ExceptionPart:
    """An exception frame, which ends the stream.

    JSON: an object with these members; or the name of a fault, its reason, or an object as in
    `fail`, with the `reason` and without `type`. An exception made from a fault is spelled as the
    binding does, unless `exact`: the JSON-RPC binding names the member of the stream's union
    (`throttlingError`), the other one the type (`ThrottlingException`).
    """

    type: str
    message: str = ""
    reason: str | None = None
    retry_after_milliseconds: int | None = None
    exact: bool = True


@dataclass(frozen=True, slots=True)
class ErrorPart:
    """An unmodelled error frame, which ends the stream. JSON: an object with these members."""

    code: str
    message: str = ""


Part = (
    TextPart
    | ThinkingPart
    | ToolCallPart
    | InterleavedCallsPart
    | EventPart
    | RawPart
    | ExceptionPart
    | ErrorPart
)


@dataclass(frozen=True, slots=True)
class Cut:
    """Ends the body early: after `at` bytes, or after `after` events.

    `how`: "fin" closes the connection, "rst" resets it, "end" ends the HTTP body properly.
    """

    at: int | None = None
    after: int | None = None
    how: Literal["fin", "rst", "end"] = "fin"


@dataclass(frozen=True, slots=True)
class Corrupt:
    """Inverts one byte of the body: the one at `offset`, or one in a checksum ("prelude" or
    "message") of event number `frame`."""

    offset: int | None = None
    frame: int = 0
    part: Literal["prelude", "message"] = "message"


@dataclass(frozen=True, slots=True)
class Stall:
    """Sends nothing after `after` events, for `seconds` or, if None, until the client
    disconnects.

    "end" is after the last event, before the end of the HTTP body.
    """

    after: int | Literal["end"] = 0
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How an answer is sent. Delays are seconds. Event numbers start at 0 and include
    messageMetadataEvent.

    `delay_head` comes before the status line, `delay_first` before the first event, `delay` between
    chunks. An HTTP chunk holds `frames_per_chunk` events; `bytes_per_chunk` splits it further.
    `framing`: "chunked", "length" (Content-Length plus `length_error`: a positive one promises
    more bytes than follow) or "close". `duplicate`: numbers of events to send twice. `reset`:
    reset the connection after reading the "request" or after sending the "head". `close_after`:
    close the connection after a complete answer.
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
class ScriptedAnswer:
    """One answer. If `say` is None, the answer is a readable text about the prompt.

    The events around `say` have default values unless given: `model_id` and `model_tag` (in the
    first text event), `credits` (in JSON a number, or a list: a meteringEvent for each),
    `context_usage` (per cent), `stop_reason`, `usage` (tokenUsage) and `refusal`
    (stopDetails.refusal: `category`, `explanation`, `recommendedModel`) of metadataEvent, which the
    REST binding sends only if one of the three is given. A refusal says nothing, costs nothing and
    stops with CONTENT_FILTERED, unless given. `omit` lists types of events to leave out, or is
    "tail": the three at the end. `bare` leaves out all events around `say`; the JSON key `empty`
    means a 200 without any event. `force`: a directive may call tools that the request does not
    offer.
    """

    say: tuple[Part, ...] | None = None
    fail: Fault | None = None
    delivery: Delivery = field(default_factory=Delivery)
    model_id: str | None = None
    model_tag: str | None = None
    credits: tuple[float, ...] | None = None
    context_usage: float | None = None
    stop_reason: str | None = None
    usage: dict[str, Any] | None = None
    refusal: dict[str, Any] | None = None
    omit: tuple[str, ...] = ()
    bare: bool = False
    force: bool = False

    def tool_calls(self) -> list[ToolCallPart]:
        """Return the tool calls of this answer."""
        calls: list[ToolCallPart] = []
        for part in self.say or ():
            if isinstance(part, ToolCallPart):
                calls.append(part)
            elif isinstance(part, InterleavedCallsPart):
                calls.extend(part.calls)
        return calls
