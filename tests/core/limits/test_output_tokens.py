"""The gateway's own count of an answer's tokens, and the cut."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.events import (
    Event,
    Finish,
    TextDelta,
    ThinkingDelta,
    ToolEnd,
    ToolInput,
    ToolStart,
    Usage,
)
from app.core.limits.output_tokens import EXACT, MARGIN, OutputTokens, allowed_bytes
from app.core.tokens import byte_length, estimate_text
from tests.core.limits.samples import SAMPLES

END = Finish("end_turn")
CUT = Finish("max_tokens")


def passed(limit: int, *events: Event, with_thinking: bool = False) -> list[Event]:
    machine, out = OutputTokens(limit, with_thinking=with_thinking), list[Event]()
    for event in events:
        out += machine.feed([event])
        if out and type(out[-1]) is Finish:
            break
    return out


def text_of(events: Sequence[Event]) -> str:
    return "".join(event.text for event in events if type(event) is TextDelta)


@given(st.data(), st.text("ab é世🙂", max_size=30), st.integers(1, 12))
def test_the_cut_is_at_the_limit_however_the_text_is_split(
    data: st.DataObject, text: str, limit: int
) -> None:
    cuts = sorted({0, len(text), *data.draw(st.lists(st.integers(0, len(text)), max_size=6))})
    pieces = [TextDelta(text[start:end]) for start, end in pairwise(cuts) if start != end]
    out = passed(limit, *pieces, END)
    kept = text_of(out)
    assert text.startswith(kept)
    assert estimate_text(byte_length(kept)) <= limit
    if byte_length(text) <= allowed_bytes(limit):
        assert (kept, out[-1]) == (text, END)
    else:  # one character more would be beyond the limit
        assert byte_length(text[: len(kept) + 1]) > allowed_bytes(limit)
        assert out[-1] == CUT
    assert all(event.text for event in out if type(event) is TextDelta)


def test_an_answer_of_exactly_the_limit_is_whole() -> None:
    assert passed(2, TextDelta("1234567"), END) == [TextDelta("1234567"), END]
    assert passed(2, TextDelta("1234567"), TextDelta("8"), END) == [TextDelta("1234567"), CUT]


def test_a_call_that_is_cut_is_not_complete() -> None:
    events: list[Event] = [
        ToolStart("t", "f"), ToolInput('{"a'), ToolInput('": "bcdefgh"}'), ToolEnd(), END,
    ]  # fmt: skip
    assert passed(2, *events) == [
        ToolStart("t", "f"), ToolInput('{"a'), ToolInput('": '), ToolEnd(complete=False), CUT,
    ]  # fmt: skip
    assert passed(1, TextDelta("abc"), *events) == [TextDelta("abc"), CUT]
    whole: list[Event] = [ToolStart("t", "f"), ToolEnd()]
    assert passed(1, *whole, TextDelta("abc"), END) == [*whole, TextDelta("ab"), CUT]


def test_thinking_counts_where_it_was_asked_for() -> None:
    events: list[Event] = [ThinkingDelta("12345678"), TextDelta("ab"), END]
    assert passed(1, *events) == events
    assert passed(1, *events, with_thinking=True) == [ThinkingDelta("123"), CUT]


def test_half_of_a_surrogate_pair_is_never_split() -> None:
    """Lone halves that reach an answer have three bytes each, as every estimate counts them."""
    assert passed(1, TextDelta("a\ud83d"), END) == [TextDelta("a"), CUT]


def test_figures_pass() -> None:
    used = Usage(credits=1.0)
    assert passed(1, TextDelta("abc"), used, END) == [TextDelta("abc"), used, END]


def test_above_the_exact_limits_a_margin_is_left() -> None:
    assert allowed_bytes(EXACT) == EXACT * 3.5
    assert allowed_bytes(EXACT + 1) == MARGIN * int((EXACT + 1) * 3.5)


@pytest.mark.parametrize("name", SAMPLES)
def test_nothing_that_a_high_limit_allows_is_cut(name: str) -> None:
    """Text that has as many tokens as the limit, by a tokenizer of the models' maker."""
    sample = SAMPLES[name]
    times = (EXACT + 1) // sample.tokens + 1
    limit = times * sample.tokens
    events: list[Event] = [TextDelta(sample.text)] * times
    assert passed(limit, *events, END) == [*events, END]
