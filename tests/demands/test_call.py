"""One answer of two calls, from calls that say what the test scripts."""

import gc
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from weakref import ref

import gevent
import pytest
from gevent.event import Event as Signal
from msgspec.structs import replace

from app.common.errors import GatewayError, Kind
from app.core.conversation import (
    Conversation,
    HostedTool,
    Message,
    Text,
    Tool,
    ToolChoice,
)
from app.core.events import (
    Event,
    Finish,
    Refusal,
    TextDelta,
    ThinkingDelta,
    Usage,
)
from app.demands.call import BETWEEN, Times
from app.demands.opener import opener
from app.hosted import loop
from tests.scripted import BROKEN, INPUT, Call, Upstream, no_search, tool_call

ASKED = (Message("user", (Text("hi"),)),)
F = Tool("f")
FORCED = Conversation("m", ASKED, tools=(F,), tool_choice=ToolChoice("any"), streamed=True)
LIGHT = Conversation("m", ASKED, tools=(F,), streamed=True)
JSON = Conversation("m", ASKED, json_schema={"type": "object", "required": ["a"]}, streamed=True)
SAY, ENDS, CALLS = TextDelta("Well."), Finish("end_turn"), Finish("tool_use")


def breaks() -> None:
    raise GatewayError(Kind.TRUNCATED, "It broke.")


class Watched(Upstream):
    """With what watches its answers."""

    def watched(self, conversation: Conversation, patience: float = 60.0) -> Any:
        return self.opener(patience)(conversation, None)

    def opener(self, patience: float = 60.0) -> Callable[[Conversation, Any], Any]:
        return opener(self.open, Times(5.0, patience), lambda run, *given: run(*given))


def told(watched: Any) -> list[Event]:
    while not watched.wait(5.0):
        pass
    return [event for batch in watched.batches() for event in batch]


def whole(conversation: Conversation) -> Conversation:
    return replace(conversation, streamed=False)


def test_a_conversation_without_demands_is_one_plain_call() -> None:
    upstream = Watched([ENDS])
    assert upstream.watched(Conversation("m", ASKED)) is upstream.calls[0]


@pytest.mark.parametrize("asked", [FORCED, whole(FORCED)], ids=["streamed", "whole"])
def test_both_calls_are_paid_for_and_told(asked: Conversation) -> None:
    first: list[Event] = [SAY, Usage(credits=1.0), ENDS]
    second = [*tool_call("f"), Usage(credits=2.0), CALLS]
    upstream = Watched(first, second)
    watched = upstream.watched(asked)
    assert told(watched) == [Usage(credits=1.0)][: asked.streamed] + second
    counts = watched.meter.counts()
    assert (counts.credits, counts.input_tokens) == (3.0, 200)
    assert watched.repairs == ("mended", "forced_call_asked_again")
    assert watched.ignored == ("seed",)
    assert watched.facts() == {"attempts": 2, "first_event_at": float(len(first))}
    assert [made.closed for made in upstream.calls] == [True, False]
    watched.close()
    assert upstream.calls[1].closed


def test_an_error_comes_before_any_event() -> None:
    watched = Watched([SAY, ENDS], [SAY, ENDS]).watched(FORCED)
    with pytest.raises(GatewayError) as failed:
        watched.wait(5.0)
    assert failed.value.kind is Kind.NOT_FULFILLED


def test_the_second_call_may_fail_for_its_own_reasons() -> None:
    watched = Watched([SAY, ENDS], [BROKEN]).watched(FORCED)
    with pytest.raises(GatewayError, match="It broke"):
        watched.wait(5.0)


@pytest.mark.parametrize("asked", [FORCED, whole(FORCED)], ids=["streamed", "whole"])
def test_a_second_call_that_is_refused_has_used_nothing(asked: Conversation) -> None:
    watched = Watched([SAY, ENDS], Call(refused=BROKEN)).watched(asked)
    with pytest.raises(GatewayError, match="It broke"):
        told(watched)
    assert watched.meter.counts().input_tokens == INPUT


def test_thinking_is_not_held_back() -> None:
    watched = Watched([ThinkingDelta("Hm."), SAY, ENDS], [*tool_call("f"), CALLS]).watched(FORCED)
    assert told(watched) == [ThinkingDelta("Hm."), *tool_call("f"), CALLS]


def test_text_is_held_back_for_so_long() -> None:
    upstream = Watched([SAY, SAY, ENDS])
    watched = upstream.watched(FORCED, patience=0.0)
    assert watched.wait(5.0)
    batches = watched.batches()
    assert next(batches) == [SAY]
    with pytest.raises(GatewayError, match="part of it was sent already"):
        list(batches)
    assert len(upstream.calls) == 1


def test_silence_does_not_hold_text_back_for_longer() -> None:
    never = Signal()
    upstream = Watched([SAY, never.wait, ENDS])
    watched = upstream.watched(FORCED, patience=0.01)
    assert watched.wait(60.0)
    assert next(watched.batches()) == [SAY]
    watched.close()
    assert upstream.calls[0].closed


def test_a_client_that_leaves_in_the_middle_ends_the_reading() -> None:
    never = Signal()
    watched = Watched([ThinkingDelta("Hm."), never.wait, ENDS]).watched(FORCED)
    assert watched.wait(60.0)
    batches = watched.batches()
    assert next(batches) == [ThinkingDelta("Hm.")]
    leaving = gevent.spawn(next, batches, None)
    gevent.sleep(0)
    watched.close()
    leaving.kill()
    assert watched._pump._reading.dead


def test_a_call_may_come_after_text_that_was_given_up() -> None:
    goes_on = Signal()
    watched = Watched([SAY, goes_on.wait, *tool_call("f"), CALLS]).watched(FORCED, patience=0.0)
    assert watched.wait(60.0)
    goes_on.set()
    assert told(watched) == [SAY, *tool_call("f"), CALLS]


def test_a_whole_answer_waits_as_long_as_it_takes() -> None:
    upstream = Watched([SAY, ENDS], [*tool_call("f"), CALLS])
    assert told(upstream.watched(whole(FORCED), patience=0.0)) == [*tool_call("f"), CALLS]


def test_the_next_answer_goes_on_behind_the_text() -> None:
    watched = Watched([SAY, *tool_call("x"), CALLS], [SAY, ENDS]).watched(LIGHT)
    assert told(watched) == [SAY, BETWEEN, SAY, ENDS]


def test_what_the_client_has_not_seen_is_thrown_away() -> None:
    watched = Watched([SAY, *tool_call("x"), CALLS], [SAY, ENDS]).watched(whole(LIGHT))
    assert told(watched) == [SAY, ENDS]


def test_a_whole_answer_that_breaks_is_repeated_once() -> None:
    upstream = Watched([SAY, ENDS], [BROKEN])
    watched = upstream.watched(whole(FORCED))
    assert watched.retry(BROKEN)
    assert upstream.calls[0].retried
    with pytest.raises(GatewayError, match="It broke"):
        told(watched)
    assert not watched.retry(BROKEN)


def test_whole_json_that_stays_wrong_is_a_refusal() -> None:
    answer = [*tool_call("final_answer", "{}"), CALLS]
    (end,) = told(Watched(answer, answer).watched(whole(JSON)))
    assert isinstance(end, Finish)
    assert end.reason == "refusal"
    assert isinstance(end.refusal, Refusal)
    assert "it fails at required" in end.refusal.explanation


def test_streamed_json_that_is_wrong_ends_in_the_error() -> None:
    watched = Watched([*tool_call("final_answer", "{}"), CALLS]).watched(JSON)
    watched.wait(5.0)
    batches = watched.batches()
    assert next(batches) == [TextDelta("{}")]
    with pytest.raises(GatewayError, match="it fails at required"):
        list(batches)


def test_stop_sequences_are_of_the_text_that_the_client_sees() -> None:
    upstream = Watched([*tool_call("final_answer", '{"a": "one', ' two"}'), CALLS])
    watched = upstream.watched(replace(JSON, stop_sequences=("e t",)))
    assert told(watched) == [TextDelta('{"a": "on'), Finish("stop_sequence", stop_sequence="e t")]
    assert upstream.calls[0].closed


@pytest.mark.parametrize(
    "asked",
    [
        Conversation("m", ASKED, json_schema={"type": 5}, json_schema_field="the.schema"),
        Conversation("m", ASKED, tools=(Tool("f", "", {"type": 5}, True, "the.schema"),)),
    ],
)
def test_a_schema_that_is_not_valid_is_refused_before_anything_is_sent(asked: Any) -> None:
    upstream = Watched()
    with pytest.raises(GatewayError) as refused:
        upstream.watched(asked)
    assert (refused.value.kind, refused.value.field) == (Kind.INVALID_REQUEST, "the.schema.type")


def test_keywords_that_are_not_checked_are_told() -> None:
    schema = {"type": "object", "unevaluatedProperties": False}
    upstream = Watched([*tool_call("final_answer", '{"a": 1}'), CALLS])
    watched = upstream.watched(Conversation("m", ASKED, json_schema=schema))
    assert watched.ignored == ("seed", "unevaluatedProperties")


def test_a_closed_answer_opens_no_second_call() -> None:
    reached, never = Signal(), Signal()

    def stall() -> None:
        reached.set()
        never.wait()

    upstream = Watched([SAY, stall, ENDS], [ENDS])
    watched = upstream.watched(FORCED)
    assert not watched.wait(0)
    assert reached.wait(5)
    watched.close()
    gevent.sleep(0.01)
    assert [made.closed for made in upstream.calls] == [True]


def test_all_turns_of_a_hosted_tool_have_one_second_call() -> None:
    search = Tool("tool_search_tool_regex")
    asked = Conversation(
        "m",
        ASKED,
        tools=(search, F),
        hosted=(HostedTool(search.name, "tool_search_regex"),),
    )
    searches = [*tool_call(search.name, '{"query": "f"}'), CALLS]
    upstream = Watched([*tool_call("x"), CALLS], searches, [*tool_call("x"), CALLS])
    with pytest.raises(GatewayError, match="does not offer"):
        told(loop.opener(upstream.opener(), no_search, 5.0)(asked, None))
    assert len(upstream.calls) == 3


@pytest.mark.parametrize("asked", [FORCED, LIGHT, JSON], ids=["forced", "light", "json"])
@pytest.mark.parametrize("events", [[SAY, ENDS], [*tool_call("f"), CALLS], [breaks]])
def test_what_is_closed_is_gone_without_a_collection(asked: Any, events: list[Any]) -> None:
    gc.collect()
    gc.disable()
    try:
        watched = Watched(events, events).watched(asked)
        with suppress(GatewayError):
            watched.wait(5.0)
            next(watched.batches(), None)
        watched.close()
        gevent.sleep(0)
        kept = ref(watched)
        del watched
        assert kept() is None
    finally:
        gc.enable()


def test_a_hosted_call_is_one_that_was_forced() -> None:
    search = Tool("tool_search_tool_regex")
    hosted = (HostedTool(search.name, "tool_search_regex"),)
    asked = replace(FORCED, tools=(search, F), hosted=hosted)
    searches = [*tool_call(search.name, '{"query": "f"}'), CALLS]
    upstream = Watched(searches, [SAY, ENDS])
    assert told(loop.opener(upstream.opener(), no_search, 5.0)(asked, None))[-2:] == [SAY, ENDS]


@pytest.mark.parametrize("choice", [ToolChoice(), ToolChoice("any")], ids=["free", "forced"])
def test_words_before_a_search_are_no_part_of_a_json_answer(choice: ToolChoice) -> None:
    search = Tool("tool_search_tool_regex")
    hosted = (HostedTool(search.name, "tool_search_regex"),)
    asked = replace(JSON, tools=(search,), hosted=hosted, tool_choice=choice)
    searches = [SAY, *tool_call(search.name, '{"query": "f"}'), CALLS]
    upstream = Watched(searches, [*tool_call("final_answer", '{"a": 1}'), CALLS])
    call = loop.opener(upstream.opener(), no_search, 5.0)(asked, None)
    assert told(call)[-2:] == [TextDelta('{"a": 1}'), ENDS]
    assert "text_beside_call_left_out" in call.repairs


UNOFFERED = [TextDelta("one two three"), *tool_call("g"), CALLS]


def test_the_limit_of_tokens_is_of_both_answers_that_a_stream_has() -> None:
    upstream = Watched(UNOFFERED, [SAY, ENDS])
    assert told(upstream.watched(replace(LIGHT, max_tokens=100)))[1:3] == [BETWEEN, SAY]
    first, second = (asked.max_tokens for asked in upstream.asked)
    assert first == 100
    assert second is not None
    assert 90 < second < 100


def test_a_stream_that_may_say_no_more_asks_no_more() -> None:
    upstream = Watched(UNOFFERED)
    watched = upstream.watched(replace(LIGHT, max_tokens=3))
    assert told(watched) == [TextDelta("one two three"), Finish("max_tokens")]
    assert watched.facts()["cut_by"] == "max_tokens"
    assert watched.meter.counts().input_tokens == 100


def test_a_whole_answer_has_the_limit_for_itself() -> None:
    upstream = Watched(UNOFFERED, [SAY, ENDS])
    assert told(upstream.watched(whole(replace(LIGHT, max_tokens=100)))) == [SAY, ENDS]
    assert [asked.max_tokens for asked in upstream.asked] == [100, 100]


def test_what_is_between_two_answers_is_no_stop_sequence() -> None:
    upstream = Watched(UNOFFERED, [SAY, ENDS])
    watched = upstream.watched(replace(LIGHT, stop_sequences=("\n\n",)))
    assert told(watched) == [TextDelta("one two three"), SAY, ENDS]


def test_the_recording_has_both_calls() -> None:
    upstream = Watched([SAY, ENDS], [*tool_call("f"), CALLS])
    told(upstream.opener()(FORCED, "tap"))
    assert upstream.taps == ["tap", "tap"]


def test_it_is_told_when_another_part_of_the_request_was_asked_for_again() -> None:
    upstream = Watched([SAY, ENDS])
    with pytest.raises(GatewayError, match="had its one repeated call before"):
        told(upstream.watched(whole(replace(FORCED, asks_again=False))))
