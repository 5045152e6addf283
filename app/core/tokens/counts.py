"""Which figures a finished request is reported with."""

from math import ceil, isfinite
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from app.core.events import Usage

from .text import UNIT

InputSource: TypeAlias = Literal["upstream", "context_percentage", "estimate"]

NOISE: Final = 0.1
"""An input that was read from a percentage is taken for the equal of that of the turn before if it
is lower by no more than this part of it and the answer together: the answer's share of the
percentage is an estimate. If it is lower still, the upstream counts in another way now."""


class TokenCounts(Struct, frozen=True):
    """The usage reported for a finished request.

    ``input_tokens`` excludes cached tokens; ``reasoning_tokens`` are among ``output_tokens``.
    ``source`` says where ``input_tokens`` came from.
    """

    input_tokens: int
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    credits: float | None = None
    source: InputSource = "estimate"
    reasoning_tokens: int = 0


def resolve_usage(
    *,
    estimate: int,
    least: int = 0,
    window: int | None,
    output_units: int,
    thinking_units: int = 0,
    usage: Usage,
) -> TokenCounts:
    """The counts to report: the upstream's figures where it sent them, else the best estimate.

    ``estimate`` (of the prompt) and ``window`` (the context window of the model that answered) are
    in tokens; ``least`` is what the upstream told of an earlier turn that this prompt begins with,
    0 if nothing. ``output_units`` is the estimate of everything the model wrote, and
    ``thinking_units`` that of its reasoning, in thousandths; ``usage`` holds the upstream's figures
    so far, merged. Reasoning has its share of the output's tokens. If the upstream sent no input
    figure but a percentage of the context window, the input is that share of the window minus the
    output. Cache figures are 0 unless the upstream sent them.
    """
    output = usage.output_tokens
    if output is None:
        output = ceil(output_units / UNIT)
    tokens, source = _input_tokens(estimate, least, window, output, usage)
    return TokenCounts(
        tokens,
        output,
        usage.cache_read_tokens or 0,
        usage.cache_write_tokens or 0,
        usage.credits,
        source,
        round(output * thinking_units / output_units) if thinking_units else 0,
    )


def _input_tokens(
    estimate: int, least: int, window: int | None, output: int, usage: Usage
) -> tuple[int, InputSource]:
    if usage.input_tokens is not None:
        return usage.input_tokens, "upstream"
    percentage = usage.context_percentage
    if window and percentage is not None and isfinite(percentage):
        left = round(window * percentage / 100) - output
        if 0 < least - left <= least * NOISE + output:
            left = least
        if left > 0:
            return left, "context_percentage"
    return estimate, "estimate"
