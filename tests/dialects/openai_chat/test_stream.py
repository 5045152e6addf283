"""The stream of an answer: its bytes, its order, and what the official SDK reads from it."""

import json
import re
from typing import Any

import httpx2
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.common.errors import GatewayError, Kind
from app.core.events import (
    Finish,
    RedactedThinkingBlock,
    Refusal,
    TextDelta,
    ThinkingDelta,
    ThinkingSignature,
    ToolEnd,
    ToolInput,
    ToolStart,
    Usage,
)
from app.dialects.openai_chat.reply import FINISH_REASONS, ReplyContext, whole
from app.dialects.openai_chat.stream import StreamEncoder
from tests.core.folding import fold
from tests.dialects.answers import answers
from tests.dialects.doubles import FixedMeter
from tests.dialects.openai_chat.test_reply import USAGE

END = Finish("end_turn")
CREATED = 1700000000


def context(**options):
    return ReplyContext("chatcmpl-1", CREATED, "m", **options)


def encoder(**options):
    return StreamEncoder(context(**options), FixedMeter())


def read(data):
    """The payloads of a stream's events, "[DONE]" among them. Every event must be whole."""
    assert data.endswith(b"\n\n")
    payloads = []
    for event in data.decode().removesuffix("\n\n").split("\n\n"):
        whole_event = re.fullmatch(r"data: (\{.*\}|\[DONE\])", event)
        assert whole_event
        payload = whole_event[1]
        payloads.append(payload if payload == "[DONE]" else json.loads(payload))
    return payloads


def chunk(delta, finish_reason=None, **more):
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": "m",
        "service_tier": None,
        "system_fingerprint": None,
        "choices": [choice],
        **more,
    }


ROLE = chunk({"role": "assistant", "content": ""})


def text(said):
    return chunk({"content": said})


def thought(said):
    return chunk({"reasoning_content": said})


def start(index, call_id="t", name="f"):
    function = {"name": name, "arguments": ""}
    call = {"index": index, "id": call_id, "type": "function", "function": function}
    return chunk({"tool_calls": [call]})


def arguments(index, fragment):
    return chunk({"tool_calls": [{"index": index, "function": {"arguments": fragment}}]})


STREAMS: dict[str, tuple[list[Any], list[Any]]] = {
    "nothing": ([END], []),
    "text": ([TextDelta("a"), TextDelta("a"), END], [text("a"), text("a")]),
    "tools, and text after them": (
        [
            TextDelta("a"),
            ToolStart("t", "f"),
            ToolInput('{"a"'),
            ToolInput(":1}"),
            ToolEnd(),
            ToolStart("u", "g"),
            ToolEnd(),
            TextDelta("b"),
            Finish("tool_use"),
        ],
        [
            text("a"),
            start(0),
            arguments(0, '{"a"'),
            arguments(0, ":1}"),
            start(1, "u", "g"),
            arguments(1, "{}"),
            text("b"),
        ],
    ),
    "a tool call cut short": (
        [ToolStart("t", "f"), ToolInput('{"a'), ToolEnd(complete=False), Finish("max_tokens")],
        [start(0), arguments(0, '{"a')],
    ),
    "a tool call cut before its input": (
        [ToolStart("t", "f"), ToolEnd(complete=False), Finish("max_tokens")],
        [start(0)],
    ),
    "thinking": (
        [
            ThinkingDelta("hm"),
            ThinkingSignature("sig"),
            RedactedThinkingBlock("Eo8B"),
            TextDelta("a"),
            ThinkingDelta("m"),
            END,
        ],
        [thought("hm"), text("a"), thought("m")],
    ),
    "usage anywhere": (
        [
            Usage(credits=1.0),
            TextDelta("a"),
            Usage(),
            ToolStart("t", "f"),
            Usage(),
            ToolInput("{}"),
            ToolEnd(),
            Usage(),
            Finish("tool_use"),
        ],
        [text("a"), start(0), arguments(0, "{}")],
    ),
}


@pytest.mark.parametrize("name", STREAMS)
def test_streams(name):
    events, chunks = STREAMS[name]
    ended = chunk({}, FINISH_REASONS[events[-1].reason])
    assert read(encoder().feed(events)) == [ROLE, *chunks, ended, "[DONE]"]


@pytest.mark.parametrize("name", STREAMS)
def test_usage_is_null_in_every_chunk_and_told_in_one_more(name):
    events, chunks = STREAMS[name]
    ended = chunk({}, FINISH_REASONS[events[-1].reason])
    told = {**chunk({}), "choices": [], "usage": USAGE}
    with_usage = [{**one, "usage": None} for one in [ROLE, *chunks, ended]]
    assert read(encoder(include_usage=True).feed(events)) == [*with_usage, told, "[DONE]"]


@pytest.mark.parametrize(("reason", "told"), FINISH_REASONS.items())
def test_finish_reasons(reason, told):
    assert read(encoder().feed([Finish(reason)])) == [ROLE, chunk({}, told), "[DONE]"]


def test_a_refusal_is_explained_before_its_reason():
    events = [Finish("refusal", Refusal("cyber", "No."))]
    assert read(encoder().feed(events)) == [
        ROLE,
        chunk({"refusal": "No."}),
        chunk({}, "content_filter"),
        "[DONE]",
    ]
    message = json.loads(whole(context(), fold(events), FixedMeter()))["choices"][0]["message"]
    assert (message["content"], message["refusal"]) == ("", "No.")


def test_a_legacy_call():
    """It has no number, so only the first can be told."""
    events = [
        ToolStart("t", "f"),
        ToolInput('{"a":1}'),
        ToolEnd(),
        ToolStart("u", "g"),
        ToolInput("{}"),
        ToolEnd(),
        ToolStart("v", "h"),
        ToolEnd(),
        TextDelta("a"),
        Finish("tool_use"),
    ]
    assert read(encoder(legacy=True).feed(events)) == [
        ROLE,
        chunk({"function_call": {"name": "f", "arguments": ""}}),
        chunk({"function_call": {"arguments": '{"a":1}'}}),
        text("a"),
        chunk({}, "function_call"),
        "[DONE]",
    ]


def test_a_legacy_call_without_input():
    events = [ToolStart("t", "f"), ToolEnd(), Finish("tool_use")]
    assert read(encoder(legacy=True).feed(events))[2] == (
        chunk({"function_call": {"arguments": "{}"}})
    )


def custom(index, **members):
    return chunk({"tool_calls": [{"index": index, **members}]})


WRITTEN = [ToolInput('{"inp'), ToolInput('ut": "a\\'), ToolInput('nb"'), ToolInput("}")]


def test_a_custom_call_is_told_as_text():
    """Its JSON is decoded on the way; without any it is empty."""
    ended = [ToolEnd(), ToolStart("u", "patch"), ToolEnd(), Finish("tool_use")]
    events = [ToolStart("t", "patch"), *WRITTEN, *ended]
    assert read(encoder(forms={"patch": "custom"}).feed(events))[1:-2] == [
        custom(0, id="t", type="custom", custom={"name": "patch", "input": ""}),
        custom(0, custom={"input": "a"}),
        custom(0, custom={"input": "\nb"}),
        custom(1, id="u", type="custom", custom={"name": "patch", "input": ""}),
    ]


def test_a_custom_call_as_a_function_of_text():
    """For who offers such a tool as Responses does, and fails on a custom call."""
    events = [ToolStart("t", "patch"), *WRITTEN, ToolEnd(), Finish("tool_use")]
    assert read(encoder(forms={"patch": "text"}).feed(events))[1:-2] == [
        start(0, "t", "patch"),
        arguments(0, "a"),
        arguments(0, "\nb"),
    ]


AWKWARD = '"\\/\b\f\n\r\t\x00\x1f\x7f é 漢字 😀 \u2028\u2029 data: [DONE]\n\ndata: {}\n\n'


def test_text_of_any_kind_comes_through_in_one_chunk_each():
    payloads = read(encoder().feed([TextDelta(AWKWARD), TextDelta("x"), END]))
    assert payloads[1:3] == [text(AWKWARD), text("x")]


def test_what_is_not_ascii_is_sent_as_it_is():
    assert "漢字 😀".encode() in encoder().feed([TextDelta("漢字 😀")])


def test_a_model_of_any_name():
    stream = StreamEncoder(ReplyContext("i", 1, 'm"\n漢'), FixedMeter())
    assert [payload["model"] for payload in read(stream.feed([END]))[:2]] == ['m"\n漢'] * 2


def test_nothing_is_held_back():
    """What a client should see is written with the event that tells it, not with the next one."""
    stream = encoder()
    assert read(stream.feed([TextDelta("a")])) == [ROLE, text("a")]
    assert read(stream.feed([TextDelta("b")])) == [text("b")]
    assert read(stream.feed([ToolStart("t", "f")])) == [start(0)]
    assert read(stream.feed([ToolInput("{")])) == [arguments(0, "{")]
    assert read(stream.feed([ToolInput("}")])) == [arguments(0, "}")]
    assert stream.feed([ToolEnd()]) == b""
    assert read(stream.feed([END])) == [chunk({}, "stop"), "[DONE]"]


def test_events_without_bytes_write_nothing():
    stream = encoder()
    silent = [Usage(), ThinkingSignature("s"), RedactedThinkingBlock("r")]
    assert stream.feed([]) == b""
    assert stream.feed(silent) == b""
    stream.feed([TextDelta("a")])
    assert stream.feed(silent) == b""


def test_a_ping_is_a_comment():
    stream = encoder()
    assert stream.ping() == b": ping\n\n"
    assert read(stream.feed([TextDelta("a")])) == [ROLE, text("a")]
    assert stream.ping() == b": ping\n\n"
    stream.feed([END])
    assert stream.ping() == b""


def test_an_error_is_the_last_event():
    stream = encoder()
    stream.feed([TextDelta("a")])
    failure = GatewayError(Kind.TRUNCATED, "The upstream's answer broke off.")
    assert read(stream.error(failure, "req_1")) == [
        {
            "error": {
                "message": "Connection lost: The upstream's answer broke off.",
                "type": "server_error",
                "param": None,
                "code": "server_error",
            }
        }
    ]
    assert stream.ping() == b""
    assert stream.error(failure, "req_1") == b""
    with pytest.raises(GatewayError):
        stream.feed([TextDelta("b")])


def test_an_error_after_the_answer_is_not_written():
    stream = encoder()
    stream.feed([END])
    assert stream.error(GatewayError(Kind.TRUNCATED, "late"), "req_1") == b""


# Properties: any answer

options = st.fixed_dictionaries({"include_usage": st.booleans(), "legacy": st.booleans()})


def meant(events):
    """What an answer says, folded without regard to how it is streamed: text, reasoning, calls."""
    calls = []
    for event in events:
        match event:
            case ToolStart():
                calls.append([event.id, event.name, ""])
            case ToolInput():
                calls[-1][2] += event.fragment
    return (
        "".join(event.text for event in events if isinstance(event, TextDelta)),
        "".join(event.text for event in events if isinstance(event, ThinkingDelta)),
        [(call_id, name, json.loads(written or "{}")) for call_id, name, written in calls],
    )


def told(message):
    """What a client reads from a message of the SDK, in the same form."""
    calls = [
        (call.id, call.function.name, json.loads(call.function.arguments))
        for call in message.tool_calls or ()
    ]
    if call := message.function_call:
        calls = [(None, call.name, json.loads(call.arguments))]
    return message.content or "", getattr(message, "reasoning_content", ""), calls


def readable(meaning, legacy):
    """As much of it as the legacy API has a place for."""
    said, thought, calls = meaning
    return (said, thought, [(None, *call[1:]) for call in calls[:1]]) if legacy else meaning


def over_http(data):
    """A client of the SDK whose every request is answered with that."""
    reply = httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=data)
    transport = httpx2.MockTransport(lambda _: reply)
    return openai.OpenAI(api_key="k", http_client=httpx2.Client(transport=transport), max_retries=0)


HI = [{"role": "user", "content": "hi"}]


def sdk_completion(data):
    """What the official SDK accumulates from the stream."""
    with over_http(data).chat.completions.stream(model="m", messages=HI) as stream:
        return stream.until_done().current_completion_snapshot


@settings(deadline=None, max_examples=150)
@given(answers(), options)
def test_every_chunk_is_strictly_of_the_sdks_type(events, options):
    payloads = read(encoder(**options).feed(events))
    assert payloads.pop() == "[DONE]"
    chunks = [
        openai.types.chat.ChatCompletionChunk.model_validate(payload, strict=True)
        for payload in payloads
    ]
    reasons = [one.choices[0].finish_reason for one in chunks if one.choices]
    assert [reason is not None for reason in reasons] == [False] * (len(reasons) - 1) + [True]
    assert [one.choices[0].delta.role for one in chunks if one.choices] == (
        ["assistant"] + [None] * (len(reasons) - 1)
    )
    assert [one.usage is not None for one in chunks].count(True) == options["include_usage"]


@settings(deadline=None, max_examples=60)
@given(answers(), options)
def test_the_sdk_reads_what_the_model_said(events, options):
    read = sdk_completion(encoder(**options).feed(events))
    message = read.choices[0].message
    assert told(message) == readable(meant(events), options["legacy"])
    reason = FINISH_REASONS[events[-1].reason]
    if options["legacy"] and reason == "tool_calls":
        reason = "function_call"
    assert read.choices[0].finish_reason == reason
    assert (read.id, read.created, read.model) == ("chatcmpl-1", CREATED, "m")
    if options["include_usage"]:
        assert read.usage.model_dump(exclude_none=True) == USAGE
    else:
        assert read.usage is None


@settings(deadline=None, max_examples=150)
@given(answers(), options)
def test_the_whole_answer_says_what_the_stream_says(events, options):
    made = whole(context(**options), fold(events), FixedMeter())
    read = openai.types.chat.ChatCompletion.model_validate_json(made, strict=True)
    assert told(read.choices[0].message) == readable(meant(events), options["legacy"])


def test_the_sdk_raises_what_breaks_a_stream_and_takes_it_for_no_whole_answer():
    stream = encoder()
    data = stream.feed([TextDelta("a")]) + stream.ping()
    data += stream.error(GatewayError(Kind.OVERLOADED, "Too much at once."), "req_1")
    with pytest.raises(openai.APIError, match="Too much at once") as failure:
        sdk_completion(data)
    assert failure.value.code == "rate_limit_exceeded"
