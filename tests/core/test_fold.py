"""The whole answer says what its events said, however they were batched."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.conversation import Part, RedactedThinking, Text, Thinking, ToolCall
from app.core.events import (
    Event,
    Finish,
    RedactedThinkingBlock,
    TextDelta,
    ThinkingDelta,
    ThinkingSignature,
    ToolEnd,
    ToolInput,
    ToolStart,
    Usage,
)
from app.core.fold import ReplyBuilder
from tests.core.folding import fold


def test_pieces_are_joined_and_order_is_kept() -> None:
    reply = fold(
        [
            ThinkingDelta("let me "),
            ThinkingDelta("see"),
            ThinkingSignature("c2ln"),
            TextDelta("ha"),
            TextDelta("ha"),
            ToolStart("t1", "read"),
            ToolInput('{"path"'),
            Usage(credits=0.5),
            ToolInput(': "x"}'),
            ToolEnd(),
            ToolStart("t2", "now"),
            ToolEnd(),
            RedactedThinkingBlock("b3Blbg=="),
            TextDelta("after"),
            Finish("tool_use"),
        ]
    )
    assert reply.parts == (
        Thinking("let me see", "c2ln"),
        Text("haha"),
        ToolCall("t1", "read", {"path": "x"}),
        ToolCall("t2", "now", {}),
        RedactedThinking("b3Blbg=="),
        Text("after"),
    )
    assert reply.reason == "tool_use"


def test_a_call_cut_off_is_left_out() -> None:
    reply = fold(
        [
            TextDelta("I write"),
            ToolStart("t1", "write"),
            ToolInput('{"content": "abc'),
            ToolEnd(complete=False),
            TextDelta("and"),
            Finish("max_tokens"),
        ]
    )
    assert reply.parts == (Text("I write"), Text("and"))
    assert reply.reason == "max_tokens"


def test_where_the_answer_ended_is_kept() -> None:
    cut = Finish("max_tokens")
    assert fold([TextDelta("a"), cut]).cut
    assert not fold([TextDelta("a"), ToolStart("t", "f"), ToolEnd(complete=False), cut]).cut
    assert not fold([ThinkingDelta("a"), ThinkingSignature("s"), cut]).cut


def test_a_signature_ends_its_block_and_may_stand_alone() -> None:
    reply = fold(
        [
            ThinkingDelta("a"),
            ThinkingSignature("s1"),
            ThinkingDelta("b"),
            TextDelta("t"),
            ThinkingSignature("s2"),
            Finish("end_turn"),
        ]
    )
    assert reply.parts == (Thinking("a", "s1"), Thinking("b"), Text("t"), Thinking("", "s2"))


def test_half_a_surrogate_pair_in_an_input_is_replaced() -> None:
    call: list[Event] = [
        ToolStart("t", "f"),
        ToolInput(r'{"a": "\ud83d"}'),
        ToolEnd(),
        Finish("tool_use"),
    ]
    assert fold(call).parts == (ToolCall("t", "f", {"a": "\ufffd"}),)


def test_nothing_said_is_no_part() -> None:
    assert fold([Finish("end_turn")]).parts == ()


def test_figures_are_no_part_of_an_answer() -> None:
    events: list[Event] = [TextDelta("a"), Usage(credits=0.1), TextDelta("b"), Finish("end_turn")]
    assert fold(events).parts == (Text("ab"),)


def test_an_answer_without_an_end_is_none() -> None:
    builder = ReplyBuilder()
    builder.feed([TextDelta("a")])
    with pytest.raises(ValueError, match="Finish"):
        builder.reply()


# ---- any answer ----------------------------------------------------------------------------------


def pieces(text: str, data: st.DataObject) -> list[str]:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=4)))
    borders = [0, *cuts, len(text)]
    return [text[a:b] for a, b in pairwise(borders) if a < b]


def said_as(part: Part, data: st.DataObject) -> list[Event]:
    match part:
        case Text(text):
            return [TextDelta(piece) for piece in pieces(text, data)]
        case Thinking(text, signature):
            return [
                *(ThinkingDelta(piece) for piece in pieces(text, data)),
                *([ThinkingSignature(signature)] if signature else []),
            ]
        case RedactedThinking(opaque):
            return [RedactedThinkingBlock(opaque)]
        case ToolCall(id, name, arguments):
            written = json.dumps(arguments) if arguments else data.draw(st.sampled_from(["", "{}"]))
            inner = [ToolInput(piece) for piece in pieces(written, data)]
            return [ToolStart(id, name), *inner, ToolEnd()]
    raise AssertionError(part)


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
words = st.text(min_size=1, max_size=20)
parts = st.one_of(
    words.map(Text),
    st.builds(Thinking, words, st.text(max_size=5)),
    words.map(RedactedThinking),
    st.builds(ToolCall, words, words, st.dictionaries(st.text(), json_values, max_size=3)),
)


def runs_on(earlier: Part, later: Part) -> bool:
    """Whether two parts cannot be told apart in a stream."""
    unsigned = not (isinstance(earlier, Thinking) and earlier.signature)
    return unsigned and type(earlier) is type(later) and isinstance(later, Text | Thinking)


@given(drawn=st.lists(parts, max_size=8), data=st.data())
def test_the_fold_says_what_was_said_in_any_batches(drawn: list[Part], data: st.DataObject) -> None:
    said: list[Part] = []
    for part in drawn:
        if not (said and runs_on(said[-1], part)):
            said.append(part)
    events: list[Event] = [event for part in said for event in said_as(part, data)]
    events.append(Finish("end_turn"))
    builder = ReplyBuilder()
    at = 0
    while at < len(events):
        step = data.draw(st.integers(1, 5))
        builder.feed(events[at : at + step])
        at += step
    assert builder.reply() == fold(events)
    assert builder.reply().parts == tuple(said)
