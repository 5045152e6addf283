from math import ceil

import pytest

from app.core.events import TextDelta, ThinkingDelta, ToolInput, ToolStart, Usage
from app.core.tokens import TokenCounts
from app.core.tokens.text import UNIT
from app.core.usage import Meter
from app.models.table import context_window

WINDOW = 100_000


def test_until_the_upstream_tells_the_input_is_an_estimate() -> None:
    meter = Meter(203, WINDOW, context_window)
    assert meter.counts() == TokenCounts(203, 0, source="estimate")


def test_a_call_that_was_refused_has_used_nothing() -> None:
    meter = Meter(203, WINDOW, context_window)
    meter.restart()
    meter.feed([])
    assert meter.counts() == TokenCounts(203, 0)
    meter.failed()
    assert meter.counts() == TokenCounts(0, 0)


def test_a_call_that_was_refused_after_an_answer_broke_off_has_used_its_input() -> None:
    meter = Meter(203, WINDOW, context_window)
    meter.feed([TextDelta("x")])
    meter.restart()
    meter.failed()
    assert meter.counts() == TokenCounts(203, 0)


def test_everything_the_model_wrote_is_output() -> None:
    meter = Meter(203, WINDOW, context_window)
    meter.feed([TextDelta("x" * 35), ThinkingDelta("世" * 35)])
    meter.feed([ToolStart("id", "y" * 35), ToolInput("z" * 35)])
    count = meter.estimator.text
    written, thought = count("x" * 105), count("世" * 35)
    assert meter.counts().output_tokens == ceil((written + thought) / UNIT)
    assert meter.counts().reasoning_tokens == pytest.approx(thought / UNIT, abs=1)


def test_a_long_answer_is_counted_on_the_way() -> None:
    """So that not all of its text is kept."""
    meter = Meter(203, WINDOW, context_window)
    for _ in range(10_000):
        meter.feed([TextDelta("word "), ThinkingDelta("a thought ")])
        assert len(meter._texts) + len(meter._thoughts) <= 66
    assert meter.counts().output_tokens == ceil(
        meter.estimator.text("word a thought ") * 10_000 / UNIT
    )


def test_a_retry_counts_its_own_reasoning_alone() -> None:
    meter = Meter(203, WINDOW, context_window)
    meter.feed([ThinkingDelta("x" * 35)])
    meter.restart()
    assert meter.counts().reasoning_tokens == 0


def test_later_figures_replace_earlier_ones_member_by_member() -> None:
    meter = Meter(203, WINDOW, context_window)
    meter.feed([Usage(credits=0.1, output_tokens=7)])
    meter.feed([Usage(input_tokens=5, cache_read_tokens=3), Usage(credits=0.2)])
    assert meter.counts() == TokenCounts(5, 7, 3, 0, 0.2, "upstream")


def test_the_percentage_is_of_the_model_that_answered() -> None:
    meter = Meter(203, WINDOW, context_window)
    meter.feed([Usage(context_percentage=1.0, output_tokens=100)])
    assert meter.counts().input_tokens == 900
    meter.feed([Usage(model="claude-opus-4.6")])
    assert meter.counts().input_tokens == 9_900
