"""At most one tool call."""

from app.core.events import Event, Finish, TextDelta, ToolEnd, ToolInput, ToolStart, Usage
from app.core.limits.one_call import OneCall

CALL: list[Event] = [ToolStart("t", "f"), ToolInput("{}"), ToolEnd()]
END = Finish("tool_use")
USED = Usage(credits=1.0)


def test_one_call_passes_with_what_is_told_of_its_costs() -> None:
    events: list[Event] = [TextDelta("a"), *CALL, USED, END]
    assert OneCall().feed(events) is events


def test_the_answer_ends_before_a_second_call() -> None:
    machine = OneCall()
    assert machine.feed(CALL) == CALL
    assert machine.feed([USED, *CALL]) == [USED, Finish("tool_use")]


def test_the_answer_ends_before_text_after_a_call() -> None:
    assert OneCall().feed([*CALL, TextDelta("a"), END]) == [*CALL, Finish("tool_use")]


def test_a_call_that_was_cut_off_does_not_count() -> None:
    cut: list[Event] = [ToolStart("t", "f"), ToolEnd(complete=False)]
    events: list[Event] = [*cut, *CALL, END]
    assert OneCall().feed(events) == events
    second: list[Event] = [*cut, *CALL, *CALL, END]
    assert OneCall().feed(second) == [*cut, *CALL, Finish("max_tokens")]
