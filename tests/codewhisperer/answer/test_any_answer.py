"""Whatever an upstream says, in whatever pieces: nothing is lost, doubled or reordered, and no cut
answer ends well.
"""

import json
from itertools import pairwise
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from app.common.errors import Kind
from app.core.conversation import Text, ToolCall
from app.core.events import (
    Event,
    Finish,
    TextDelta,
    ToolEnd,
    ToolInput,
    ToolStart,
    Usage,
)
from tests.codewhisperer.answer.hearing import hear, hear_every_way, metadata, text, tool
from tests.core.folding import fold


class Call(NamedTuple):
    id: str
    arguments: dict[str, Any]
    cuts: list[int]

    def frames(self) -> list[bytes]:
        written = json.dumps(self.arguments) if self.arguments else ""
        borders = sorted({0, len(written), *(cut % (len(written) + 1) for cut in self.cuts)})
        inner = [tool(self.id, input=written[a:b]) for a, b in pairwise([0, *borders])]
        return [tool(self.id), *inner, tool(self.id, stop=True)]


arguments = st.dictionaries(st.text(max_size=5), st.text(max_size=9) | st.integers(), max_size=3)
cuts = st.lists(st.integers(0, 99), max_size=4)
answers = st.lists(st.text(min_size=1, max_size=9) | st.tuples(arguments, cuts), max_size=8)


def numbered(answer: list[Any]) -> list[str | Call]:
    return [
        part if isinstance(part, str) else Call(f"t{n}", *part) for n, part in enumerate(answer)
    ]


def check_order(events: list[Event]) -> None:
    """What core promises to every dialect."""
    is_open = False
    for one in events:
        if isinstance(one, ToolInput | ToolEnd):
            assert is_open
        elif not isinstance(one, Usage):
            assert not is_open
        is_open = isinstance(one, ToolStart) or (is_open and not isinstance(one, ToolEnd))
        assert one not in (TextDelta(""), ToolInput(""))
    assert [n for n, one in enumerate(events) if isinstance(one, Finish)] == [len(events) - 1]


@given(answer=answers, places=st.lists(st.integers(0, 1 << 16), max_size=20))
def test_what_is_said_is_what_is_folded(answer: list[Any], places: list[int]) -> None:
    said = numbered(answer)
    frames = [[text(part)] if isinstance(part, str) else part.frames() for part in said]
    stream = b"".join(frame for part in frames for frame in part) + metadata(stopReason="END_TURN")
    heard = hear_every_way(stream, places)
    check_order(heard.events)
    expected: list[Text | ToolCall] = []
    for part in said:
        if isinstance(part, Call):
            expected.append(ToolCall(part.id, "read", part.arguments))
        elif expected and isinstance(expected[-1], Text):
            expected[-1] = Text(expected[-1].text + part)
        else:
            expected.append(Text(part))
    reply = fold(heard.events)
    assert reply.parts == tuple(expected)
    calls = any(isinstance(part, Call) for part in said)
    assert reply.reason == ("tool_use" if calls else "end_turn")


@given(answer=answers.filter(bool), data=st.data())
def test_parts_that_interleave_lose_nothing(answer: list[Any], data: st.DataObject) -> None:
    said = numbered(answer)
    waiting = [[text(part)] if isinstance(part, str) else part.frames() for part in said]
    sent: list[bytes] = []
    while waiting:
        n = data.draw(st.integers(0, len(waiting) - 1))
        sent.append(waiting[n].pop(0))
        if not waiting[n]:
            del waiting[n]
    heard = hear_every_way(b"".join(sent))
    check_order(heard.events)
    texts = [event.text for event in heard.events if isinstance(event, TextDelta)]
    assert sorted(texts) == sorted(part for part in said if isinstance(part, str))
    calls = [part for part in fold(heard.events).parts if isinstance(part, ToolCall)]
    assert sorted((call.id, call.input) for call in calls) == sorted(
        (part.id, part.arguments) for part in said if isinstance(part, Call)
    )


@given(answer=answers, at=st.integers(0, 1 << 16), complete=st.booleans())
def test_a_cut_answer_never_ends_well(answer: list[Any], at: int, complete: bool) -> None:
    """Cut inside a frame: an error. Cut between frames: HTTP tells, if it can."""
    frames = [
        frame
        for part in numbered(answer)
        for frame in ([text(part)] if isinstance(part, str) else part.frames())
    ]
    stream = b"".join(frames)
    cut = stream[: at % (len(stream) + 1)]
    borders = {sum(map(len, frames[:n])) for n in range(len(frames) + 1)}
    kind = hear([cut], complete=complete).kind
    if len(cut) not in borders or not complete:
        assert kind is Kind.TRUNCATED
    else:
        assert kind is (None if cut else Kind.EMPTY)
