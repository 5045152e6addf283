"""One answer of a summary and what follows it, from calls that say what the test scripts."""

from typing import Any

import pytest

from app.common.errors import GatewayError, Kind
from app.compaction.call import FAILED, CompactedCall, opener
from app.core.compaction import HEAD
from app.core.conversation import Compaction, Conversation, Message, Summary, Text, Tool
from app.core.events import Event, Finish, TextDelta, ThinkingDelta, ToolEnd, ToolStart, Usage
from tests.scripted import BROKEN, INPUT, Call, Upstream

WANTED = Compaction(100)
ASKED = Conversation(
    "m",
    (Message("user", (Text("hi"),)),),
    tools=(Tool("f"),),
    max_tokens=5,
    compaction=WANTED,
)
END = Finish("end_turn")
SUMMED: list[Event] = [
    ThinkingDelta("hm"),
    TextDelta("So "),
    TextDelta("far. "),
    Usage(credits=1.0),
    END,
]
CALLS: list[Event] = [TextDelta("I look."), ToolStart("1", "f"), ToolEnd(), Finish("tool_use")]
ANSWER: list[Event] = [TextDelta("Well."), Usage(credits=0.5), END]


class Compacted(Upstream):
    """With what makes one answer of a summary and what follows it."""

    def call(self, wanted: Compaction = WANTED, **members: Any) -> CompactedCall:
        asked = Conversation("m", ASKED.messages, tools=ASKED.tools, compaction=wanted, **members)
        return CompactedCall(self.open, self.open, asked, wanted, None, 5.0)


def told(call: CompactedCall) -> list[Event]:
    return [event for batch in call.batches() for event in batch]


@pytest.mark.parametrize(
    ("conversation", "tokens", "made"),
    [
        (Conversation("m", ()), 10**9, Call),
        (ASKED, 99, Call),
        (ASKED, 100, CompactedCall),
        (Conversation("m", (), compaction=Compaction(ends=True)), 0, CompactedCall),
        (Conversation("m", (), compaction=Compaction(1), max_tokens=0), 10**9, Call),
    ],
)
def test_a_compaction_is_made_where_it_is_due(
    conversation: Conversation, tokens: int, made: type
) -> None:
    upstream = Compacted(SUMMED)
    opened = opener(upstream.open, upstream.open, 5.0, lambda _: tokens)(conversation, None)
    assert type(opened) is made
    if made is Call:
        assert upstream.asked[0].compaction is None


def test_a_plain_conversation_is_not_measured() -> None:
    plain = Conversation("m", ())
    upstream = Compacted(ANSWER)
    opener(upstream.open, upstream.open, 5.0, lambda _: 1 // 0)(plain, None)
    assert upstream.asked[0] is plain


def test_the_summary_comes_in_one_piece_and_then_the_answer() -> None:
    upstream = Compacted(SUMMED, ANSWER)
    call = upstream.call()
    assert told(call) == [Summary("So far."), *ANSWER]
    assert upstream.calls[0].closed
    assert upstream.asked[1].messages == (Message("user", (Text(f"{HEAD}So far."),)),)
    assert upstream.asked[1].tools == ASKED.tools
    assert upstream.asked[1].asks_again
    assert call.repairs == ("mended",)
    assert call.ignored == ("seed",)
    assert call.facts() == {"attempts": 2, "first_event_at": 5.0}


def test_nothing_watches_the_call_for_the_summary() -> None:
    plain, watched = Compacted(CALLS, SUMMED), Compacted(ANSWER)
    call = CompactedCall(watched.open, plain.open, ASKED, WANTED, None, 5.0)
    assert told(call) == [Summary("So far."), *ANSWER]
    assert [len(plain.asked), len(watched.asked)] == [2, 1]


def test_while_the_summary_is_written_the_client_gets_signs_of_life() -> None:
    batches = Compacted(SUMMED, ANSWER).call().batches()
    assert [next(batches) for _ in range(6)] == [*[()] * 5, [Summary("So far.")]]
    assert next(batches) == (), "the next call has not begun"


def test_costs_are_told_apart_and_all_counted() -> None:
    call = Compacted(SUMMED, ANSWER).call()
    told(call)
    first, second = call.meter.iterations()
    assert (first.summary, second.summary) == (True, False)
    assert call.meter.counts().credits == 1.5
    assert call.meter.counts().input_tokens == 200
    assert call.meter.counts().output_tokens == (
        first.counts.output_tokens + second.counts.output_tokens
    )


def test_an_answer_that_is_refused_has_used_nothing() -> None:
    call = Compacted(SUMMED, Call(refused=BROKEN)).call()
    with pytest.raises(GatewayError, match="It broke"):
        told(call)
    assert call.meter.counts().input_tokens == INPUT
    assert [each.counts.input_tokens for each in call.meter.iterations()] == [INPUT, 0]


def test_the_summary_alone_ends_the_answer() -> None:
    upstream = Compacted(SUMMED)
    call = upstream.call(Compaction(ends=True))
    assert told(call) == [Summary("So far."), Finish("compaction")]
    (only,) = call.meter.iterations()
    assert only.summary


@pytest.mark.parametrize("turns", [(CALLS, SUMMED), ([END], SUMMED)])
def test_a_model_that_wrote_no_summary_is_asked_once_more(turns: Any) -> None:
    upstream = Compacted(*turns, ANSWER)
    call = upstream.call()
    assert told(call) == [Summary("So far."), *ANSWER]
    assert [bool(asked.tools) for asked in upstream.asked] == [True, False, True]
    assert [each.summary for each in call.meter.iterations()] == [True, True, False]
    assert not upstream.asked[2].asks_again, "one call more than needed is enough"


CUT: list[Event] = [TextDelta("So"), Finish("max_tokens")]


@pytest.mark.parametrize("turns", [(CALLS, CALLS), (CUT,), ([Finish("refusal")],), (CALLS, CUT)])
def test_without_a_summary_the_answer_is_that_of_the_whole_conversation(turns: Any) -> None:
    upstream = Compacted(*turns, ANSWER)
    call = upstream.call(max_tokens=5)
    assert told(call) == [Summary(None), *ANSWER]
    assert upstream.asked[-1].messages == ASKED.messages
    assert upstream.asked[-1].compaction is None
    assert upstream.asked[-1].max_tokens == 5
    assert call.repairs == ("mended", FAILED)


def test_or_an_error_if_nothing_else_is_wanted() -> None:
    call = Compacted(CALLS, CALLS).call(Compaction(ends=True))
    with pytest.raises(GatewayError, match="wrote none") as raised:
        told(call)
    assert raised.value.kind is Kind.EMPTY
    assert not call.retry(raised.value)


def test_a_summary_that_breaks_off_is_asked_for_again() -> None:
    broken = Call([TextDelta("Half"), BROKEN], again=SUMMED)
    assert told(Compacted(broken, ANSWER).call()) == [Summary("So far."), *ANSWER]


def test_and_then_the_answer_fails() -> None:
    call = Compacted([TextDelta("Half"), BROKEN]).call()
    with pytest.raises(GatewayError, match="It broke"):
        told(call)
    assert not call.retry(BROKEN)


def test_an_answer_that_breaks_off_is_repeated_behind_the_same_summary() -> None:
    upstream = Compacted(SUMMED, Call([TextDelta("We"), BROKEN], again=ANSWER))
    call = upstream.call()
    with pytest.raises(GatewayError, match="It broke"):
        told(call)
    assert call.retry(BROKEN)
    assert call.wait(1.0)
    assert told(call) == [Summary("So far."), *ANSWER]
    assert len(upstream.calls) == 2


def test_closing_ends_every_call() -> None:
    upstream = Compacted(SUMMED, ANSWER)
    call = upstream.call()
    told(call)
    call.close()
    assert all(each.closed for each in upstream.calls)


def test_the_recording_has_all_calls() -> None:
    upstream = Compacted(SUMMED, ANSWER)
    told(CompactedCall(upstream.open, upstream.open, ASKED, WANTED, "tap", 5.0))
    assert upstream.taps == ["tap", "tap"]
