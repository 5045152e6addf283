"""Tool calls are whole, one after the other, and never finished when their input is not."""

import json

import pytest

from app.codewhisperer.answer.decoder import EventDecoder
from app.core.events import (
    Finish,
    TextDelta,
    ToolEnd,
    ToolInput,
    ToolStart,
    Usage,
)
from tests.codewhisperer.answer.hearing import events_of, hear, hear_every_way, tell, text, tool
from tests.eventstream.wire import event


def test_a_first_fragment_may_come_with_the_name_and_names_are_the_clients() -> None:
    stream = tool("t", "short_1a2b", input='{"a":') + tool("t", None, input="1}", stop=True)
    assert hear([stream], names={"short_1a2b": "a.long.name"}).events == [
        ToolStart("t", "a.long.name"),
        ToolInput('{"a":'),
        ToolInput("1}"),
        ToolEnd(),
        Finish("tool_use"),
    ]


@pytest.mark.parametrize("empty", [None, "", {}])
def test_no_input_at_all_is_an_empty_one(empty: object) -> None:
    parts = (tool("t"), tool("t", input=empty), tool("t", stop=True))
    assert events_of(*parts) == [ToolStart("t", "read"), ToolEnd()]


def test_half_a_surrogate_pair_cuts_no_call_off() -> None:
    parts = (tool("t", input=r'{"a": "\ud83d"}', stop=True),)
    assert events_of(*parts)[-1] == ToolEnd(complete=True)


def test_an_input_that_is_an_object_is_written_out() -> None:
    parts = (tool("t", input={"path": "ä", "n": [1, None]}, stop=True),)
    start, written, end = events_of(*parts)
    assert (start, end) == (ToolStart("t", "read"), ToolEnd())
    assert isinstance(written, ToolInput)
    assert json.loads(written.fragment) == {"path": "ä", "n": [1, None]}


def test_an_event_without_a_name_opens_no_call_and_is_counted() -> None:
    decoder = EventDecoder()
    parts = (text("a"), tool("t", ""), tool("t", None, input="{}"), tool("", "x"))
    assert tell(decoder, b"".join(parts)) == [TextDelta("a")]
    assert sum(decoder.skipped.values()) == 3
    assert decoder.finish(complete=True) == [Finish("end_turn")]


def test_an_event_behind_a_calls_stop_opens_no_second_one() -> None:
    decoder = EventDecoder()
    stop = tool("t", stop=True)
    assert tell(decoder, tool("t") + stop + stop) == [ToolStart("t", "read"), ToolEnd()]
    assert sum(decoder.skipped.values()) == 1


def test_what_is_skipped_is_counted_while_another_call_is_open_too() -> None:
    decoder = EventDecoder()
    tell(decoder, tool("a"), tool("b", stop=True), tool("c", None), tool("a", stop=True))
    tell(decoder, tool("d"), tool("b", input="{}"), tool("c", stop=True))
    assert tell(decoder, tool("d", stop=True)) == [ToolEnd(), ToolStart("c", "read"), ToolEnd()]
    assert decoder.skipped == {
        "toolUseEvent without a name or an id": 1,
        "toolUseEvent after its stop": 1,
    }


@pytest.mark.parametrize("written", ['{"a":', "[1]", '"x"', "1", "null", "{}{}", "{'a': 1}", " "])
def test_an_input_that_is_no_object_is_never_a_finished_call(written: str) -> None:
    heard = hear([tool("a", stop=True) + tool("t", input=written) + tool("t", stop=True)])
    assert heard.events[-2:] == [ToolEnd(complete=False), Finish("max_tokens")]


def test_calls_that_interleave_are_told_one_after_the_other() -> None:
    parts = (
        tool("a", input='{"n":'),
        tool("b", "write", input='{"m":'),
        text("between"),
        event("meteringEvent", {"usage": 1, "unit": "credit"}),
        tool("c", stop=True),
        tool("b", "write", input="2}"),
        tool("a", input="1}"),
        text("still "),
        text("between"),
        tool("b", "write", stop=True),
        tool("a", stop=True),
        text("after"),
    )
    assert events_of(*parts) == [
        ToolStart("a", "read"),
        ToolInput('{"n":'),
        Usage(credits=1),
        ToolInput("1}"),
        ToolEnd(),
        ToolStart("b", "write"),
        ToolInput('{"m":'),
        ToolInput("2}"),
        ToolEnd(),
        TextDelta("between"),
        ToolStart("c", "read"),
        ToolEnd(),
        TextDelta("still "),
        TextDelta("between"),
        TextDelta("after"),
    ]


def test_a_waiting_call_goes_on_live_once_its_turn_has_come() -> None:
    decoder = EventDecoder()
    tell(decoder, tool("a") + tool("b", input="{") + text("later"))
    assert tell(decoder, tool("a", stop=True)) == [
        ToolEnd(),
        ToolStart("b", "read"),
        ToolInput("{"),
    ]
    assert tell(decoder, tool("b", input="}")) == [ToolInput("}")]
    assert tell(decoder, tool("b", stop=True)) == [ToolEnd(), TextDelta("later")]


def test_all_calls_left_open_are_cut_off_and_nothing_held_back_is_lost() -> None:
    parts = (tool("a", input="{}"), tool("b"), text("x"), tool("c", stop=True), tool("d"))
    assert hear_every_way(b"".join(parts)).events == [
        ToolStart("a", "read"),
        ToolInput("{}"),
        ToolEnd(complete=False),
        ToolStart("b", "read"),
        ToolEnd(complete=False),
        TextDelta("x"),
        ToolStart("c", "read"),
        ToolEnd(),
        ToolStart("d", "read"),
        ToolEnd(complete=False),
        Finish("max_tokens"),
    ]
