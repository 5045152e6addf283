"""From the bytes of an answer to core events: what was said, in order, and how it ended."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.codewhisperer.answer.decoder import NO_TAIL, EventDecoder
from app.codewhisperer.answer.ending import Tail
from app.codewhisperer.service.errors import StreamError
from app.common.errors import BILLED, GatewayError, Kind
from app.core.events import (
    Event,
    Finish,
    RedactedThinkingBlock,
    Refusal,
    TextDelta,
    ThinkingDelta,
    ThinkingSignature,
    ToolEnd,
    ToolInput,
    ToolStart,
    Usage,
)
from tests.codewhisperer.answer.hearing import (
    Outcome,
    events_of,
    hear,
    hear_every_way,
    metadata,
    reason_of,
    reasoning,
    tell,
    text,
    tool,
)
from tests.eventstream.wire import Typed, error, event, exception, frame

SYNTHETIC = Path(__file__).parents[2] / "vectors" / "synthetic"


# ---- vectors -------------------------------------------------------------------------------------

WITH_USAGE: list[Event] = [
    Usage(model="auto"),
    TextDelta("Hel"),
    TextDelta("lo 世界 🙂"),
    Usage(credits=0.0123),
    Usage(context_percentage=1.25),
]

HEARD = {
    "text_with_usage": Outcome([*WITH_USAGE, Finish("end_turn")]),
    "cut_mid_frame": Outcome(WITH_USAGE, Kind.TRUNCATED),
    "repeated_identical_deltas": Outcome([*[TextDelta("ha")] * 3, Finish("end_turn")]),
    "two_tools": Outcome(
        [
            TextDelta("ok"),
            ToolStart("tooluse_A", "read"),
            ToolInput('{"pa'),
            ToolInput('th":"x"}'),
            ToolEnd(),
            ToolStart("tooluse_B", "now"),
            ToolEnd(),
            Finish("tool_use"),
        ]
    ),
    "tool_truncated_no_stop": Outcome(
        [
            ToolStart("tooluse_C", "write"),
            ToolInput('{"content":"abc'),
            ToolEnd(complete=False),
            Finish("max_tokens"),
        ]
    ),
    "reasoning": Outcome(
        [
            ThinkingDelta("think"),
            ThinkingDelta("ing"),
            ThinkingSignature("c2ln"),
            TextDelta("done"),
            Finish("end_turn"),
        ]
    ),
    "unknown_event_ignored": Outcome([TextDelta("a"), Finish("end_turn")]),
    "mid_stream_exception": Outcome([TextDelta("par")], Kind.CAPACITY),
    "unmodeled_error": Outcome([], Kind.UPSTREAM_ERROR),
}


@pytest.mark.parametrize("path", sorted(SYNTHETIC.glob("*.bin")), ids=lambda path: path.stem)
@given(places=st.lists(st.integers(0, 1 << 16), max_size=20))
def test_conversation_vectors(path: Path, places: list[int]) -> None:
    assert hear_every_way(path.read_bytes(), places) == HEARD[path.stem]


# ---- text and reasoning --------------------------------------------------------------------------


def test_what_says_nothing_is_no_event() -> None:
    parts = (text(""), reasoning(text="", signature="", redactedContent=""), reasoning())
    assert events_of(text("a"), *parts, tool("t"), *parts, tool("t", stop=True)) == [
        TextDelta("a"),
        ToolStart("t", "read"),
        ToolEnd(),
    ]


def test_the_model_is_told_when_it_changes() -> None:
    parts = (text("a", modelId="m1"), text("b", modelId="m1"), text("c"), text("d", modelId="m2"))
    assert events_of(*parts) == [
        Usage(model="m1"),
        TextDelta("a"),
        TextDelta("b"),
        TextDelta("c"),
        Usage(model="m2"),
        TextDelta("d"),
    ]


def test_code_is_text_and_nothing_said_is_no_event() -> None:
    assert events_of(text(""), event("codeEvent", {"content": "x = 1"}), text("")) == [
        TextDelta("x = 1")
    ]


def test_reasoning_in_one_event_or_in_several() -> None:
    parts = (reasoning(text="a", signature="s"), reasoning(redactedContent="b3A="), reasoning())
    assert events_of(*parts) == [
        ThinkingDelta("a"),
        ThinkingSignature("s"),
        RedactedThinkingBlock("b3A="),
    ]


# ---- usage, and what is skipped ------------------------------------------------------------------


def test_usage() -> None:
    parts = (
        text("a"),
        event("meteringEvent", {"usage": 0.25, "unit": "CREDIT", "unitPlural": "credits"}),
        event("meteringEvent", {"usage": 900, "unit": "token"}),
        event("meteringEvent", {"unit": "credit"}),
        event("contextUsageEvent", {"contextUsagePercentage": 12}),
        metadata(
            tokenUsage={
                "uncachedInputTokens": 3,
                "outputTokens": 5,
                "totalTokens": 15,
                "cacheReadInputTokens": 7,
                "cacheWriteInputTokens": 0,
                "contextUsagePercentage": 0.5,
            }
        ),
        metadata(tokenUsage=None, stopReason=None),
    )
    assert events_of(*parts) == [
        TextDelta("a"),
        Usage(credits=0.25),
        Usage(context_percentage=12.0),
        Usage(
            input_tokens=3,
            output_tokens=5,
            cache_read_tokens=7,
            cache_write_tokens=0,
            context_percentage=0.5,
        ),
    ]


def test_several_metering_events_add_up() -> None:
    """docs/upstream.md: Several meteringEvents of an answer add up"""
    units: list[dict[str, Any]] = [{"unit": "credits"}, {"unit": "Credit"}, {}, {"unit": None}]
    metered = [event("meteringEvent", {"usage": 0.25, **unit}) for unit in units]
    other = event("meteringEvent", {"usage": 900, "unit": "token"})
    decoder = EventDecoder()
    events = tell(decoder, SAID, metered[0], other, SAID, *metered[1:], other)
    costs = [one.credits for one in events if isinstance(one, Usage)]
    assert costs == [0.25, 0.5, 0.75, 1.0]
    assert decoder.skipped == {"meteringEvent in 'token'": 2}


@pytest.mark.parametrize("name", ["citationEvent", "documentCitationEvent"])
def test_citations_are_left_out_and_counted(name: str) -> None:
    """docs/upstream.md: Events of an answer"""
    decoder = EventDecoder()
    cited = event(name, {"source": "a.pdf", "title": "A", "sourceContent": [{"text": "b"}]})
    assert tell(decoder, SAID, cited, cited) == [TextDelta("a")]
    assert decoder.skipped == {name: 2}


def test_the_tag_of_a_model_changes_nothing() -> None:
    """docs/upstream.md: Events of an answer"""
    assert events_of(text("a", modelTag="b3A=")) == [TextDelta("a")]


def test_known_events_of_no_use_are_skipped_and_unknown_ones_counted() -> None:
    decoder = EventDecoder()
    known = event("followupPromptEvent", {"followupPrompt": {"content": "not text"}})
    assert (
        tell(decoder, known, event("messageMetadataEvent", {}), event("initial-response", {})) == []
    )
    assert not decoder.skipped
    new = event("newEvent", b"\xff")
    assert tell(decoder, new, new, event("x" * 500, {}), text("a")) == [TextDelta("a")]
    assert decoder.skipped == {"newEvent": 2, "x" * 64: 1}
    tell(decoder, *(event(f"new-{number}", {}) for number in range(100)))
    tell(decoder, *(metadata(stopReason=f"new-{number}") for number in range(100)))
    assert (len(decoder.skipped), decoder.skipped["others"], decoder.skipped["newEvent"]) == (
        33,
        170,
        2,
    )


# ---- the end -------------------------------------------------------------------------------------

SAID, CALLED = text("a"), tool("t", stop=True)
CUT = tool("u", input='{"a')


@pytest.mark.parametrize(
    ("told", "said", "reason"),
    [
        (None, SAID, "end_turn"),
        (None, CALLED, "tool_use"),
        (None, CUT, "max_tokens"),
        (None, tool("u"), "max_tokens"),
        ("END_TURN", SAID, "end_turn"),
        ("END_TURN", b"", "end_turn"),
        ("END_TURN", CALLED, "tool_use"),
        ("END_TURN", CALLED + CUT, "max_tokens"),
        ("TOOL_USE", CALLED + SAID, "tool_use"),
        ("TOOL_USE", SAID, "end_turn"),
        ("TOOL_USE", SAID + CUT, "max_tokens"),
        ("tool_use", CALLED, "tool_use"),
        ("STOP_SEQUENCE", SAID, "stop_sequence"),
        ("MAX_TOKENS", SAID, "max_tokens"),
        ("Max_Tokens", CALLED, "max_tokens"),
        ("LENGTH_LIMIT", SAID, "max_tokens"),
        ("MAX_TIME", SAID, "max_tokens"),
        ("MODEL_CONTEXT_WINDOW_EXCEEDED", SAID, "context_window"),
        ("MODEL_CONTEXT_WINDOW_EXCEEDED", CUT, "context_window"),
        ("CONTENT_FILTERED", SAID, "refusal"),
        ("CONTENT_FILTERED", CUT, "refusal"),
        ("GUARDRAIL_INTERVENED", b"", "refusal"),
        ("PAUSE_TURN", SAID, "pause_turn"),
        ("PAUSE_TURN", b"", "pause_turn"),
        ("PAUSE_TURN", CALLED, "tool_use"),
        ("PAUSE_TURN", CUT, "max_tokens"),
        ("UNKNOWN", SAID, "end_turn"),
        ("UNKNOWN", CALLED, "tool_use"),
        ("MALFORMED_TOOL_USE", SAID, "end_turn"),
        ("SOMETHING_NEW", CALLED, "tool_use"),
    ],
)
def test_stop_reason(told: str | None, said: bytes, reason: str) -> None:
    """docs/upstream.md: Stop reasons"""
    end = metadata(stopReason=told) if told else b""
    assert reason_of(said, end) == reason
    assert reason_of(end, said) == reason


def test_an_unknown_stop_reason_is_counted() -> None:
    decoder = EventDecoder()
    tell(decoder, SAID + metadata(stopReason="SOMETHING_NEW"))
    assert decoder.finish(complete=True) == [Finish("end_turn")]
    assert decoder.skipped == {"stopReason SOMETHING_NEW": 1}


def test_a_stop_reason_that_says_nothing_is_none() -> None:
    decoder = EventDecoder()
    tell(decoder, SAID, metadata(stopReason="MAX_TOKENS"), metadata(stopReason="UNKNOWN"))
    assert decoder.finish(complete=True) == [Finish("max_tokens")]
    assert not decoder.skipped
    assert hear([metadata(stopReason="UNKNOWN")]).kind is Kind.EMPTY


@pytest.mark.parametrize(
    ("details", "refusal"),
    [
        (
            {
                "refusal": {
                    "category": "REASONING_EXTRACTION",
                    "explanation": "No.",
                    "recommendedModel": "claude-opus-4.8",
                }
            },
            Refusal("reasoning_extraction", "No.", "claude-opus-4.8"),
        ),
        ({"refusal": {"category": None}}, Refusal()),
        ({"refusal": ["x"]}, Refusal()),
        ("x", Refusal()),
        (None, Refusal()),
    ],
)
def test_a_refusal_says_why(details: Any, refusal: Refusal) -> None:
    """docs/upstream.md: A refused answer"""
    decoder = EventDecoder()
    tell(decoder, metadata(stopReason="CONTENT_FILTERED", stopDetails=details))
    assert decoder.finish(complete=True) == [Finish("refusal", refusal)]
    assert decoder.refusal == refusal


def test_only_a_refusal_has_the_details_of_one() -> None:
    decoder = EventDecoder()
    tell(decoder, SAID, metadata(stopReason="END_TURN", stopDetails={"refusal": {}}))
    assert decoder.finish(complete=True) == [Finish("end_turn")]


METERING = event("meteringEvent", {"usage": 0.1, "unit": "credit"})


@pytest.mark.parametrize(
    "proof", [METERING, event("contextUsageEvent", {}), metadata(), metadata(stopReason="END_TURN")]
)
def test_an_event_of_the_end_proves_it_where_http_does_not(proof: bytes) -> None:
    assert hear([SAID + proof], complete=False).kind is None
    assert hear([SAID], complete=False) == Outcome([TextDelta("a")], Kind.TRUNCATED)
    assert hear([SAID, proof, SAID], complete=False).kind is Kind.TRUNCATED


@pytest.mark.parametrize("stream", [b"", METERING, text(""), tool("t", ""), event("newEvent", {})])
def test_nothing_said_is_no_answer(stream: bytes) -> None:
    assert hear([stream]).kind is Kind.EMPTY


@pytest.mark.parametrize(("usage", "code"), [(0.1, BILLED), (0, ""), (None, "")])
def test_an_empty_answer_says_whether_it_was_billed(usage: float | None, code: str) -> None:
    """docs/upstream.md: An answer without any event"""
    decoder = EventDecoder()
    tell(decoder, event("meteringEvent", {"usage": usage}))
    with pytest.raises(GatewayError) as failed:
        decoder.finish(complete=True)
    assert (failed.value.kind, failed.value.code) == (Kind.EMPTY, code)


TAIL = metadata(stopReason="END_TURN") + METERING


def test_a_missing_tail_is_a_cut_where_the_host_has_shown_one() -> None:
    """docs/upstream.md: The tail of an answer"""

    def ended(tail: Tail, *frames: bytes, complete: bool = True) -> Event:
        decoder = EventDecoder(tail=tail)
        tell(decoder, *frames)
        return decoder.finish(complete=complete)[-1]

    newest, older = Tail(dependable=True), Tail(dependable=False)
    for tail in (newest, older):
        assert ended(tail, SAID) == Finish("end_turn")  # the worker has not seen one yet
        assert ended(tail, SAID, TAIL) == Finish("end_turn")
    assert ended(newest, SAID) == Finish("max_tokens")
    assert ended(newest, METERING, SAID) == Finish("max_tokens")
    assert ended(newest, SAID, TAIL) == Finish("end_turn")
    assert ended(newest, CALLED) == Finish("tool_use")  # the client goes on after it
    assert ended(older, SAID) == Finish("end_turn")
    with pytest.raises(GatewayError) as failed:
        ended(newest, SAID, complete=False)
    assert failed.value.kind is Kind.TRUNCATED


def test_a_host_without_a_tail_is_believed_after_a_while() -> None:
    """docs/upstream.md: The tail of an answer"""
    tail = Tail(dependable=True)
    had = [True, False, False, True, False, False, False, False, True, False]
    missing = [False, True, True, False, True, True, True, False, False, True]
    assert [tail.missing(had=each) for each in had] == missing


def test_a_missing_tail_is_named_in_the_log() -> None:
    decoder = EventDecoder(tail=(tail := Tail(dependable=True)))
    tail.missing(had=True)
    tell(decoder, SAID)
    decoder.finish(complete=True)
    assert decoder.skipped == {NO_TAIL: 1}


@pytest.mark.parametrize(
    "something",
    [
        SAID,
        CALLED,
        tool("t"),
        reasoning(text="x"),
        reasoning(signature="x"),
        reasoning(redactedContent="x"),
    ],
)
def test_anything_said_is_an_answer(something: bytes) -> None:
    assert hear([something]).kind is None


# ---- errors --------------------------------------------------------------------------------------


def test_an_exception_comes_after_what_was_said_before_it() -> None:
    stream = SAID + exception("ThrottlingException", {"message": "slow"}) + text("never")
    assert hear_every_way(stream) == Outcome([TextDelta("a")], Kind.THROTTLED)


@pytest.mark.parametrize(
    ("broken", "kind"),
    [
        (error("InternalServerException", "boom"), Kind.UPSTREAM_ERROR),
        (error("ThrottlingException", "slow"), Kind.THROTTLED),
        (
            exception("error", {"message": "x", "reason": "MODEL_TEMPORARILY_UNAVAILABLE"}),
            Kind.CAPACITY,
        ),
        (exception("error", {"message": "x"}), Kind.UPSTREAM_ERROR),
        (exception("throttlingError", {"message": "x"}), Kind.THROTTLED),
        (exception("validationError", {"message": "x"}), Kind.REJECTED),
        (
            exception("validationError", {"message": "x", "reason": "INVALID_MODEL_ID"}),
            Kind.INVALID_MODEL,
        ),
        (exception("serviceUnavailableError", {"message": "x"}), Kind.UNAVAILABLE),
        (exception("SomeNewException", b""), Kind.UPSTREAM_ERROR),
        (event("invalidStateEvent", {"reason": "INVALID_TASK_ASSIST_PLAN"}), Kind.UPSTREAM_ERROR),
        (frame({":message-type": "other"}), Kind.CORRUPT),
        (frame({}), Kind.CORRUPT),
        (frame({":message-type": "event"}), Kind.CORRUPT),
        (frame({":message-type": "event", ":event-type": Typed(4, 7)}), Kind.CORRUPT),
        (SAID[:-1] + b"?", Kind.CORRUPT),
    ],
)
def test_what_breaks_a_stream(broken: bytes, kind: Kind) -> None:
    """docs/upstream.md: Names of exceptions inside a stream"""
    assert hear_every_way(SAID + broken) == Outcome([TextDelta("a")], kind)


def test_an_error_in_the_stream_is_met_before_the_damage_behind_it() -> None:
    stream = SAID + error("ThrottlingException", "slow") + b"?" * 16
    assert hear([stream]) == Outcome([TextDelta("a")], Kind.THROTTLED)


def test_the_output_limit_told_by_an_exception_is_an_end_and_no_error() -> None:
    limit = exception("ContentLengthExceededException", {"message": "x"})
    assert hear([SAID + limit], complete=False) == Outcome([TextDelta("a"), Finish("max_tokens")])
    assert hear([CUT + limit]).events[-2:] == [ToolEnd(complete=False), Finish("max_tokens")]
    assert hear([limit]).kind is Kind.CONTEXT_TOO_LONG


PAYLOADS = [
    ("assistantResponseEvent", b'{"content": 7777}'),
    ("assistantResponseEvent", b'{"private": "7777"}'),
    ("assistantResponseEvent", b'{"content": "7777'),
    ("assistantResponseEvent", b'{"content": "7777\xff"}'),
    ("assistantResponseEvent", b""),
    ("codeEvent", b'["7777"]'),
    ("reasoningContentEvent", b'{"text": ["7777"]}'),
    ("toolUseEvent", b'{"name": "7777"}'),
    ("toolUseEvent", b'{"toolUseId": "t", "name": "x", "input": 7777}'),
    ("toolUseEvent", b'{"toolUseId": "t", "name": "x", "stop": "7777"}'),
    ("meteringEvent", b'{"usage": "7777"}'),
    ("contextUsageEvent", b"7777"),
    ("metadataEvent", b'{"tokenUsage": 7777}'),
    ("metadataEvent", b'{"x": ' + b"[" * 100_000),
]


@pytest.mark.parametrize(("name", "payload"), PAYLOADS)
def test_a_payload_that_cannot_be_read_is_named_and_not_shown(name: str, payload: bytes) -> None:
    decoder = EventDecoder()
    with pytest.raises(StreamError) as caught:
        tell(decoder, SAID + event(name, payload) + text("never"))
    assert caught.value.kind is Kind.CORRUPT
    assert caught.value.events == [TextDelta("a")]
    assert name in caught.value.message
    assert "7777" not in f"{caught.value!r} {caught.value.__cause__}"
