"""The faults, one row each: what goes wrong, what clients get, what the upstream sees, what the log
says. ``docs/faults.md`` is rendered from here, and ``test_rows.py`` holds every row.

A row says it for all dialects, in the words of core events and kinds of failure; how a dialect
writes those is its adapter's affair.
"""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from app.errors import Kind
from app.simulator.faults import NAMED

from .dialects import CallState
from .proxy import Plan

GOOD: Mapping[str, Any] = {"text": ["Hel", "lo ", "lo ", "世界 🙂"]}
SAID = "Hello lo 世界 🙂"
PIECE = '{"text": "a long story'


@dataclass(frozen=True, kw_only=True)
class Gets:
    """What a client gets: an answer that ends with ``stop``; or a failure of ``kind``, as the
    status of a refusal, or after ``begun`` output as an error inside the stream.

    ``calls``: what was written of each tool call's input, and how it ended.
    ``waited``: bounds in seconds for the answer's head. ``quiet``: there were silent stretches, so
    signs of life must have come.
    """

    text: str = ""
    thinking: str = ""
    calls: tuple[tuple[str, CallState], ...] = ()
    stop: str | None = None
    kind: Kind | None = None
    begun: bool = False
    retry_after: str | None = None
    message: str = ""
    waited: tuple[float, float] = (0.0, 30.0)
    quiet: bool = False


def answered(text: str = SAID, stop: str = "end_turn", **more: Any) -> Gets:
    return Gets(text=text, stop=stop, **more)


def refused(kind: Kind, **more: Any) -> Gets:
    return Gets(kind=kind, **more)


def broken(kind: Kind, text: str, **more: Any) -> Gets:
    return Gets(kind=kind, text=text, begun=True, **more)


@dataclass(frozen=True, kw_only=True)
class Row:
    """``answers``: what the upstream is told to answer, one request after the other, the last one
    to all others; ``plans`` the same for the network. ``stream`` and ``whole``: what a client gets
    that asked for a stream, or not; ``asked``: how many requests reach the upstream then.
    ``gateway``: "patient" has the default timeouts, "impatient" those of :data:`IMPATIENT`.
    ``log``: members of the access log's line beyond the failure's kind. ``heavy`` rows are for the
    long form.
    """

    name: str
    what: str
    answers: tuple[Mapping[str, Any], ...] = (GOOD,)
    plans: tuple[Plan, ...] = ()
    stream: Gets
    whole: Gets
    asked: tuple[int, int] = (1, 1)
    gateway: Literal["patient", "impatient"] = "patient"
    log: Mapping[str, Any] = field(default_factory=dict)
    padding: int = 0
    heavy: bool = False


IMPATIENT = {
    "KIRO_FIRST_EVENT_TIMEOUT": "3",
    "KIRO_IDLE_TIMEOUT": "2",
    "KIRO_EARLY_HEADERS": "0.5",
    "KIRO_PING_INTERVAL": "0.4",
    "KIRO_TOTAL_TIMEOUT": "6",
}

TRIES = 3
"""Attempts at what may pass: the first, and two more."""


def both(name: str, what: str, gets: Gets, asked: int = 1, **more: Any) -> Row:
    """A row that is the same for streams and whole answers."""
    return Row(name=name, what=what, stream=gets, whole=gets, asked=(asked, asked), **more)


def breaks(name: str, what: str, kind: Kind, text: str, *, again: bool = True, **more: Any) -> Row:
    """A row of an answer that breaks after ``text``: a stream gets the error event; a whole answer
    is asked for once more where that may help, and then refused."""
    calls = more.pop("calls", ())
    asked = (1, 2 if again else 1)
    stream = broken(kind, text, calls=calls)
    return Row(name=name, what=what, stream=stream, whole=refused(kind), asked=asked, **more)


REFUSALS: Mapping[str, tuple[Kind, int]] = {
    "throttled": (Kind.THROTTLED, TRIES),
    "user_rate": (Kind.THROTTLED, TRIES),
    "service_rate": (Kind.THROTTLED, TRIES),
    "insufficient_capacity": (Kind.CAPACITY, TRIES),
    "model_unavailable": (Kind.UNAVAILABLE, TRIES),
    "high_load": (Kind.UNAVAILABLE, TRIES),
    "unavailable_500": (Kind.UNAVAILABLE, TRIES),
    "unavailable_503": (Kind.UNAVAILABLE, TRIES),
    "html_503": (Kind.UNAVAILABLE, TRIES),
    "html_504": (Kind.UNAVAILABLE, TRIES),
    "html_524": (Kind.UNAVAILABLE, TRIES),
    "internal": (Kind.UPSTREAM_ERROR, TRIES),
    "html_502": (Kind.UPSTREAM_ERROR, TRIES),
    "unknown_operation": (Kind.UPSTREAM_ERROR, 1),
    "too_long": (Kind.CONTEXT_TOO_LONG, 1),
    "invalid_model": (Kind.INVALID_MODEL, 1),
    "invalid_conversation": (Kind.REJECTED, 1),
    "conversation_limit_402": (Kind.REJECTED, 1),
    "improperly_formed": (Kind.REJECTED, 1),
    "body_invalid": (Kind.REJECTED, 1),
    "tool_mismatch": (Kind.REJECTED, 1),
    "tool_schema_invalid": (Kind.REJECTED, 1),
    "profile_arn_required": (Kind.REJECTED, 1),
    "resource_not_found": (Kind.REJECTED, 1),
    "too_large_413": (Kind.REQUEST_TOO_LARGE, 1),
    "feature_not_supported": (Kind.FORBIDDEN, 1),
    "customization_denied": (Kind.FORBIDDEN, 1),
    "html_403": (Kind.FORBIDDEN, 1),
    "invalid_kms_grant": (Kind.FORBIDDEN, 1),
    "kms_conflict": (Kind.FORBIDDEN, 1),
}
"""The simulator's name of an HTTP refusal: what it is, and how often the upstream is asked. Those
that end the use of an account are in :data:`ACCOUNT_REFUSALS`."""

ACCOUNT_REFUSALS: Mapping[str, tuple[Kind, int]] = {
    "monthly_quota": (Kind.QUOTA, 1),
    "monthly_quota_400": (Kind.QUOTA, 1),
    "daily_quota": (Kind.QUOTA, 1),
    "service_quota_402": (Kind.QUOTA, 1),
    "overage_limit_402": (Kind.QUOTA, 1),
    "suspended": (Kind.SUSPENDED, 1),
    "suspended_text": (Kind.SUSPENDED, 1),
    "suspended_423": (Kind.SUSPENDED, 1),
    "bearer_invalid": (Kind.REFUSED_TOKEN, 2),
    "not_authorized": (Kind.REFUSED_TOKEN, 2),
    "expired_token_401": (Kind.REFUSED_TOKEN, 2),
    "unrecognized_client_401": (Kind.REFUSED_TOKEN, 2),
}
"""Refusals that are held against the account, each tried with one of its own. A refused token is
refreshed and tried once more."""

INSIDE = ("throttled", "insufficient_capacity", "internal", "model_unavailable", "too_long",
          "improperly_formed", "feature_not_supported")  # fmt: skip
"""Refusals that are also tried as exceptions inside a stream."""


def refusal(name: str, *, inside: bool = False) -> str:
    """A refusal in words, by the simulator's name for it."""
    fault = NAMED[name]
    facts = [*([] if inside else [f"HTTP {fault.status}"]), fault.type, fault.reason or ""]
    words = ", ".join(filter(None, facts))
    return f"{words}: “{fault.message}”" if fault.message else f"{words} ({name})"


def refusals() -> Iterator[Row]:
    """Every HTTP refusal of the upstream."""
    for name, (kind, asked) in REFUSALS.items():
        yield both(
            f"http-{name}",
            refusal(name),
            refused(kind),
            asked,
            answers=({"fail": name},),
        )


def account_refusals() -> Iterator[Row]:
    """Every refusal that is held against the account."""
    seen: set[Kind] = set()
    for name, (kind, asked) in ACCOUNT_REFUSALS.items():
        yield both(
            f"account-{name}",
            refusal(name),
            refused(kind),
            asked,
            answers=({"fail": name},),
            heavy=kind in seen,
        )
        seen.add(kind)
    yield both(
        "retry-after",
        "throttled with Retry-After: 1, then a good answer",
        answered(waited=(1.0, 10.0)),
        2,
        answers=({"fail": {"fault": "throttled", "headers": {"retry-after": "1"}}}, GOOD),
    )
    yield both(
        "account-suspicious_activity",
        "the upstream finds the account's activity suspicious",
        refused(Kind.THROTTLED, retry_after="3600"),
        answers=({"fail": "suspicious_activity"},),
    )
    later = {"fault": "throttled", "headers": {"retry-after": "120"}}
    yield both(
        "retry-after-long",
        "throttled with Retry-After: 120, longer than anybody would wait",
        refused(Kind.THROTTLED, retry_after="120"),
        answers=({"fail": later},),
    )


def exceptions() -> Iterator[Row]:
    """Refusals inside a stream whose status was 200, before and after content."""
    for name in INSIDE:
        kind, asked = REFUSALS[name]
        yield both(
            f"exception-{name}",
            f"{refusal(name, inside=True)} before any content",
            refused(kind),
            asked,
            answers=({"exception": name},),
        )
        yield breaks(
            f"late-exception-{name}",
            f"{refusal(name, inside=True)} behind text",
            kind,
            "Hello",
            again=asked > 1,
            answers=({"text": ["Hel", "lo"], "exception": name},),
        )


def recoveries() -> Iterator[Row]:
    """What passes before the attempts are used up: the client notices nothing."""
    for name, trouble in {
        "throttled": {"fail": "throttled"},
        "internal": {"fail": "internal"},
        "capacity-in-stream": {"exception": "insufficient_capacity"},
        "empty": {"empty": True},
        "reset": {"reset": "request"},
        "cut-before-content": {**GOOD, "cut": {"after": 1}},
        "damage-before-content": {**GOOD, "corrupt": {"frame": 0}},
    }.items():
        yield both(
            f"recovers-{name}",
            f"`{name}` twice, then a good answer",
            answered(),
            TRIES,
            answers=(trouble, trouble, GOOD),
            log={"attempts": TRIES},
        )


BEFORE_CONTENT: tuple[Row, ...] = (
    both("empty", "200 without any event, again and again", refused(Kind.EMPTY), TRIES,
         answers=({"empty": True},)),
    both("empty-length", "200 with Content-Length: 0", refused(Kind.EMPTY), TRIES,
         answers=({"empty": True, "framing": "length"},)),
    both("metadata-only", "200 with metadata and figures, but no content and no stop reason",
         refused(Kind.EMPTY), TRIES, answers=({"say": [], "omit": ["metadataEvent"]},)),
    both("says-nothing", "the model ends its turn without a word", answered(""),
         answers=({"say": [], "stop_reason": "END_TURN"},)),
    both("reset-in-request", "the connection is reset while the request is sent",
         refused(Kind.CONNECTION), 0, plans=(Plan(reset="before request"),), padding=500_000),
    both("reset-before-request", "the connection is reset instead of an answer",
         refused(Kind.CONNECTION), 0, plans=(Plan(reset="before request"),)),
    both("reset-after-request", "the connection is reset once the upstream has the request",
         refused(Kind.CONNECTION), TRIES, plans=(Plan(reset="after request"),)),
    both("reset-after-head", "the connection is reset after the response's head",
         refused(Kind.TRUNCATED), TRIES, plans=(Plan(reset="after head"),)),
    both("reset-once", "the connection is reset once", answered(), 2,
         plans=(Plan(reset="after request"), Plan()), log={"attempts": 2}),
    both("cut-in-head", "the connection ends inside the response's head",
         refused(Kind.CONNECTION), TRIES, plans=(Plan(stop_at=50),)),
    both("cut-in-status", "the connection ends inside the status line",
         refused(Kind.CONNECTION), TRIES, plans=(Plan(stop_at=8),)),
    both("damaged-first-event", "the first event's checksum is wrong",
         refused(Kind.CORRUPT), TRIES, answers=({**GOOD, "corrupt": {"frame": 0}},)),
    both("damaged-first-lengths", "the checksum of the first event's lengths is wrong",
         refused(Kind.CORRUPT), TRIES,
         answers=({**GOOD, "corrupt": {"frame": 0, "part": "prelude"}},)),
    both("not-an-event-stream", "200 with a page instead of events", refused(Kind.CORRUPT), TRIES,
         answers=({"raw": base64.b64encode(b"<html>Sign in to the network</html>").decode(),
                   "bare": True},)),
    both("stalled-refusal", "a refusal whose body never comes", refused(Kind.REJECTED),
         answers=({"fail": "improperly_formed"},),
         plans=(Plan(stop_at=250, how="stall"),)),
)  # fmt: skip

_TOOL = {"name": "write", "fragments": ['{"text": ', '"a long story'], "stop": False}
_WHOLE_TOOL = {"name": "write", "input": {"text": "done"}}
_BAD_TOOL = {"name": "write", "fragments": ['{"text": nonsense']}
_DONE = '{"text": "done"}'

ENDS: tuple[Row, ...] = (
    breaks("cut-in-text", "the connection ends between two events of text", Kind.TRUNCATED, "Hello",
           answers=({"text": ["Hel", "lo", "!"], "cut": {"after": 3}},)),
    breaks("reset-in-text", "the connection is reset between two events of text", Kind.TRUNCATED,
           "Hello", answers=({"text": ["Hel", "lo", "!"], "cut": {"after": 3, "how": "rst"}},)),
    breaks("cut-in-frame", "the connection ends inside an event", Kind.TRUNCATED, "Hel",
           answers=({"bare": True, "text": ["Hel", "lo"], "cut": {"at": 200}},)),
    breaks("ends-in-frame", "the HTTP body ends properly, but inside an event", Kind.TRUNCATED,
           "Hel",
           answers=({"bare": True, "text": ["Hel", "lo"], "cut": {"at": 200, "how": "end"}},)),
    breaks("half-closed", "the upstream closes its side in the middle of the body and stays",
           Kind.TRUNCATED, "Hello",
           answers=({"text": ["Hel", "lo"], "stall": {"after": 3}},),
           plans=(Plan(stop_behind=b'"lo"', how="half-close"),)),
    breaks("damaged-in-text", "an event behind text is damaged", Kind.CORRUPT, "Hello",
           answers=({"text": ["Hel", "lo", "!"], "corrupt": {"frame": 3}},)),
    breaks("lengths-damaged-in-text", "the lengths of an event behind text are damaged",
           Kind.CORRUPT, "Hello",
           answers=({"text": ["Hel", "lo", "!"], "corrupt": {"frame": 3, "part": "prelude"}},)),
    breaks("payload-no-json", "an event behind text whose payload is no JSON", Kind.CORRUPT, "Hel",
           answers=({"say": [{"text": "Hel"}, {"raw": base64.b64encode(b"x" * 99).decode()}]},)),
    breaks("error-frame", "an error message of no known type inside the stream",
           Kind.UPSTREAM_ERROR, "Hel",
           answers=({"text": "Hel", "error": {"code": "Oops", "message": "It broke."}},)),
    breaks("invalid-state", "an invalidStateEvent behind text", Kind.UPSTREAM_ERROR, "Hel",
           answers=({"text": "Hel", "event": {"type": "invalidStateEvent", "payload": {
               "reason": "INVALID_TASK_ASSIST_PLAN", "message": "No plan."}}},)),
    breaks("short-length", "Content-Length promises more than comes", Kind.TRUNCATED, SAID,
           answers=({**GOOD, "framing": "length", "length_error": 100},)),
    breaks("closed-without-proof", "a body ended by closing, without the events that come last",
           Kind.TRUNCATED, SAID, answers=({**GOOD, "framing": "close", "bare": True},)),
    breaks("closed-in-text", "a body ended by closing, cut in text", Kind.TRUNCATED, "Hel",
           answers=({**GOOD, "framing": "close", "cut": {"after": 2}},)),
    breaks("cut-in-tool", "the connection ends inside a tool call", Kind.TRUNCATED, "Let me.",
           calls=((PIECE, "open"),),
           answers=({"text": "Let me.", "tool": _TOOL, "cut": {"after": 5}},)),
    Row(name="tool-without-stop", what="the HTTP body is complete, but a tool call has no stop",
        answers=({"text": "Let me.", "tool": _TOOL},),
        stream=answered("Let me.", "max_tokens", calls=((PIECE, "cut"),)),
        whole=answered("Let me.", "max_tokens")),
    Row(name="second-tool-without-stop", what="the same with a whole call before it",
        answers=({"tools": [_WHOLE_TOOL, _TOOL]},),
        stream=answered("", "max_tokens", calls=((_DONE, "whole"), (PIECE, "cut"))),
        whole=answered("", "max_tokens", calls=((_DONE, "whole"),))),
    Row(name="tool-input-no-json", what="a tool call is stopped, but its input is no JSON",
        answers=({"tool": _BAD_TOOL},),
        stream=answered("", "max_tokens", calls=(('{"text": nonsense', "cut"),)),
        whole=answered("", "max_tokens")),
    both("output-limit-told", "the upstream names its output limit as the reason",
         answered(stop="max_tokens"), answers=({**GOOD, "stop_reason": "MAX_TOKENS"},)),
    both("output-limit-as-exception", "ContentLengthExceededException behind text",
         answered("Hello", "max_tokens"),
         answers=({"text": ["Hel", "lo"],
                   "exception": {"type": "ContentLengthExceededException"}},)),
    both("filtered", "the upstream says that it filtered the content", answered(stop="refusal"),
         answers=({**GOOD, "stop_reason": "CONTENT_FILTERED"},)),
    both("wrong-stop-reason", "END_TURN behind a tool call",
         answered("", "tool_use", calls=((_DONE, "whole"),)),
         answers=({"tool": _WHOLE_TOOL, "stop_reason": "END_TURN"},)),
)  # fmt: skip

HARMLESS: tuple[Row, ...] = (
    both("chunked", "a chunked body", answered()),
    both("length", "a body with Content-Length", answered(),
         answers=({**GOOD, "framing": "length"},)),
    both("closed", "a body ended by closing the connection", answered(),
         answers=({**GOOD, "framing": "close"},)),
    both("chunked-without-figures", "a chunked body without the events that come last",
         answered(), answers=({**GOOD, "bare": True},)),
    both("one-byte-chunks", "every byte in a chunk of its own", answered(),
         answers=({**GOOD, "bytes_per_chunk": 1},)),
    both("one-byte-segments", "every byte of the connection by itself", answered(),
         plans=(Plan(piece=1),)),
    both("slow-network", "sixteen bytes at a time, with pauses", answered(),
         plans=(Plan(piece=16, pause=0.002),)),
    both("many-events-a-chunk", "all events in one chunk", answered(),
         answers=({**GOOD, "frames_per_chunk": 100},)),
    both("duplicated-frame", "an event twice: two equal pieces are two pieces",
         answered("HelHello"), answers=({"text": ["Hel", "lo"], "duplicate": [1]},)),
    both("unknown-events", "events of types nobody knows", answered("Hello"),
         answers=({"say": [{"event": {"type": "newsEvent", "payload": {"content": "no"}}},
                           {"text": "Hel"},
                           {"event": {"type": "followupPromptEvent",
                                      "payload": {"followupPrompt": {"content": "no"}}}},
                           {"text": "lo"}]},),
         log={"skipped": {"newsEvent": 1}}),
    both("interleaved-tools", "two tool calls whose events alternate",
         answered("", "tool_use", calls=((_DONE, "whole"), ('{"text": "two"}', "whole"))),
         answers=({"interleaved": [{**_WHOLE_TOOL, "split": 3},
                                   {"name": "write", "input": {"text": "two"}, "split": 4}]},)),
    both("closes-after", "the upstream closes the connection after each answer", answered(),
         answers=({**GOOD, "close_after": True},)),
    both("large-event", "one event of 20 MB", answered("0123456789" * 2_000_000),
         answers=({"text": {"repeat": "0123456789", "times": 2_000_000}},)),
    breaks("too-large-event", "one event over 24 MiB, the longest that is taken", Kind.CORRUPT,
           "Hel", answers=({"text": ["Hel", "0123456789" * 2_600_000]},), heavy=True),
)  # fmt: skip

_EARLY = (0.45, 2.0)

TIMES: tuple[Row, ...] = (
    Row(name="slow-first-event", what="the first event takes longer than KIRO_EARLY_HEADERS",
        answers=({**GOOD, "delay_first": 1.6},),
        stream=answered(waited=_EARLY, quiet=True), whole=answered(waited=(1.5, 5))),
    Row(name="slow-head", what="the response's head takes longer than KIRO_EARLY_HEADERS",
        answers=({**GOOD, "delay_head": 1.6},),
        stream=answered(waited=_EARLY, quiet=True), whole=answered(waited=(1.5, 5))),
    Row(name="recovers-late", what="a retry succeeds after the headers had to go out",
        answers=({"fail": "throttled", "delay_head": 1.0}, GOOD),
        stream=answered(waited=_EARLY, quiet=True), whole=answered(), asked=(2, 2)),
    Row(name="refused-late", what="the upstream refuses after the headers had to go out",
        answers=({"fail": "too_long", "delay_head": 1.2},),
        stream=broken(Kind.CONTEXT_TOO_LONG, "", waited=_EARLY, quiet=True),
        whole=refused(Kind.CONTEXT_TOO_LONG)),
    Row(name="no-head", what="the upstream takes the request and never answers",
        answers=({**GOOD, "delay_head": 60},),
        stream=broken(Kind.TIMEOUT, "", waited=_EARLY, quiet=True), whole=refused(Kind.TIMEOUT)),
    Row(name="no-first-event", what="the upstream sends a head and no event",
        answers=({**GOOD, "stall": {"after": 0}},),
        stream=broken(Kind.TIMEOUT, "", waited=_EARLY, quiet=True), whole=refused(Kind.TIMEOUT)),
    Row(name="metadata-then-nothing", what="the upstream sends metadata, but nothing else",
        answers=({**GOOD, "stall": {"after": 1}},),
        stream=broken(Kind.TIMEOUT, "", waited=_EARLY, quiet=True), whole=refused(Kind.TIMEOUT)),
    Row(name="stall-in-text", what="the upstream falls silent for ever in the middle of text",
        answers=({"text": ["Hel", "lo"], "stall": {"after": 2}},),
        stream=broken(Kind.TIMEOUT, "Hel", quiet=True), whole=refused(Kind.TIMEOUT)),
    Row(name="stall-in-tool", what="the same in the middle of a tool call",
        answers=({"tool": _TOOL, "stall": {"after": 3}},),
        stream=broken(Kind.TIMEOUT, "", calls=(('{"text": ', "open"),), quiet=True),
        whole=refused(Kind.TIMEOUT)),
    Row(name="too-long-in-all", what="an answer goes on for longer than KIRO_TOTAL_TIMEOUT",
        answers=({"say": [{"text": "Hel"}, {"text": [""] * 100}, {"text": "lo"}], "delay": 0.1},),
        stream=broken(Kind.TIMEOUT, "Hel", quiet=True), whole=refused(Kind.TIMEOUT)),
    Row(name="pause-in-text", what="a pause between two events, shorter than KIRO_IDLE_TIMEOUT",
        answers=({"text": ["Hel", "lo"], "stall": {"after": 2, "seconds": 1.2}},),
        stream=answered("Hello", quiet=True), whole=answered("Hello")),
    Row(name="nothing-but-unknown-events", what="for a while only events come that say nothing",
        answers=({"say": [{"text": "Hel"},
                          *[{"event": {"type": "newsEvent"}} for _ in range(8)], {"text": "lo"}],
                  "delay": 0.2},),
        stream=answered("Hello", quiet=True), whole=answered("Hello")),
    Row(name="empty-deltas", what="for a while only empty pieces of text come",
        answers=({"say": [{"text": "Hel"}, {"text": [""] * 8}, {"text": "lo"}], "delay": 0.2},),
        stream=answered("Hello", quiet=True), whole=answered("Hello")),
)  # fmt: skip


REACH: tuple[Row, ...] = (
    both("connection-refused", "nobody listens where the upstream should be",
         refused(Kind.CONNECTION), 0, log={"attempts": TRIES, "error_code": "unreachable"}),
    both("no-connection", "no connection within KIRO_CONNECT_TIMEOUT",
         refused(Kind.CONNECTION), 0, log={"attempts": TRIES, "error_code": "unreachable"}),
    both("unknown-name", "the upstream's name cannot be resolved",
         refused(Kind.CONNECTION), 0, log={"attempts": TRIES, "error_code": "unreachable"},
         heavy=True),
    both("certificate-untrusted", "a certificate by an authority nobody trusts",
         refused(Kind.TLS), 0, log={"attempts": 1}),
    both("certificate-of-another", "a certificate for another host",
         refused(Kind.TLS), 0, log={"attempts": 1}, heavy=True),
    both("certificate-expired", "a certificate that has expired",
         refused(Kind.TLS), 0, log={"attempts": 1}, heavy=True),
    both("certificate-trusted", "a certificate by an authority that SSL_CERT_FILE names",
         answered(), 1),
)  # fmt: skip
"""Each on a gateway of its own, since it is about the upstream's address."""


@dataclass(frozen=True, kw_only=True)
class Leaving:
    """A client that goes away, or takes nothing any more. ``ready``: how many events the upstream
    has sent by then; None: not even the response's head.
    """

    name: str
    what: str
    answers: tuple[Mapping[str, Any], ...]
    ready: int | None
    asked: int = 1
    reset: bool = False


_FLOW = {"text": {"repeat": "word ", "deltas": 20_000}, "delay": 0.001}

LEAVINGS: tuple[Leaving, ...] = (
    Leaving(name="before-head", what="before the upstream has answered at all",
            answers=({**GOOD, "delay_head": 60},), ready=None),
    Leaving(name="before-first-event", what="after the upstream's head, before its first event",
            answers=({**GOOD, "stall": {"after": 0}},), ready=0),
    Leaving(name="after-metadata", what="after events that are no content",
            answers=({**GOOD, "stall": {"after": 1}},), ready=1),
    Leaving(name="in-silence", what="in the middle of the answer, while nothing comes",
            answers=({"text": ["Hel", "lo"], "stall": {"after": 2}},), ready=2),
    Leaving(name="in-flow", what="in the middle of the answer, while events come",
            answers=(_FLOW,), ready=50),
    Leaving(name="by-reset", what="by a reset instead of a proper close",
            answers=({"text": ["Hel", "lo"], "stall": {"after": 2}},), ready=2, reset=True),
    Leaving(name="in-tool", what="in the middle of a tool call",
            answers=({"tool": _TOOL, "stall": {"after": 3}},), ready=3),
)  # fmt: skip


def all_rows() -> tuple[Row, ...]:
    """Every row that is tried on a shared gateway."""
    return (
        *refusals(),
        *exceptions(),
        *recoveries(),
        *BEFORE_CONTENT,
        *ENDS,
        *HARMLESS,
        *(replace(row, gateway="impatient") for row in TIMES),
    )


@dataclass(frozen=True)
class Held:
    """What a test of its own holds: ``test`` is its name, as pytest takes it without parameters."""

    what: str
    gets: str
    upstream: str
    log: str
    test: str


OTHERS: tuple[Held, ...] = (
    Held("a byte of the answer turned over, at any offset",
         "what was whole before it, then `corrupt`; never a normal end", "as for `corrupt`",
         "`error=corrupt`", "chaos/test_damage.py::test_a_byte_turned_over_at_every_offset"),
    Held("a conversation longer than the model's window",
         "`context_too_long` in the words clients act on, with its tokens and the window's",
         "at most one request", "`error=context_too_long`",
         "chaos/test_rows.py::test_a_conversation_that_is_too_long_is_told_with_its_figures"),
    Held("a random answer, cut at a random place, in random pieces",
         "everything that came, once and in order; a normal end only if it was sent",
         "as for `truncated` and `empty`", "",
         "truth/test_in_process.py::test_a_thousand_stories"),
    Held("more answers at once than KIRO_MAX_STREAMS",
         "`overloaded` with `retry-after`, within 50 ms", "no request", "`error=overloaded`",
         "live/test_load.py::test_one_too_many_is_refused_at_once"),
    Held("the same, for what asks for no answer of a model", "served as ever", "", "",
         "live/test_load.py::test_what_asks_for_no_answer_of_a_model_is_served"),
    Held("a request body over MAX_BODY_BYTES", "`request_too_large`", "no request",
         "`error=request_too_large`", "live/test_http.py::test_a_body_over_the_limit"),
    Held("more requests a minute than a client key may make", "`key_limited` with `retry-after`",
         "no request", "`error=key_limited`", "live/test_keys.py::test_requests_per_minute"),
    Held("a client leaves between two attempts", "", "no further attempt", "`cancelled=true`",
         "chaos/test_clients.py::test_no_retry_for_a_client_that_left_between_two"),
    Held("a client leaves while it sends its request", "", "no request", "status 400",
         "chaos/test_clients.py::test_a_client_that_leaves_while_it_sends"),
    Held("a client takes nothing for KIRO_CLIENT_STALL", "is dropped",
         "its connection closes; what waits in memory is bounded", "`cancelled=true`",
         "chaos/test_clients.py::test_a_client_that_stops_reading_is_dropped"),
    Held("a client takes an answer slowly, but takes it", "all of it", "one request", "",
         "chaos/test_clients.py::test_a_client_that_reads_slowly_gets_everything"),
    Held("a client never finishes the head of its request", "is dropped after the keep-alive time",
         "no request", "",
         "chaos/test_clients.py::test_a_client_that_never_finishes_its_head_is_dropped"),
    Held("a client pauses in its request for KIRO_CLIENT_STALL", "400 `invalid_request`",
         "no request", "`error=invalid_request`",
         "chaos/test_clients.py::test_a_client_that_never_finishes_its_body_is_dropped"),
    Held("SIGTERM under 100 streams",
         "what ends in time is whole; the rest gets `shutting_down` and a clean end, 2 s before"
         " KIRO_GRACEFUL_TIMEOUT is over",
         "connections of the rest close", "`error=shutting_down` for the rest",
         "chaos/test_processes.py::test_sigterm"),
    Held("SIGTERM with idle connections", "they are closed", "", "no delay of the stop",
         "chaos/test_processes.py::test_idle_connections_do_not_delay_a_stop"),
    Held("SIGHUP under 100 streams", "the same, while new requests are answered throughout",
         "connections of the rest close", "`error=shutting_down` for the rest",
         "chaos/test_processes.py::test_sighup"),
    Held("SIGKILL of a worker under 100 streams",
         "its clients lose their connection and see no normal end; the others' answers are whole",
         "its connections close", "gunicorn starts another worker",
         "chaos/test_processes.py::test_sigkill_of_a_worker"),
    Held("mixed load with clients that leave, for minutes", "",
         "no connection is left open",
         "memory, files and greenlets stay level", "soak/test_soak.py::test_half_a_minute"),
)  # fmt: skip
