"""Halves of surrogate pairs: joined over events, replaced and counted where they stay alone."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.codewhisperer.answer.decoder import EventDecoder
from app.codewhisperer.answer.halves import LONE
from app.common.errors import Kind
from app.core.events import Finish, TextDelta, ThinkingDelta, ToolInput
from tests.codewhisperer.answer.hearing import (
    events_of,
    hear_every_way,
    metadata,
    reasoning,
    tell,
    text,
    tool,
)
from tests.eventstream.wire import event, exception

FIRST, SECOND, LOST = "\ud83d", "\ude00", "\ufffd"
FACE = "😀"


def said(*parts: bytes) -> tuple[str, int]:
    """The text of an answer, the same however it is cut, and how many halves were replaced."""
    events = events_of(*parts)
    decoder = EventDecoder()
    assert [*tell(decoder, *parts), *decoder.finish(complete=True)][:-1] == events
    whole = "".join(one.text for one in events if isinstance(one, TextDelta))
    return whole, decoder.skipped[LONE]


@pytest.mark.parametrize(
    ("pieces", "whole", "replaced"),
    [
        ([f"a{FIRST}", f"{SECOND}b"], f"a{FACE}b", 0),
        ([FIRST, SECOND], FACE, 0),
        ([f"a{FIRST}", "", f"{SECOND}b"], f"a{FACE}b", 0),
        ([f"{FIRST}", f"{SECOND}{FIRST}", f"{SECOND}", FACE], FACE * 3, 0),
        ([f"a{FIRST}", "b"], f"a{LOST}b", 1),
        ([f"a{FIRST}"], f"a{LOST}", 1),
        ([FIRST], LOST, 1),
        ([f"{SECOND}a"], f"{LOST}a", 1),
        ([f"{FIRST}", f"{FIRST}", f"{SECOND}"], f"{LOST}{FACE}", 1),
        ([f"a{FIRST}b{SECOND}{FIRST}c"], f"a{LOST}b{LOST}{LOST}c", 3),
        ([f"a{FIRST}{SECOND}"], f"a{FACE}", 0),
        ([r"\ud83d", f"\\{FIRST}", SECOND], rf"\ud83d\{FACE}", 0),
    ],
)
def test_halves_in_text(pieces: Sequence[str], whole: str, replaced: int) -> None:
    assert said(*map(text, pieces)) == (whole, replaced)
    assert said(*(event("codeEvent", {"content": piece}) for piece in pieces)) == (whole, replaced)


@given(st.lists(st.text(st.sampled_from(["a", "é", FIRST, SECOND, FACE, "\\", '"']))))
def test_any_pieces(pieces: list[str]) -> None:
    expected = "".join(pieces).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    assert said(text("."), *map(text, pieces)) == (f".{expected}", expected.count(LOST))


def test_halves_as_bytes() -> None:
    """Programs that encode each UTF-16 unit on its own write them so."""
    first, second = (
        event("assistantResponseEvent", b'{"content":"' + half + b'"}')
        for half in (b"a\xed\xa0\xbd", b"\xed\xb8\x80b")
    )
    assert said(first, second) == (f"a{FACE}b", 0)


def test_events_without_text_may_come_between() -> None:
    between = (event("citationEvent", {}), event("newEvent", {}), metadata(stopReason="END_TURN"))
    assert said(text(FIRST), *between, text(SECOND)) == (FACE, 0)


def test_halves_in_reasoning_and_in_the_input_of_a_tool() -> None:
    thought = events_of(reasoning(text=f"a{FIRST}"), reasoning(text=f"{SECOND}b"), text("x"))
    assert [e.text for e in thought if isinstance(e, ThinkingDelta)] == ["a", f"{FACE}b"]
    called = events_of(
        tool("t", input=f'{{"a":"{FIRST}'), tool("t", input=f'{SECOND}"}}'), tool("t", stop=True)
    )
    written = "".join(e.fragment for e in called if isinstance(e, ToolInput))
    assert json.loads(written) == {"a": FACE}


def test_a_half_is_not_joined_with_another_kind_of_text() -> None:
    events = events_of(reasoning(text=FIRST), text(f"{SECOND}b"))
    assert events == [ThinkingDelta(LOST), TextDelta(f"{LOST}b")]
    events = events_of(tool("t", input=FIRST), tool("u", input=SECOND), tool("t", stop=True))
    assert [e.fragment for e in events if isinstance(e, ToolInput)] == [LOST, LOST]


def test_a_half_before_the_stop_of_a_call_is_replaced_in_it() -> None:
    events = events_of(tool("t", input=f'{{"a":"{FIRST}'), tool("t", input=None, stop=True))
    assert [e.fragment for e in events if isinstance(e, ToolInput)] == ['{"a":"', LOST]
    events = events_of(tool("t", input=f'{{"a":"b"}}{FIRST}', stop=True))
    assert [e.fragment for e in events if isinstance(e, ToolInput)] == [f'{{"a":"b"}}{LOST}']
    events = events_of(tool("t", input=FIRST), tool("t", input={"a": 1}, stop=True))
    assert [e.fragment for e in events if isinstance(e, ToolInput)] == [LOST, '{"a":1}']


def test_a_half_in_another_member_is_replaced() -> None:
    assert said(text("a", modelId=FIRST)) == ("a", 1)


@pytest.mark.parametrize(
    "payload", [b'{"content":"\\ud83d', b'{"content":"\xff\\ud83d"}', b'["\\ud83d"]', b"\xff\xfe"]
)
@pytest.mark.parametrize("before", [b"", text(f"a{FIRST}")])
def test_what_cannot_be_read_for_another_reason_is_damaged(payload: bytes, before: bytes) -> None:
    outcome = hear_every_way(text("x") + before + event("assistantResponseEvent", payload))
    assert outcome.kind is Kind.CORRUPT


def test_an_error_after_a_half() -> None:
    outcome = hear_every_way(text(f"a{FIRST}") + exception("ThrottlingException", {}))
    assert (outcome.events, outcome.kind) == ([TextDelta("a")], Kind.THROTTLED)


def test_an_answer_that_is_half_a_character_is_not_empty() -> None:
    assert hear_every_way(text(FIRST)).events == [TextDelta(LOST), Finish("end_turn")]
