"""The gateway's own count of an answer's tokens, and the cut."""

from collections.abc import Sequence
from itertools import pairwise
from typing import get_args

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
from app.core.limits.output_tokens import EXACT, MARGIN, OutputTokens, allowed
from app.core.tokens.text import UNIT, Estimator, estimator
from app.core.tokens.weights import Family
from benchmarks.counting import Sample, samples
from benchmarks.counting.errors import error

END = Finish("end_turn")
CUT = Finish("max_tokens")
ESTIMATOR = estimator("claude")
SAMPLES = samples()
FAMILIES: tuple[Family, ...] = get_args(Family)


def passed(
    limit: int, *events: Event, counted: Estimator = ESTIMATOR, with_thinking: bool = False
) -> list[Event]:
    machine, out = OutputTokens(limit, counted, with_thinking=with_thinking), list[Event]()
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
    assert ESTIMATOR.text(kept) <= limit * UNIT
    if ESTIMATOR.text(text) <= limit * UNIT:
        assert (kept, out[-1]) == (text, END)
    else:  # one character more would be beyond the limit
        assert ESTIMATOR.text(text[: len(kept) + 1]) > limit * UNIT
        assert out[-1] == CUT
    assert all(event.text for event in out if type(event) is TextDelta)


DIGIT = ESTIMATOR.text("1")
"""A little less than a token."""


def test_an_answer_of_exactly_the_limit_is_whole() -> None:
    digits = "1" * (5 * UNIT // DIGIT)
    assert passed(5, TextDelta(digits), END) == [TextDelta(digits), END]
    assert passed(5, TextDelta(digits), TextDelta("8"), END) == [TextDelta(digits), CUT]


def test_a_call_that_is_cut_is_not_complete() -> None:
    events: list[Event] = [
        ToolStart("t", "1"), ToolInput("1"), ToolInput("123456"), ToolEnd(), END,
    ]  # fmt: skip
    assert passed(4, *events) == [
        ToolStart("t", "1"), ToolInput("1"), ToolInput("12"), ToolEnd(complete=False), CUT,
    ]  # fmt: skip
    assert passed(1, TextDelta("1"), *events) == [TextDelta("1"), CUT]
    whole: list[Event] = [ToolStart("t", "1"), ToolEnd()]
    assert passed(2, *whole, TextDelta("123"), END) == [*whole, TextDelta("1"), CUT]


def test_thinking_counts_where_it_was_asked_for() -> None:
    events: list[Event] = [ThinkingDelta("12345678"), TextDelta("1"), END]
    assert passed(1, *events) == events
    assert passed(1, *events, with_thinking=True) == [ThinkingDelta("1"), CUT]


def test_half_of_a_surrogate_pair_is_never_split() -> None:
    assert passed(1, TextDelta("1\ud83d"), END) == [TextDelta("1"), CUT]


def test_figures_pass() -> None:
    used = Usage(credits=1.0)
    assert passed(1, TextDelta("1"), used, END) == [TextDelta("1"), used, END]


def test_a_long_answer_is_counted_a_few_times() -> None:
    """Only where it may be over the limit: each count halves what is left, about."""
    counted = CountingEstimator("claude")
    events = [TextDelta("word ")] * 10_000
    assert passed(EXACT, *events, END, counted=counted)[-1] == CUT
    assert counted.calls < 200


class CountingEstimator(Estimator):
    """Knows how often it was asked."""

    calls = 0

    def utf8(self, data: bytes) -> int:
        self.calls += 1
        return super().utf8(data)


def test_above_the_exact_limits_a_margin_is_left() -> None:
    assert allowed(EXACT) == EXACT * UNIT
    assert allowed(EXACT + 1) == MARGIN * (EXACT + 1) * UNIT


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: f"{sample.kind}: {sample.name}")
def test_nothing_that_a_high_limit_allows_is_cut(sample: Sample, family: Family) -> None:
    """Text that has as many tokens as the limit, by the family's reference."""
    tokens = sample.tokens[family]
    times = (EXACT + 1) // tokens + 1
    events: list[Event] = [TextDelta(sample.text)] * times
    assert passed(times * tokens, *events, END, counted=estimator(family)) == [*events, END]


def test_the_margin_is_that_of_the_worst_sample_and_room() -> None:
    worst = max(1 + error(sample, family) for sample in SAMPLES for family in FAMILIES)
    assert 1.2 * worst < MARGIN
