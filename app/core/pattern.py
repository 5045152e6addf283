"""Searches with regular expressions of a model or a client, in time that grows with the text alone.

Python's own ``re`` takes exponential time for some short patterns, and nothing can interrupt it. So
``re`` only reads the pattern here, and an automaton searches. What no automaton can do (references
to groups, look-around) is refused.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from re import _constants as op  # type: ignore[attr-defined,unused-ignore]
from re import _parser  # type: ignore[attr-defined,unused-ignore]
from typing import Any, Literal, TypeAlias

LONGEST_PATTERN = 200
"""Characters (Anthropic's documentation of the tool)."""
MAX_STEPS = 1_000
"""Of a compiled pattern; counted repeats are written out."""
MAX_CACHED = 100_000
"""Steps in all states that are remembered: some megabytes."""

Kind: TypeAlias = Literal["edge", "word", "other"]
"""What is beside a position: the end of the text, or a character that is or is not of a word."""
Check: TypeAlias = Callable[[str], bool]


class PatternError(Exception):
    """The pattern cannot be used; the text says why."""


class Pattern:
    """A compiled pattern. A step of it is a check of one character, an assertion about a position,
    a tuple of the steps to go on with, or None at the end of a match.
    """

    def __init__(self, pattern: str, longest: int = LONGEST_PATTERN) -> None:
        """``longest``: characters of a pattern. Raises :class:`PatternError`."""
        if len(pattern) > longest:
            raise PatternError(f"a pattern may have {longest} characters")
        try:
            tree = _parser.parse(pattern)
        except (re.error, RecursionError, OverflowError) as error:
            raise PatternError(str(error)) from None
        self._steps: list[Any] = []
        self._ignores_case = bool(tree.state.flags & re.IGNORECASE)
        self._write(tree)
        self._add(None)
        self._cache: dict[Any, tuple[bool, frozenset[int], Kind]] = {}
        self._cached = 0

    def found_in(self, text: str) -> bool:
        """Whether the pattern matches anywhere in the text."""
        cache = self._cache
        state: frozenset[int] = frozenset()
        before: Kind = "edge"
        for char in chain(text.lower() if self._ignores_case else text, ("",)):
            known = cache.get((state, before, char))
            if known is None:
                if self._cached > MAX_CACHED:
                    cache.clear()
                    self._cached = 0
                known = cache[state, before, char] = self._advance(state, before, char)
                self._cached += 1 + len(known[1])
            matched, state, before = known
            if matched:
                return True
        return False

    def _advance(
        self, state: frozenset[int], before: Kind, char: str
    ) -> tuple[bool, frozenset[int], Kind]:
        """Read one character; "" is the end of the text. A match may start at any position."""
        after = _kind(char)
        waiting, seen, reached, matched = [0, *state], set(), set(), False
        while waiting:
            at = waiting.pop()
            if at in seen:
                continue
            seen.add(at)
            step = self._steps[at]
            if step is None:
                matched = True
            elif isinstance(step, tuple):
                waiting += step
            elif step in _POSITIONS:
                if _POSITIONS[step](before, after):
                    waiting.append(at + 1)
            elif char and step(char):
                reached.add(at + 1)
        return matched, frozenset(reached), after

    def _add(self, step: Any) -> int:
        if len(self._steps) >= MAX_STEPS:
            raise PatternError("the pattern repeats too much")
        self._steps.append(step)
        return len(self._steps) - 1

    def _write(self, nodes: Iterable[Any]) -> None:
        for kind, given in nodes:
            if kind is op.SUBPATTERN:
                self._ignores_case |= bool(given[1] & re.IGNORECASE)
                self._write(given[3])
            elif kind is op.BRANCH:
                self._branch(given[1])
            elif kind in (op.MAX_REPEAT, op.MIN_REPEAT):
                self._repeat(*given)
            elif kind is op.AT and given in _POSITIONS:
                self._add(given)
            else:
                self._add(_check(kind, given, self._ignores_case))

    def _branch(self, branches: Sequence[Any]) -> None:
        fork, ends, starts = self._add(()), [], []
        for branch in branches:
            starts.append(len(self._steps))
            self._write(branch)
            ends.append(self._add(()))
        self._steps[fork] = tuple(starts)
        for end in ends:
            self._steps[end] = (len(self._steps),)

    def _repeat(self, least: int, most: Any, nodes: Any) -> None:
        for _ in range(least):
            self._write(nodes)
        if most is op.MAXREPEAT:
            fork = self._add(())
            self._write(nodes)
            self._add((fork,))
            self._steps[fork] = (fork + 1, len(self._steps))
            return
        forks = []
        for _ in range(most - least):
            forks.append(self._add(()))
            self._write(nodes)
        for fork in forks:
            self._steps[fork] = (fork + 1, len(self._steps))


def _kind(char: str) -> Kind:
    return "edge" if not char else "word" if _is_word(char) else "other"


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"


def _is_boundary(before: Kind, after: Kind) -> bool:
    return (before == "word") != (after == "word")


_POSITIONS: dict[Any, Callable[[Kind, Kind], bool]] = {
    op.AT_BEGINNING: lambda before, _: before == "edge",
    op.AT_BEGINNING_STRING: lambda before, _: before == "edge",
    op.AT_END: lambda _, after: after == "edge",
    op.AT_END_STRING: lambda _, after: after == "edge",
    op.AT_BOUNDARY: _is_boundary,
    op.AT_NON_BOUNDARY: lambda before, after: not _is_boundary(before, after),
}
_CATEGORIES: dict[Any, Check] = {
    op.CATEGORY_DIGIT: str.isdecimal,
    op.CATEGORY_NOT_DIGIT: lambda char: not char.isdecimal(),
    op.CATEGORY_SPACE: str.isspace,
    op.CATEGORY_NOT_SPACE: lambda char: not char.isspace(),
    op.CATEGORY_WORD: _is_word,
    op.CATEGORY_NOT_WORD: lambda char: not _is_word(char),
}


def _check(kind: Any, given: Any, ignores_case: bool) -> Check:
    """The check of one character. Text whose case is ignored is in lower case already."""
    if kind is op.LITERAL or kind is op.NOT_LITERAL:
        wanted = chr(given).lower() if ignores_case else chr(given)
        return (lambda char: char == wanted) if kind is op.LITERAL else lambda char: char != wanted
    if kind is op.ANY:
        return lambda char: char != "\n"
    if kind is op.CATEGORY:
        return _CATEGORIES[given]
    if kind is op.RANGE:
        low, high = given
        if ignores_case:
            return lambda char: low <= ord(char) <= high or low <= ord(char.upper()[0]) <= high
        return lambda char: low <= ord(char) <= high
    if kind is op.IN:
        negated = given[0][0] is op.NEGATE
        items = given[1 if negated else 0 :]
        checks = [_check(inner, what, ignores_case) for inner, what in items]
        return lambda char: any(check(char) for check in checks) != negated
    raise PatternError(f"{str(kind).lower()} is not supported here")
