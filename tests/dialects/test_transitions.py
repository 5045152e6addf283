"""What holds for the stream of every dialect: its table is complete, events in any other order are
refused, and batches do not matter.
"""

import json
from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.application import DIALECTS
from app.common.errors import GatewayError, Kind
from app.core import fold
from app.core.events import (
    MANY,
    Event,
    Finish,
    TextDelta,
    ThinkingDelta,
    ToolEnd,
    ToolInput,
    ToolStart,
)
from app.dialects.anthropic import reply as messages
from app.dialects.anthropic import stream as messages_stream
from app.dialects.encoder import StreamEncoder
from app.dialects.openai_chat import reply as chat
from app.dialects.openai_chat import stream as chat_stream
from app.dialects.openai_responses import reply as responses
from app.dialects.openai_responses import stream as responses_stream
from app.dialects.openai_responses.parse import parse_responses
from app.dialects.openai_responses.tools import ClientTool
from tests.dialects.answers import answers
from tests.dialects.doubles import FixedMeter

OPTIONS = responses.ReplyOptions(
    "m",
    parse_responses(b'{"input":"hi"}', {}, "m").options.echo,
    {"patch": ClientTool("patch", kind="custom"), "ns__g": ClientTool("g", "ns")},
    encrypted_reasoning=True,
)
ENCODERS = {
    "Messages": lambda: messages_stream.StreamEncoder(
        messages.ReplyContext("msg_1", "m"), FixedMeter()
    ),
    "Chat Completions": lambda: chat_stream.StreamEncoder(
        chat.ReplyContext("chatcmpl-1", 1, "m", include_usage=True), FixedMeter()
    ),
    "Chat Completions, legacy": lambda: chat_stream.StreamEncoder(
        chat.ReplyContext("chatcmpl-1", 1, "m", legacy=True), FixedMeter()
    ),
    "Responses": lambda: responses_stream.StreamEncoder(
        responses.ReplyContext("7", OPTIONS, 1, clock=lambda: 2.0), FixedMeter()
    ),
}
every_dialect = pytest.mark.parametrize("encoder", ENCODERS.values(), ids=ENCODERS)

EVENTS = set(get_args(Event))


def test_no_dialect_is_missing():
    assert {type(make()) for make in ENCODERS.values()} == {each.encoder for each in DIALECTS}


@every_dialect
def test_readers_that_split_text_into_lines_find_whole_events(encoder):
    odd = "a\u2028b\u2029c\x85d\x1ee"
    call = [ToolStart("1", f"f{odd}"), ToolInput(json.dumps({"a": odd}, ensure_ascii=False))]
    stream = encoder().feed(
        [TextDelta(odd), TextDelta(odd), ThinkingDelta(odd), *call, ToolEnd(), Finish("tool_use")]
    )
    stream += encoder().error(GatewayError(Kind.INTERNAL, odd), "req_1")
    text = stream.decode()
    assert text.splitlines() == text.split("\n")[:-1]
    payloads = [line.removeprefix("data: ") for line in text.splitlines() if "data: {" in line]
    assert all(json.loads(payload) for payload in payloads)
    assert json.dumps(odd) in text.replace("\\x1e", "\\u001e")


def test_every_event_can_be_folded():
    assert fold._STEPS.keys() == EVENTS


every_table = pytest.mark.parametrize(
    "encoder", [each.encoder for each in DIALECTS], ids=[each.name for each in DIALECTS]
)


@every_table
def test_every_event_is_in_the_table_and_every_state_has_a_row(
    encoder: type[StreamEncoder],
) -> None:
    table = encoder.TRANSITIONS
    assert {event for row in table.values() for event in row} == EVENTS
    assert table.keys() == set(type(encoder.FRESH))


@every_table
def test_every_state_is_reached_and_only_the_last_ends(encoder):
    table = encoder.TRANSITIONS
    reached, waiting = set(), [encoder.FRESH]
    while waiting:
        state = waiting.pop()
        if state not in reached:
            reached.add(state)
            waiting += [then for _, then in table[state].values()]
    assert reached == table.keys()
    assert [state for state, row in table.items() if not row] == [encoder.DONE]


@every_dialect
def test_the_fast_path_for_text_is_the_row_of_its_state(encoder):
    stream = encoder()
    steps, state = stream.TRANSITIONS[stream.TEXT][TextDelta]
    assert (steps, state) == ((type(stream)._text,), stream.TEXT)
    events = [TextDelta("a"), TextDelta("b"), TextDelta("c")]
    fast, slow = encoder(), encoder()
    taken = [slow.feed(events[:1])]
    for event in events[1:]:
        slow._advance(event)
        taken.append(slow._taken())
    assert fast.feed(events) == b"".join(taken)


@every_dialect
def test_many_texts_are_written_as_each_alone(encoder):
    events = [TextDelta(f'{number}\n\r"\\\u2028é') for number in range(3 * MANY)]
    together, alone = encoder(), encoder()
    written = b"".join(alone.feed([event]) for event in events)
    assert together.feed(events[:1]) + together.feed(events[1:]) == written


START, END = ToolStart("t", "f"), Finish("end_turn")
ILLEGAL = [
    ([ToolInput("{}")], "ToolInput before the answer"),
    ([ToolEnd()], "ToolEnd before the answer"),
    ([TextDelta("a"), ToolInput("{}")], "ToolInput in (text|the answer)"),
    ([ThinkingDelta("a"), ToolEnd()], "ToolEnd in (reasoning|the answer)"),
    ([START, TextDelta("a")], "TextDelta in a tool call"),
    ([START, ThinkingDelta("a")], "ThinkingDelta in a tool call"),
    ([START, START], "ToolStart in a tool call"),
    ([START, END], "Finish in a tool call"),
    ([START, ToolEnd(), ToolInput("{}")], "ToolInput (between (blocks|items)|in the answer)"),
    ([END, TextDelta("a")], "TextDelta after the answer"),
    ([END, END], "Finish after the answer"),
    ([object()], "object before the answer"),
]


@every_dialect
@pytest.mark.parametrize(("events", "told"), ILLEGAL)
def test_events_out_of_order_are_an_error(encoder, events, told):
    stream = encoder()
    with pytest.raises(GatewayError, match=told) as failure:
        stream.feed(events)
    assert failure.value.kind is Kind.INTERNAL


names = st.sampled_from(["f", "ns__g", "patch"])


@every_dialect
@settings(deadline=None)
@given(events=answers(names, web=True), cuts=st.lists(st.integers(0, 60), max_size=8))
def test_the_same_bytes_in_whatever_batches(encoder, events, cuts):
    places = sorted({0, *(min(cut, len(events)) for cut in cuts), len(events)})
    stream = encoder()
    batches = [stream.feed(events[start:end]) for start, end in pairwise(places)]
    assert b"".join(batches) == encoder().feed(events)
