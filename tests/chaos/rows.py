"""Faults of the network and of answers, one row each.

``docs/faults.md`` is generated from all rows; ``test_rows.py`` tests those of a shared gateway.
"""

import base64
from dataclasses import replace
from typing import Any

from app.common.errors import Kind
from tests.chaos.limited_rows import LIMITED
from tests.chaos.proxy import ProxyPlan
from tests.chaos.refusals import exceptions, recoveries, refusals
from tests.chaos.row import (
    CUT_CALL,
    DONE,
    GOOD,
    PIECE,
    SAID,
    TRIES,
    WHOLE_TOOL,
    FaultRow,
    answered,
    both,
    breaks,
    broken,
    refused,
)

IMPATIENT = {
    "KIRO_FIRST_EVENT_TIMEOUT": "3",
    "KIRO_IDLE_TIMEOUT": "2",
    "KIRO_QUIET_END": "0.8",
    "KIRO_EARLY_HEADERS": "0.5",
    "KIRO_PING_INTERVAL": "0.4",
    "KIRO_TOTAL_TIMEOUT": "6",
}


_NEWS = {"event": {"type": "newsEvent"}}


def _metered(credits: float, unit: str = "credit") -> dict[str, Any]:
    return {"event": {"type": "meteringEvent", "payload": {"usage": credits, "unit": unit}}}


def _metadata(**members: Any) -> dict[str, Any]:
    return {"event": {"type": "metadataEvent", "payload": members}}


def _silent(*parts: dict[str, Any]) -> dict[str, Any]:
    """An answer after whose events nothing comes, and the body stays open."""
    return {"say": [*parts, {"text": "never"}], "bare": True, "stall": {"after": len(parts)}}


BEFORE_CONTENT: tuple[FaultRow, ...] = (
    both("empty", "200 without any event, every time", refused(Kind.EMPTY), TRIES,
         answers=({"empty": True},)),
    both("empty-length", "200 with Content-Length: 0", refused(Kind.EMPTY), TRIES,
         answers=({"empty": True, "framing": "length"},)),
    both("metadata-only", "200 with metadata and usage, but without content and stop reason",
         refused(Kind.EMPTY), TRIES,
         answers=({"say": [], "omit": ["metadataEvent", "meteringEvent"]},)),
    both("empty-and-billed", "the same, and billed", refused(Kind.EMPTY),
         answers=({"say": [], "omit": ["metadataEvent"], "credits": 0.5},),
         log={"credits": 0.5, "error_code": "billed", "attempts": 1}),
    both("says-nothing", "the model ends its turn without content", answered(""),
         answers=({"say": [], "stop_reason": "END_TURN"},)),
    both("reset-in-request", "the connection is reset while the gateway sends the request",
         refused(Kind.CONNECTION), 0, plans=(ProxyPlan(reset="before request"),), padding=500_000),
    both("reset-before-request", "the connection is reset before an answer",
         refused(Kind.CONNECTION), 0, plans=(ProxyPlan(reset="before request"),)),
    both("reset-after-request",
         "the connection is reset after the upstream has received the request",
         refused(Kind.CONNECTION), TRIES, plans=(ProxyPlan(reset="after request"),)),
    both("reset-after-head", "the connection is reset after the response head",
         refused(Kind.TRUNCATED), TRIES, plans=(ProxyPlan(reset="after head"),)),
    both("reset-once", "the connection is reset once", answered(), 2,
         plans=(ProxyPlan(reset="after request"), ProxyPlan()), log={"attempts": 2}),
    both("cut-in-head", "the connection ends inside the response head",
         refused(Kind.CONNECTION), TRIES, plans=(ProxyPlan(stop_at=50),)),
    both("cut-in-status", "the connection ends inside the status line",
         refused(Kind.CONNECTION), TRIES, plans=(ProxyPlan(stop_at=8),)),
    both("damaged-first-event", "the first event's checksum is wrong",
         refused(Kind.CORRUPT), TRIES, answers=({**GOOD, "corrupt": {"frame": 0}},)),
    both("damaged-first-lengths", "the checksum of the first event's lengths is wrong",
         refused(Kind.CORRUPT), TRIES,
         answers=({**GOOD, "corrupt": {"frame": 0, "part": "prelude"}},)),
    both("not-an-event-stream",
         "200 with an HTML page instead of events", refused(Kind.CORRUPT), TRIES,
         answers=({"raw": base64.b64encode(b"<html>Sign in to the network</html>").decode(),
                   "bare": True},)),
    both("stalled-refusal", "a refusal whose body never arrives", refused(Kind.REJECTED),
         answers=({"fail": "improperly_formed"},),
         plans=(ProxyPlan(stop_at=250, how="stall"),)),
)  # fmt: skip

_BAD_TOOL = {"name": "write", "fragments": ['{"text": nonsense']}

MEMBERS = {
    "error": Kind.UPSTREAM_ERROR,
    "throttlingError": Kind.THROTTLED,
    "validationError": Kind.REJECTED,
    "serviceUnavailableError": Kind.UNAVAILABLE,
}

ENDS: tuple[FaultRow, ...] = (
    breaks("cut-in-text", "the connection ends between two events of text", Kind.TRUNCATED, "Hello",
           answers=({"text": ["Hel", "lo", "!"], "cut": {"after": 3}},)),
    breaks("reset-in-text", "the connection is reset between two events of text", Kind.TRUNCATED,
           "Hello", answers=({"text": ["Hel", "lo", "!"], "cut": {"after": 3, "how": "rst"}},)),
    breaks("cut-in-frame", "the connection ends inside an event", Kind.TRUNCATED, "Hel",
           answers=({"bare": True, "text": ["Hel", "lo"], "cut": {"at": 200}},)),
    breaks("ends-in-frame", "the HTTP body ends properly, but inside an event", Kind.TRUNCATED,
           "Hel",
           answers=({"bare": True, "text": ["Hel", "lo"], "cut": {"at": 200, "how": "end"}},)),
    breaks("half-closed", "the upstream half-closes the connection in the middle of the body",
           Kind.TRUNCATED, "Hello",
           answers=({"text": ["Hel", "lo"], "stall": {"after": 3}},),
           plans=(ProxyPlan(stop_after=b'"lo"', how="half-close"),)),
    breaks("damaged-in-text", "an event after text is damaged", Kind.CORRUPT, "Hello",
           answers=({"text": ["Hel", "lo", "!"], "corrupt": {"frame": 3}},)),
    breaks("lengths-damaged-in-text", "the lengths of an event after text are damaged",
           Kind.CORRUPT, "Hello",
           answers=({"text": ["Hel", "lo", "!"], "corrupt": {"frame": 3, "part": "prelude"}},)),
    breaks("payload-no-json",
           "an event after text has a payload that is not JSON", Kind.CORRUPT, "Hel",
           answers=({"say": [{"text": "Hel"}, {"raw": base64.b64encode(b"x" * 99).decode()}]},)),
    breaks("error-frame", "an error message of an unknown type inside the stream",
           Kind.UPSTREAM_ERROR, "Hel",
           answers=({"text": "Hel", "error": {"code": "Oops", "message": "It broke."}},)),
    *(breaks(f"exception-{name}", f"`{name}` after text, as the newest hosts name an exception",
             kind, "Hel", retried=kind is not Kind.REJECTED,
             answers=({"text": "Hel", "exception": {"type": name, "message": "No."}},))
      for name, kind in MEMBERS.items()),
    breaks("invalid-state", "an invalidStateEvent after text", Kind.UPSTREAM_ERROR, "Hel",
           answers=({"text": "Hel", "event": {"type": "invalidStateEvent", "payload": {
               "reason": "INVALID_TASK_ASSIST_PLAN", "message": "No plan."}}},)),
    breaks("short-length", "Content-Length is larger than the body", Kind.TRUNCATED, SAID,
           answers=({**GOOD, "framing": "length", "length_error": 100},)),
    breaks("closed-without-proof",
           "a body that ends with the connection, without the events of a complete answer",
           Kind.TRUNCATED, SAID, answers=({**GOOD, "framing": "close", "bare": True},)),
    breaks("closed-in-text",
           "a body that ends with the connection, in the middle of text", Kind.TRUNCATED, "Hel",
           answers=({**GOOD, "framing": "close", "cut": {"after": 2}},)),
    breaks("cut-in-tool", "the connection ends inside a tool call", Kind.TRUNCATED, "Let me.",
           calls=((PIECE, "open"),),
           answers=({"text": "Let me.", "tool": CUT_CALL, "cut": {"after": 5}},)),
    FaultRow(name="tool-without-stop",
             what="the HTTP body is complete, but a tool call has no stop event",
        answers=({"text": "Let me.", "tool": CUT_CALL},),
        stream=answered("Let me.", "max_tokens", calls=((PIECE, "cut"),)),
        whole=answered("Let me.", "max_tokens")),
    FaultRow(name="second-tool-without-stop", what="the same after a complete tool call",
        answers=({"tools": [WHOLE_TOOL, CUT_CALL]},),
        stream=answered("", "max_tokens", calls=((DONE, "whole"), (PIECE, "cut"))),
        whole=answered("", "max_tokens", calls=((DONE, "whole"),))),
    FaultRow(name="tool-input-no-json",
             what="a tool call has a stop event, but its input is not JSON",
        answers=({"tool": _BAD_TOOL},),
        stream=answered("", "max_tokens", calls=(('{"text": nonsense', "cut"),)),
        whole=answered("", "max_tokens")),
    both("character-cut-apart",
         "an event ends with half of a character (of its UTF-16 form), the next begins with the"
         " other half", answered("Hello 🙂!"),
         answers=({"text": ["Hello \ud83d", "\ude42!"]},)),
    both("half-a-character", "half of a character in an event, without the other half",
         answered("Hel\ufffdlo\ufffd"), answers=({"text": ["Hel\ud83dlo", "\ude42"]},),
         log={"skipped": {"half of a surrogate pair": 2}}),
    both("output-limit-told", "the upstream gives its output limit as the stop reason",
         answered(stop="max_tokens"), answers=({**GOOD, "stop_reason": "MAX_TOKENS"},)),
    both("output-limit-as-exception", "ContentLengthExceededException after text",
         answered("Hello", "max_tokens"),
         answers=({"text": ["Hel", "lo"],
                   "exception": {"type": "ContentLengthExceededException"}},)),
    both("filtered", "the upstream reports that it filtered the content", answered(stop="refusal"),
         answers=({**GOOD, "stop_reason": "CONTENT_FILTERED"},)),
    both("refused", "the upstream declines to answer, and says why",
         answered("", stop="refusal", explained="Not that."),
         answers=({"say": [_metadata(stopReason="CONTENT_FILTERED", stopDetails={"refusal": {
             "category": "REASONING_EXTRACTION", "explanation": "Not that."}})], "bare": True},),
         log={"refusal": "reasoning_extraction"}),
    both("paused", "PAUSE_TURN after text", answered(stop="pause_turn"),
         answers=({**GOOD, "stop_reason": "PAUSE_TURN"},)),
    both("metered-twice", "several meteringEvents: they add up, but for other units than credits",
         answered("Hello"),
         answers=({"say": [{"text": "Hel"}, _metered(0.5), {"text": "lo"},
                           _metered(0.25, "credits"), _metered(900, "token")], "bare": True},),
         log={"credits": 0.75, "skipped": {"meteringEvent in 'token'": 1}}),
    both("wrong-stop-reason", "END_TURN after a tool call",
         answered("", "tool_use", calls=((DONE, "whole"),)),
         answers=({"tool": WHOLE_TOOL, "stop_reason": "END_TURN"},)),
)  # fmt: skip

HARMLESS: tuple[FaultRow, ...] = (
    both("chunked", "a chunked body", answered()),
    both("length", "a body with Content-Length", answered(),
         answers=({**GOOD, "framing": "length"},)),
    both("closed", "a body that ends with the connection", answered(),
         answers=({**GOOD, "framing": "close"},)),
    both("chunked-without-figures", "a chunked body without the events that usually end an answer",
         answered(), answers=({**GOOD, "bare": True},)),
    both("one-byte-chunks", "every byte in a separate chunk", answered(),
         answers=({**GOOD, "bytes_per_chunk": 1},)),
    both("one-byte-segments", "every byte in a separate TCP segment", answered(),
         plans=(ProxyPlan(piece=1),)),
    both("slow-network", "sixteen bytes at a time, with pauses", answered(),
         plans=(ProxyPlan(piece=16, pause=0.002),)),
    both("many-events-a-chunk", "all events in one chunk", answered(),
         answers=({**GOOD, "frames_per_chunk": 100},)),
    both("duplicated-frame", "the same event twice: both are delivered",
         answered("HelHello"), answers=({"text": ["Hel", "lo"], "duplicate": [1]},)),
    both("unknown-events", "events of unknown types", answered("Hello"),
         answers=({"say": [{"event": {"type": "newsEvent", "payload": {"content": "no"}}},
                           {"text": "Hel"},
                           {"event": {"type": "followupPromptEvent",
                                      "payload": {"followupPrompt": {"content": "no"}}}},
                           {"text": "lo"}]},),
         log={"skipped": {"newsEvent": 1}}),
    both("interleaved-tools", "two tool calls whose events alternate",
         answered("", "tool_use", calls=((DONE, "whole"), ('{"text": "two"}', "whole"))),
         answers=({"interleaved": [{**WHOLE_TOOL, "split": 3},
                                   {"name": "write", "input": {"text": "two"}, "split": 4}]},)),
    both("closes-after", "the upstream closes the connection after each answer", answered(),
         answers=({**GOOD, "close_after": True},)),
    both("large-event", "one event of 20 MB", answered("0123456789" * 2_000_000),
         answers=({"text": {"repeat": "0123456789", "times": 2_000_000}},)),
    breaks("too-large-event", "one event over 24 MiB, the limit", Kind.CORRUPT,
           "Hel", answers=({"text": ["Hel", "0123456789" * 2_600_000]},), heavy=True),
)  # fmt: skip

_EARLY = (0.45, 2.0)

TIMES: tuple[FaultRow, ...] = (
    FaultRow(name="slow-first-event", what="the first event takes longer than KIRO_EARLY_HEADERS",
        answers=({**GOOD, "delay_first": 1.6},),
        stream=answered(waited=_EARLY, quiet=True), whole=answered(waited=(1.5, 5))),
    FaultRow(name="slow-head", what="the response head takes longer than KIRO_EARLY_HEADERS",
        answers=({**GOOD, "delay_head": 1.6},),
        stream=answered(waited=_EARLY, quiet=True), whole=answered(waited=(1.5, 5))),
    FaultRow(name="recovers-late", what="a retry succeeds after the gateway has sent its headers",
        answers=({"fail": "throttled", "delay_head": 1.0}, GOOD),
        stream=answered(waited=_EARLY, quiet=True), whole=answered(), requests=(2, 2)),
    FaultRow(name="refused-late",
             what="the upstream refuses after the gateway has sent its headers",
        answers=({"fail": "too_long", "delay_head": 1.2},),
        stream=broken(Kind.CONTEXT_TOO_LONG, "", waited=_EARLY, quiet=True),
        whole=refused(Kind.CONTEXT_TOO_LONG)),
    FaultRow(name="no-head", what="the upstream accepts the request and never answers",
        answers=({**GOOD, "delay_head": 60},),
        stream=broken(Kind.TIMEOUT, "", waited=_EARLY, quiet=True), whole=refused(Kind.TIMEOUT)),
    FaultRow(name="no-first-event", what="the upstream sends the response head and no event",
        answers=({**GOOD, "stall": {"after": 0}},),
        stream=broken(Kind.TIMEOUT, "", waited=_EARLY, quiet=True), whole=refused(Kind.TIMEOUT)),
    FaultRow(name="metadata-then-nothing", what="the upstream sends metadata and nothing else",
        answers=({**GOOD, "stall": {"after": 1}},),
        stream=broken(Kind.TIMEOUT, "", waited=_EARLY, quiet=True), whole=refused(Kind.TIMEOUT)),
    FaultRow(name="stall-in-text", what="the upstream stops sending in the middle of text",
        answers=({"text": ["Hel", "lo"], "stall": {"after": 2}},),
        stream=broken(Kind.TIMEOUT, "Hel", quiet=True), whole=refused(Kind.TIMEOUT)),
    FaultRow(name="stall-while-held", limit="stop",
             what="the upstream stops sending while text is held back",
        answers=({"text": ["Hel", "lo", "!"], "stall": {"after": 3}},),
        stream=broken(Kind.TIMEOUT, "Hello", quiet=True), whole=refused(Kind.TIMEOUT)),
    FaultRow(name="stall-in-tool", what="the same in the middle of a tool call",
        answers=({"tool": CUT_CALL, "stall": {"after": 3}},),
        stream=broken(Kind.TIMEOUT, "", calls=(('{"text": ', "open"),), quiet=True),
        whole=refused(Kind.TIMEOUT)),
    FaultRow(name="silent-after-metering",
             what="after the meteringEvent the upstream neither sends nor closes",
        answers=(_silent({"text": "Hel"}, {"text": "lo"}, _metered(0.5)),),
        stream=answered("Hello", quiet=True), whole=answered("Hello"),
        log={"quiet_end": True, "credits": 0.5}),
    FaultRow(name="silent-without-metering",
             what="the same after the other events that usually end an answer",
        answers=(_silent({"text": "Hel"}, _metadata(stopReason="END_TURN")),),
        stream=broken(Kind.TIMEOUT, "Hel", quiet=True), whole=refused(Kind.TIMEOUT)),
    FaultRow(name="slow-after-metering",
             what="after a meteringEvent more follows, in steps shorter than KIRO_QUIET_END",
        answers=({"say": [{"text": "Hel"}, _metered(0.5), _NEWS, _NEWS, {"text": "lo"}],
                  "delay": 0.5},),
        stream=answered("Hello", quiet=True), whole=answered("Hello"),
        log={"skipped": {"newsEvent": 2}}),
    FaultRow(name="too-long-in-all", what="an answer takes longer than KIRO_TOTAL_TIMEOUT",
        answers=({"say": [{"text": "Hel"}, {"text": [""] * 100}, {"text": "lo"}], "delay": 0.1},),
        stream=broken(Kind.TIMEOUT, "Hel", quiet=True), whole=refused(Kind.TIMEOUT)),
    FaultRow(name="pause-in-text",
             what="a pause between two events, shorter than KIRO_IDLE_TIMEOUT",
        answers=({"text": ["Hel", "lo"], "stall": {"after": 2, "seconds": 1.2}},),
        stream=answered("Hello", quiet=True), whole=answered("Hello")),
    FaultRow(name="nothing-but-unknown-events",
             what="for a while, only events without content arrive",
        answers=({"say": [{"text": "Hel"},
                          *[_NEWS] * 8, {"text": "lo"}],
                  "delay": 0.2},),
        stream=answered("Hello", quiet=True), whole=answered("Hello")),
    FaultRow(name="empty-deltas", what="for a while, only empty text deltas arrive",
        answers=({"say": [{"text": "Hel"}, {"text": [""] * 8}, {"text": "lo"}], "delay": 0.2},),
        stream=answered("Hello", quiet=True), whole=answered("Hello")),
)  # fmt: skip


REACH: tuple[FaultRow, ...] = (
    both("connection-refused", "no process listens at the address of the upstream",
         refused(Kind.CONNECTION), 0, log={"attempts": TRIES, "error_code": "unreachable"}),
    both("no-connection", "no connection within KIRO_CONNECT_TIMEOUT",
         refused(Kind.CONNECTION), 0, log={"attempts": TRIES, "error_code": "unreachable"}),
    both("unknown-name", "the host name of the upstream cannot be resolved",
         refused(Kind.CONNECTION), 0, log={"attempts": TRIES, "error_code": "unreachable"},
         heavy=True),
    both("certificate-untrusted", "a certificate of an untrusted authority",
         refused(Kind.TLS), 0, log={"attempts": 1}),
    both("certificate-of-another", "a certificate for another host",
         refused(Kind.TLS), 0, log={"attempts": 1}, heavy=True),
    both("certificate-expired", "a certificate that has expired",
         refused(Kind.TLS), 0, log={"attempts": 1}, heavy=True),
    both("certificate-trusted", "a certificate of an authority in SSL_CERT_FILE",
         answered(), 1),
)  # fmt: skip
"""Each needs its own gateway, since it depends on the upstream's address."""


def all_rows() -> tuple[FaultRow, ...]:
    """Return every row that is tested on a shared gateway."""
    return (
        *refusals(),
        *exceptions(),
        *recoveries(),
        *BEFORE_CONTENT,
        *ENDS,
        *LIMITED,
        *HARMLESS,
        *(replace(row, gateway="impatient") for row in TIMES),
    )
