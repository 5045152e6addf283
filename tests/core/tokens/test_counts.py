"""Which figure wins at the end of an answer."""

import pytest

from app.core.events import Usage
from app.core.tokens.counts import TokenCounts, resolve_usage


def test_figures_of_the_upstream_win() -> None:
    usage = Usage(10, 20, 30, 40, context_percentage=50.0, credits=0.25)
    counts = resolve_usage(estimate=1, least=99, window=200_000, output_units=2000, usage=usage)
    assert counts == TokenCounts(10, 20, 30, 40, 0.25, "upstream")


def test_reasoning_has_its_share_of_the_output() -> None:
    told = resolve_usage(
        estimate=1, window=None, output_units=400, thinking_units=100, usage=Usage(output_tokens=60)
    )
    assert (told.output_tokens, told.reasoning_tokens) == (60, 15)


def test_a_percentage_of_the_window_holds_prompt_and_answer() -> None:
    """docs/upstream.md: The percentage of the context counts the answer"""
    usage = Usage(context_percentage=1.5)
    counts = resolve_usage(estimate=1, window=200_000, output_units=99_500, usage=usage)
    assert counts == TokenCounts(2900, 100, source="context_percentage")


@pytest.mark.parametrize(
    ("least", "tokens"), [(2900, 2900), (2950, 2950), (3300, 3300), (3400, 2900), (50_000, 2900)]
)
def test_a_percentage_a_little_below_that_of_the_last_turn_is_its_equal(
    least: int, tokens: int
) -> None:
    """More than a tenth and the answer, and it is believed."""
    usage = Usage(context_percentage=1.5)
    counts = resolve_usage(
        estimate=1, least=least, window=200_000, output_units=100_000, usage=usage
    )
    assert counts.input_tokens == tokens


@pytest.mark.parametrize(
    ("window", "percentage"),
    [
        (None, 1.5),
        (200_000, None),
        (200_000, 0.0),
        (200_000, -3.0),
        (200_000, float("nan")),
        (200_000, 0.01),  # 20 tokens, fewer than the answer has alone
    ],
)
def test_without_a_sane_percentage_the_estimate_stands(
    window: int | None, percentage: float | None
) -> None:
    usage = Usage(context_percentage=percentage)
    counts = resolve_usage(estimate=42, window=window, output_units=100_000, usage=usage)
    assert counts == TokenCounts(42, 100)


def test_what_the_upstream_left_out_is_filled_in_member_by_member() -> None:
    usage = Usage(output_tokens=1000, context_percentage=1.0)
    counts = resolve_usage(estimate=1, window=200_000, output_units=2000, usage=usage)
    assert counts == TokenCounts(1000, 1000, source="context_percentage")
