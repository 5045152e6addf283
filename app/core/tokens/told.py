"""What the upstream told of earlier turns, which corrects the estimate of the next one.

A turn's prompt begins with that of the turn before. Of that one the upstream's own figure is known,
so that only what came since is estimated. What an answer is estimated to have is taken off the
upstream's figure and comes back with the next prompt, by the same estimator, so its error cancels.
"""

from collections.abc import Callable
from math import ceil
from typing import Final, NamedTuple

from app.core.usage import Meter

from .counts import TokenCounts
from .prompt import Prompt

MOST: Final = 4096
"""Turns that are remembered, some 150 bytes each."""


class Expected(NamedTuple):
    """``tokens``: of the prompt, corrected. ``least``: the upstream's own figure of an earlier turn
    that this one only adds to; 0 if none is known.
    """

    tokens: int
    least: int = 0


class ToldPrompts:
    """Figures by prompt, for one worker. Only hashes of prompts and numbers are kept."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._told: dict[int, tuple[int, int]] = {}  # the estimate, and what the upstream told

    def expected(self, prompt: Prompt) -> Expected:
        """The tokens of a prompt, by the longest beginning of it of which a figure is known."""
        told = self._told
        for key in reversed(prompt.keys):
            if key in told:
                estimate, figure = told[key] = told.pop(key)  # now the newest
                added = prompt.tokens - estimate
                if added >= 0:
                    return Expected(figure + added, figure)
                return Expected(_less(prompt.tokens, estimate, figure))
        return Expected(prompt.tokens)

    def meter(self, prompt: Prompt, window_of: Callable[[str | None], int | None]) -> Meter:
        """The meter of an answer to this prompt."""
        expected = self.expected(prompt)
        return Meter(expected.tokens, None, window_of, expected.least)

    def learn(self, prompt: Prompt, counts: TokenCounts) -> None:
        """Keep what the upstream told of a prompt, if it did."""
        figure = counts.input_tokens + counts.cache_read_tokens + counts.cache_write_tokens
        if counts.source == "estimate" or not prompt.keys or figure <= 0:
            return
        self._told.pop(prompt.keys[-1], None)
        self._told[prompt.keys[-1]] = prompt.tokens, figure
        if len(self._told) > self._most:
            del self._told[next(iter(self._told))]


def _less(tokens: int, estimate: int, figure: int) -> int:
    """What a prompt has that is estimated to have less than one of which a figure is known: it lost
    tools, or instructions. Where the estimate was too high, what was lost was estimated too high
    as well.
    """
    return figure - (estimate - tokens) if figure >= estimate else ceil(tokens * figure / estimate)
