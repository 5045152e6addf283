"""The stream of an answer: its bytes, its order, and what the official SDK reads from it."""

import base64
import json
import re
from typing import Any

import anthropic
import httpx2
import pytest
from hypothesis import given, settings

from app.common.errors import GatewayError, Kind
from app.core.conversation import CitedText, HostedToolUse, Summary, WebSearchResult
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
from app.dialects.anthropic.reply import STOP_REASONS, ReplyContext, whole
from app.dialects.anthropic.stream import StreamEncoder
from tests.core.folding import fold
from tests.dialects.answers import answers
from tests.dialects.doubles import FixedMeter

END = Finish("end_turn")
START_USAGE = {
    "input_tokens": 1234,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 0,
    "output_tokens": 0,
    "output_tokens_details": None,
    "server_tool_use": None,
    "cache_creation": None,
    "inference_geo": None,
    "service_tier": None,
}
END_USAGE = {
    "input_tokens": 1200,
    "cache_creation_input_tokens": 8,
    "cache_read_input_tokens": 7,
    "output_tokens": 56,
    "output_tokens_details": {"thinking_tokens": 9},
    "server_tool_use": None,
}
STARTED = {
    "type": "message_start",
    "message": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "stop_details": None,
        "usage": START_USAGE,
    },
}
PING = {"type": "ping"}


def encoder(**options):
    return StreamEncoder(ReplyContext("msg_1", "m", **options), FixedMeter())


def read(data):
    """The payloads of a stream's events. Every event must be whole, and named as its payload."""
    assert data.endswith(b"\n\n")
    payloads = []
    for chunk in data.decode().removesuffix("\n\n").split("\n\n"):
        whole_event = re.fullmatch(r"event: (\w+)\ndata: (\{.*\})", chunk)
        assert whole_event
        name, payload = whole_event.groups()
        payloads.append(json.loads(payload))
        assert payloads[-1]["type"] == name
    return payloads


def start(index, **block):
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index, **delta):
    return {"type": "content_block_delta", "index": index, "delta": delta}


def stop(index):
    return {"type": "content_block_stop", "index": index}


def text_delta(index, text):
    return delta(index, type="text_delta", text=text)


def text_start(index):
    return start(index, type="text", text="")


def thinking_start(index):
    return start(index, type="thinking", thinking="", signature="")


def input_delta(index, fragment):
    return delta(index, type="input_json_delta", partial_json=fragment)


def tool_start(index):
    return start(index, type="tool_use", id="t", name="f", input={})


def finished(reason="end_turn", details=None):
    told = {"stop_reason": reason, "stop_sequence": None, "stop_details": details}
    return [
        {"type": "message_delta", "delta": told, "usage": END_USAGE},
        {"type": "message_stop"},
    ]


STREAMS: dict[str, tuple[list[Any], list[Any]]] = {
    "nothing": ([END], []),
    "text": (
        [TextDelta("a"), TextDelta("a"), END],
        [text_start(0), text_delta(0, "a"), text_delta(0, "a"), stop(0)],
    ),
    "tools, and text after them": (
        [
            ToolStart("t", "f"),
            ToolInput('{"a"'),
            ToolInput(":1}"),
            ToolEnd(),
            ToolStart("t", "f"),
            ToolEnd(),
            TextDelta("a"),
            END,
        ],
        [
            tool_start(0),
            input_delta(0, '{"a"'),
            input_delta(0, ":1}"),
            stop(0),
            tool_start(1),
            input_delta(1, "{}"),
            stop(1),
            text_start(2),
            text_delta(2, "a"),
            stop(2),
        ],
    ),
    "a tool call cut short": (
        [ToolStart("t", "f"), ToolInput('{"a'), ToolEnd(complete=False), Finish("max_tokens")],
        [tool_start(0), input_delta(0, '{"a'), stop(0)],
    ),
    "a tool call cut before its input": (
        [ToolStart("t", "f"), ToolEnd(complete=False), END],
        [tool_start(0), stop(0)],
    ),
    "thinking with a signature, then without": (
        [
            ThinkingDelta("hm"),
            ThinkingDelta("m"),
            ThinkingSignature("sig"),
            ThinkingDelta("b"),
            TextDelta("a"),
            END,
        ],
        [
            thinking_start(0),
            delta(0, type="thinking_delta", thinking="hm"),
            delta(0, type="thinking_delta", thinking="m"),
            delta(0, type="signature_delta", signature="sig"),
            stop(0),
            thinking_start(1),
            delta(1, type="thinking_delta", thinking="b"),
            stop(1),
            text_start(2),
            text_delta(2, "a"),
            stop(2),
        ],
    ),
    "a signature alone": (
        [ThinkingSignature("sig"), END],
        [thinking_start(0), delta(0, type="signature_delta", signature="sig"), stop(0)],
    ),
    "redacted thinking": (
        [RedactedThinkingBlock("Eo8B"), RedactedThinkingBlock("Eo8C"), END],
        [
            start(0, type="redacted_thinking", data="Eo8B"),
            stop(0),
            start(1, type="redacted_thinking", data="Eo8C"),
            stop(1),
        ],
    ),
    "usage anywhere": (
        [
            Usage(credits=1.0),
            TextDelta("a"),
            Usage(),
            TextDelta("b"),
            ToolStart("t", "f"),
            Usage(),
            ToolInput("{}"),
            ToolEnd(),
            Usage(),
            END,
        ],
        [
            text_start(0),
            text_delta(0, "a"),
            text_delta(0, "b"),
            stop(0),
            tool_start(1),
            input_delta(1, "{}"),
            stop(1),
        ],
    ),
}


@pytest.mark.parametrize("name", STREAMS)
def test_streams(name):
    events, blocks = STREAMS[name]
    reason = STOP_REASONS[events[-1].reason]
    assert read(encoder().feed(events)) == [STARTED, PING, *blocks, *finished(reason)]


@pytest.mark.parametrize(("reason", "told"), STOP_REASONS.items())
def test_stop_reasons(reason, told):
    details = {"type": "refusal", "category": None, "explanation": None}
    expected = finished(told, details if told == "refusal" else None)
    assert read(encoder().feed([Finish(reason)]))[2:] == expected


@pytest.mark.parametrize(
    ("said", "category", "explanation"),
    [
        (Refusal("reasoning_extraction", "No."), "reasoning_extraction", "No."),
        (Refusal("of_tomorrow", "No."), None, "No."),
        (Refusal("cyber"), "cyber", None),
    ],
)
def test_a_refusal_is_explained(said, category, explanation):
    details = {"type": "refusal", "category": category, "explanation": explanation}
    events = [Finish("refusal", said)]
    assert read(encoder().feed(events))[2:] == finished("refusal", details)


def test_stop_reasons_are_those_of_the_api():
    assert STOP_REASONS == {
        "end_turn": "end_turn",
        "tool_use": "tool_use",
        "max_tokens": "max_tokens",
        "stop_sequence": "stop_sequence",
        "context_window": "model_context_window_exceeded",
        "pause_turn": "pause_turn",
        "refusal": "refusal",
        "compaction": "compaction",
    }


def test_omitted_thinking_keeps_its_signature():
    events = [ThinkingDelta("hm"), ThinkingSignature("sig"), END]
    assert read(encoder(omit_thinking=True).feed(events))[2:-2] == [
        thinking_start(0),
        delta(0, type="signature_delta", signature="sig"),
        stop(0),
    ]


AWKWARD = '"\\/\b\f\n\r\t\x00\x1f\x7f é 漢字 😀 \u2028\u2029 event: ping\n\ndata: {}\n\n'


def test_text_of_any_kind_comes_through_in_one_event_each():
    payloads = read(encoder().feed([TextDelta(AWKWARD), TextDelta("x"), END]))
    assert payloads[3:5] == [text_delta(0, AWKWARD), text_delta(0, "x")]


def test_what_is_not_ascii_is_sent_as_it_is():
    assert "漢字 😀".encode() in encoder().feed([TextDelta("漢字 😀")])


def test_nothing_is_held_back():
    """What a client should see is written with the event that tells it, not with the next one."""
    stream = encoder()
    assert read(stream.feed([TextDelta("a")]))[-1] == text_delta(0, "a")
    assert read(stream.feed([TextDelta("b")])) == [text_delta(0, "b")]
    assert read(stream.feed([ToolStart("t", "f")])) == [stop(0), tool_start(1)]
    assert read(stream.feed([ToolInput("{")])) == [input_delta(1, "{")]
    assert read(stream.feed([ToolInput("}"), ToolEnd()])) == [input_delta(1, "}"), stop(1)]
    assert read(stream.feed([END])) == finished()


def test_events_without_bytes_write_nothing():
    stream = encoder()
    assert stream.feed([]) == b""
    assert stream.feed([Usage()]) == b""


def test_a_ping_before_anything_begins_the_message():
    stream = encoder()
    assert read(stream.ping()) == [STARTED, PING]
    assert read(stream.ping()) == [PING]
    assert read(stream.feed([TextDelta("a")])) == [text_start(0), text_delta(0, "a")]
    assert read(stream.ping()) == [PING]
    stream.feed([END])
    assert stream.ping() == b""


def test_an_error_is_the_last_event():
    stream = encoder()
    stream.feed([TextDelta("a")])
    failure = GatewayError(Kind.TRUNCATED, "The upstream's answer broke off.")
    assert read(stream.error(failure, "req_1")) == [
        {
            "type": "error",
            "error": {
                "type": "api_error",
                "message": "Connection lost: The upstream's answer broke off.",
            },
            "request_id": "req_1",
        }
    ]
    assert stream.ping() == b""
    assert stream.error(failure, "req_1") == b""
    with pytest.raises(GatewayError):
        stream.feed([TextDelta("b")])


def test_an_error_after_the_message_is_not_written():
    stream = encoder()
    stream.feed([END])
    assert stream.error(GatewayError(Kind.TRUNCATED, "late"), "req_1") == b""


# Properties: any answer


def blocks_of(events):
    """The content that an answer means, folded without regard to how it is streamed."""
    content: list[dict[str, Any]] = []
    for event in events:
        match event:
            case TextDelta():
                going_on(content, "text", text="")["text"] += event.text
            case ThinkingDelta():
                unsigned(content)["thinking"] += event.text
            case ThinkingSignature():
                unsigned(content)["signature"] = event.signature
            case RedactedThinkingBlock():
                content.append({"type": "redacted_thinking", "data": event.data})
            case ToolStart():
                content.append({"type": "tool_use", "id": event.id, "name": event.name})
                content[-1]["input"] = ""
            case ToolInput():
                content[-1]["input"] += event.fragment
            case ToolEnd():
                content[-1]["input"] = json.loads(content[-1]["input"] or "{}")
            case Summary():
                content.append({"type": "compaction", "content": event.content})
                content[-1] |= {"tool_changes": [], "encrypted_content": None, "signature": None}
            case HostedToolUse():
                content += hosted_blocks(event)
            case CitedText():
                cited = [citation(page) for page in event.pages]
                content.append({"type": "text", "text": event.text, "citations": cited})
    return content


def hosted_blocks(use):
    result: Any
    kind = "web_search" if isinstance(use.result, WebSearchResult) else "tool_search"
    if use.result.error:
        result = {"type": f"{kind}_tool_result_error", "error_code": use.result.error}
    elif kind == "web_search":
        result = [web_page(page) for page in use.result.pages]
    else:
        found = [{"type": "tool_reference", "tool_name": name} for name in use.result.found]
        result = {"type": "tool_search_tool_search_result", "tool_references": found}
    return [
        {"type": "server_tool_use", "id": use.id, "name": use.name, "input": use.input},
        {"type": f"{kind}_tool_result", "tool_use_id": use.id, "content": result},
    ]


def web_page(page):
    found = {"type": "web_search_result", "url": page.url, "title": page.title}
    found["encrypted_content"] = sealed(page.mark, page.text)
    return found | ({"page_age": page.date} if page.date else {})


def citation(page):
    return {
        "type": "web_search_result_location",
        "url": page.url,
        "title": page.title,
        "encrypted_index": sealed(page.mark, ""),
        "cited_text": page.text,
    }


def sealed(mark, text):
    told = {"kiro2api": "web_page", "mark": mark, "text": text}
    written = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(written.encode()).decode()


def without_nulls(value):
    if isinstance(value, list):
        return [without_nulls(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {name: without_nulls(each) for name, each in value.items() if each is not None}


def going_on(content, kind, **fresh):
    """The last block if it is of that kind, else a fresh one."""
    if not content or content[-1]["type"] != kind or "citations" in content[-1]:
        content.append({"type": kind, **fresh})
    return content[-1]


def unsigned(content):
    """The last block if it is thinking that goes on, else a fresh one."""
    if going_on(content, "thinking", thinking="", signature="")["signature"]:
        content.append({"type": "thinking", "thinking": "", "signature": ""})
    return content[-1]


DELTAS = {
    "text": {"text_delta", "citations_delta"},
    "thinking": {"thinking_delta", "signature_delta"},
    "tool_use": {"input_json_delta"},
    "redacted_thinking": set(),
    "server_tool_use": {"input_json_delta"},
    "tool_search_tool_result": set(),
    "compaction": {"compaction_delta"},
    "web_search_tool_result": set(),
}


def check_order(payloads):
    """The order that clients demand, told apart from how the encoder makes it."""
    kinds = [payload["type"] for payload in payloads if payload["type"] != "ping"]
    shape = "".join(
        {"content_block_start": "(", "content_block_delta": ".", "content_block_stop": ")"}.get(
            kind, f"<{kind}>"
        )
        for kind in kinds
    )
    assert re.fullmatch(r"<message_start>(\(\.*\))*<message_delta><message_stop>", shape), shape
    opened, signed = -1, False
    for payload in payloads:
        if payload["type"] == "content_block_start":
            opened, signed = opened + 1, False
            kind = payload["content_block"]["type"]
        if payload["type"].startswith("content_block"):
            assert payload["index"] == opened
        if payload["type"] == "content_block_delta":
            assert payload["delta"]["type"] in DELTAS[kind]
            assert not signed, "a signature is the last of its block"
            signed = payload["delta"]["type"] == "signature_delta"
        if payload["type"] == "content_block_stop" and kind == "tool_use":
            assert payloads[payloads.index(payload) - 1]["type"] == "content_block_delta"


def test_the_check_of_the_order_can_fail():
    good = read(encoder().feed(STREAMS["thinking with a signature, then without"][0]))
    check_order(good)
    for index, payload in enumerate(good):
        if payload["type"] != "ping" and not payload["type"].endswith("delta"):
            with pytest.raises(AssertionError):
                check_order(good[:index] + good[index + 1 :])


def sdk_message(data):
    """What the official SDK accumulates from the stream."""
    reply = httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=data)
    transport = httpx2.MockTransport(lambda _: reply)
    with (
        anthropic.Anthropic(
            api_key="k", http_client=httpx2.Client(transport=transport), max_retries=0
        ) as client,
        client.messages.stream(
            model="m", max_tokens=9, messages=[{"role": "user", "content": "hi"}]
        ) as stream,
    ):
        return stream.get_final_message()


@settings(deadline=None, max_examples=150)
@given(answers(hosted=True, web=True, summaries=True))
def test_the_order_that_clients_demand(events):
    check_order(read(encoder().feed(events)))


@settings(deadline=None, max_examples=60)
@given(answers(hosted=True, web=True))
def test_the_sdk_reads_what_the_model_said(events):
    message = sdk_message(encoder().feed(events))
    content = [block.model_dump(exclude_none=True) for block in message.content]
    for block in content:
        block.pop("parsed_output", None)
    assert without_nulls(content) == without_nulls(blocks_of(events))
    assert message.stop_reason == STOP_REASONS[events[-1].reason]
    assert message.usage.input_tokens == END_USAGE["input_tokens"]
    assert message.usage.output_tokens == END_USAGE["output_tokens"]
    assert message.usage.cache_read_input_tokens == END_USAGE["cache_read_input_tokens"]


@settings(deadline=None, max_examples=150)
@given(answers(hosted=True, web=True, summaries=True))
def test_the_whole_answer_says_what_the_stream_says(events):
    told = whole(ReplyContext("msg_1", "m"), fold(events), FixedMeter())
    assert without_nulls(json.loads(told)["content"]) == without_nulls(blocks_of(events))


def test_the_sdk_reads_an_error_as_its_type():
    stream = encoder()
    data = stream.feed([TextDelta("a")])
    data += stream.error(GatewayError(Kind.OVERLOADED, "Too much at once."), "req_1")
    with pytest.raises(anthropic.APIStatusError) as failure:
        sdk_message(data)
    assert failure.value.type == "overloaded_error"
    assert "Too much at once." in str(failure.value)
