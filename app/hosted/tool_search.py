"""Anthropic's tool search: which deferred tools fit a query of the model.

As documented: the regular expression, or the words, are looked for in the names and descriptions of
tools and of their arguments, and the few best are found.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from math import log
from time import monotonic
from typing import Any

from app.core.conversation import Tool, ToolSearchResult
from app.core.pattern import Pattern, PatternError

MOST_FOUND = 5
LONGEST_TEXT, MOST_ARGUMENTS = 1_000, 100
"""Characters of one description, and arguments of one tool, that are looked at."""
SECONDS = 1.0
"""A search that takes longer is given up."""
K1, B = 1.5, 0.75
"""The usual constants of BM25: how fast more of a word counts less, and how much length counts."""

INVALID = ToolSearchResult(error="invalid_tool_input")
TOO_SLOW = ToolSearchResult(error="execution_time_exceeded")

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|[^\W\d_a-zA-Z]+")


def search(
    kind: str, query: Any, tools: Sequence[Tool], pause: Callable[[], object]
) -> ToolSearchResult:
    """The tools found by a call with the input member ``query``. ``pause`` is called between
    tools, so that others are served meanwhile.
    """
    if not isinstance(query, str) or not query.strip():
        return INVALID
    return (by_pattern if kind == "regex" else by_words)(query, tools, pause)


def by_pattern(
    pattern: str, tools: Sequence[Tool], pause: Callable[[], object]
) -> ToolSearchResult:
    """Tools whose name matches come first, then those with a match elsewhere."""
    try:
        wanted = Pattern(pattern)
    except PatternError:
        return INVALID
    end = monotonic() + SECONDS
    named, described = [], []
    for tool in tools:
        pause()
        name, *others = _texts(tool)
        if wanted.found_in(name):
            named.append(tool.name)
        else:
            for text in others:
                if monotonic() > end:
                    return TOO_SLOW
                if wanted.found_in(text):
                    described.append(tool.name)
                    break
    return ToolSearchResult(tuple([*named, *described][:MOST_FOUND]))


def by_words(query: str, tools: Sequence[Tool], pause: Callable[[], object]) -> ToolSearchResult:
    """By BM25, the best first."""
    words = set(_words(query))
    end = monotonic() + SECONDS
    documents = []
    for tool in tools:
        pause()
        if monotonic() > end:
            return TOO_SLOW
        documents.append(Counter(word for text in _texts(tool) for word in _words(text)))
    lengths = [document.total() for document in documents]
    average = sum(lengths) / max(1, len(lengths)) or 1.0
    holding = {word: sum(word in document for document in documents) for word in words}
    weights = {
        word: log(1 + (len(documents) - count + 0.5) / (count + 0.5))
        for word, count in holding.items()
    }
    scores = []
    for tool, document, length in zip(tools, documents, lengths, strict=True):
        least = K1 * (1 - B + B * length / average)
        score = sum(
            weights[word] * document[word] * (K1 + 1) / (document[word] + least) for word in words
        )
        scores.append((score, tool.name))
    best = sorted((entry for entry in scores if entry[0] > 0), key=lambda entry: -entry[0])
    return ToolSearchResult(tuple(name for _, name in best[:MOST_FOUND]))


def _texts(tool: Tool) -> Iterator[str]:
    """What is looked at: the name first."""
    yield tool.name
    yield tool.description[:LONGEST_TEXT]
    properties = tool.schema.get("properties")
    if isinstance(properties, dict):
        for name, schema in islice(properties.items(), MOST_ARGUMENTS):
            yield name[:LONGEST_TEXT]
            described = schema.get("description") if isinstance(schema, dict) else None
            if isinstance(described, str):
                yield described[:LONGEST_TEXT]


def _words(text: str) -> list[str]:
    """``getUser_data2`` has the words get, user, data and 2."""
    return [word.lower() for word in _WORD.findall(text)]
