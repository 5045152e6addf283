"""Any answer of a model, as the events that every dialect's stream is fed with."""

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, get_args

from hypothesis import strategies as st

from app.core.conversation import (
    CitedText,
    HostedToolUse,
    Summary,
    ToolSearchResult,
    WebPage,
    WebSearchResult,
)
from app.core.events import (
    Event,
    Finish,
    HostedToolStart,
    RedactedThinkingBlock,
    Refusal,
    StopReason,
    TextDelta,
    ThinkingDelta,
    ThinkingSignature,
    ToolEnd,
    ToolInput,
    ToolStart,
    Usage,
)

words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | words,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2),
    max_leaves=4,
)


@st.composite
def tool_calls(draw: st.DrawFn, names: st.SearchStrategy[str]) -> list[Event]:
    """A call whose input is cut anywhere. Its id is its own, as the upstream's are."""
    members = words | st.just("input")  # what the free text of a custom tool stands in
    arguments = st.dictionaries(members, json_values, max_size=3)
    written = draw(st.just("") | arguments.map(json.dumps))
    cuts = sorted({0, len(written), *draw(st.lists(st.integers(0, len(written)), max_size=4))})
    fragments = [ToolInput(written[start:end]) for start, end in pairwise(cuts)]
    return [ToolStart(draw(st.uuids()).hex, draw(names)), *fragments, ToolEnd()]


FOUND = st.builds(ToolSearchResult, st.lists(words, max_size=2).map(tuple)) | st.builds(
    ToolSearchResult, error=st.sampled_from(["invalid_tool_input", "unavailable"])
)
PAGES = st.builds(WebPage, words, words, words, st.just("2026-11-01") | st.just(""), words)
OF_THE_WEB = st.builds(WebSearchResult, st.lists(PAGES, max_size=2).map(tuple)) | st.builds(
    WebSearchResult, error=st.sampled_from(["unavailable", "max_uses_exceeded"])
)
TOOL_SEARCH = st.builds(HostedToolUse, words, words, st.just({"query": "a"}), FOUND)
WEB_SEARCH = st.builds(HostedToolUse, words, words, st.just({"query": "a"}), OF_THE_WEB)
CITED = st.builds(CitedText, words, st.lists(PAGES, min_size=1, max_size=2).map(tuple))


def hosted_call(use: HostedToolUse) -> list[Event]:
    return [HostedToolStart(use.id, use.name, use.input), use]


@st.composite
def answers(
    draw: st.DrawFn,
    names: st.SearchStrategy[str] = words,
    reasons: tuple[StopReason, ...] = get_args(StopReason),
    hosted: bool = False,
    web: bool = False,
    summaries: bool = False,
) -> list[Event]:
    """``names`` are those of the tools that are called. ``hosted``: the gateway itself searches for
    tools; ``web``: it searches the web, and pages are cited; ``summaries``: with summaries of
    earlier turns.
    """
    pieces: st.SearchStrategy[Sequence[Event]] = (
        words.map(lambda text: [TextDelta(text)])
        | words.map(lambda text: [ThinkingDelta(text)])
        | words.map(lambda text: [ThinkingSignature(text)])
        | words.map(lambda text: [RedactedThinkingBlock(text)])
        | st.just([Usage(credits=0.5)])
        | tool_calls(names)
    )
    if hosted:
        pieces = pieces | TOOL_SEARCH.map(hosted_call)
    if web:
        pieces = pieces | WEB_SEARCH.map(hosted_call) | CITED.map(lambda cited: [cited])
    if summaries:
        pieces = pieces | (words | st.none()).map(lambda text: [Summary(text)])
    told = [event for piece in draw(st.lists(pieces, max_size=12)) for event in piece]
    return [*told, draw(st.sampled_from(reasons).flatmap(_ends))]


def _ends(reason: StopReason) -> st.SearchStrategy[Finish]:
    if reason != "refusal":
        return st.just(Finish(reason))
    categories = st.sampled_from(["", "cyber", "reasoning_extraction", "of_tomorrow"])
    said = st.none() | st.builds(Refusal, categories, st.just("") | words)
    return said.map(lambda refusal: Finish("refusal", refusal))
