"""The stream of an answer: its bytes, its order, and what the official SDK reads from it."""

import json
import re
import tracemalloc
from typing import Any, get_args

import httpx2
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import ResponseStreamEvent

from app.common.errors import GatewayError, Kind
from app.core.conversation import RedactedThinking, Thinking
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
from app.dialects.openai_responses.items import reasoning_content
from app.dialects.openai_responses.parse import parse_responses
from app.dialects.openai_responses.reply import (
    DECLINED,
    OUTCOMES,
    ReplyContext,
    ReplyOptions,
    whole,
)
from app.dialects.openai_responses.stream import StreamEncoder
from app.dialects.openai_responses.tools import ClientTool
from tests.core.folding import fold
from tests.dialects.answers import answers
from tests.dialects.doubles import FixedMeter

END = Finish("end_turn")
CLIENT_TOOLS = {
    "patch": ClientTool("patch", kind="custom"),
    "ns__g": ClientTool("g", "ns"),
    "ns__spawn": ClientTool("spawn", "ns", encrypts=True),
    "tool_search": ClientTool("tool_search", kind="tool_search"),
}
ECHO = parse_responses(b'{"input":"hi"}', {}, "m").options.echo


def context(encrypted=True, summary=True, codex=False):
    options = ReplyOptions("m", ECHO, CLIENT_TOOLS, encrypted, summary, codex)
    return ReplyContext("7", options, 1700000000, clock=lambda: 1700000009.5)


def encoder(**options):
    return StreamEncoder(context(**options), FixedMeter())


def read(data, first=0):
    """The payloads of a stream's events. Every event must be whole, named as its payload, and
    numbered from ``first``.
    """
    assert data.endswith(b"\n\n")
    payloads = []
    for chunk in data.decode().removesuffix("\n\n").split("\n\n"):
        whole_event = re.fullmatch(r"event: ([\w.]+)\ndata: (\{.*\})", chunk)
        assert whole_event
        name, payload = whole_event.groups()
        payloads.append(json.loads(payload))
        assert payloads[-1].pop("type") == name
        assert payloads[-1].pop("sequence_number") == first + len(payloads) - 1
        payloads[-1] = (name.removeprefix("response."), payloads[-1])
    return payloads


def part(text):
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def message(index, *parts, status="completed"):
    return {
        "id": f"msg_7_{index}",
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": list(parts),
    }


def function(index, arguments, status="completed", name="f", **members):
    return {
        "id": f"fc_7_{index}",
        "type": "function_call",
        "status": status,
        "call_id": "t",
        "name": name,
        **members,
        "arguments": arguments,
    }


def custom(index, text, status="completed"):
    return {
        "id": f"ctc_7_{index}",
        "type": "custom_tool_call",
        "status": status,
        "call_id": "t",
        "name": "patch",
        "input": text,
    }


def search(index, arguments, status="completed"):
    return {
        "id": f"tsc_7_{index}",
        "type": "tool_search_call",
        "status": status,
        "call_id": "t",
        "execution": "client",
        "arguments": arguments,
    }


def refusals(index, why):
    """All events of a message that tells of a refusal."""
    place = {"item_id": f"msg_7_{index}", "output_index": index, "content_index": 0}
    refused = {"type": "refusal", "refusal": why}
    return [
        added(message(index, status="in_progress")),
        ("content_part.added", place | {"part": refused | {"refusal": ""}}),
        ("refusal.delta", place | {"delta": why}),
        ("refusal.done", place | {"refusal": why}),
        ("content_part.done", place | {"part": refused}),
        done(message(index, refused)),
    ]


def reasoning(index, *texts, content=None):
    summary = [{"type": "summary_text", "text": text} for text in texts]
    return {
        "id": f"rs_7_{index}",
        "type": "reasoning",
        "summary": summary,
        "encrypted_content": reasoning_content.encode(content) if content else None,
    }


def added(item):
    index = int(item["id"].rpartition("_")[2])
    return ("output_item.added", {"output_index": index, "item": item})


def done(item):
    return ("output_item.done", added(item)[1])


def texts(index, *pieces, status="completed"):
    """All events of a message."""
    place = {"item_id": f"msg_7_{index}", "output_index": index, "content_index": 0}
    text = "".join(pieces)
    return [
        added(message(index, status="in_progress")),
        ("content_part.added", place | {"part": part("")}),
        *[("output_text.delta", place | {"logprobs": [], "delta": piece}) for piece in pieces],
        ("output_text.done", place | {"text": text, "logprobs": []}),
        ("content_part.done", place | {"part": part(text)}),
        done(message(index, part(text), status=status)),
    ]


def summaries(index, *pieces, signature=""):
    """All events of reasoning that is shown."""
    place = {"item_id": f"rs_7_{index}", "output_index": index, "summary_index": 0}
    text = "".join(pieces)
    whole_part = {"type": "summary_text", "text": text}
    return [
        added(reasoning(index)),
        ("reasoning_summary_part.added", place | {"part": whole_part | {"text": ""}}),
        *[("reasoning_summary_text.delta", place | {"delta": piece}) for piece in pieces],
        ("reasoning_summary_text.done", place | {"text": text}),
        ("reasoning_summary_part.done", place | {"part": whole_part}),
        done(reasoning(index, text, content=Thinking(text, signature))),
    ]


def calls(item, *pieces):
    """All events of a call."""
    kind, member = {
        "function_call": ("function_call_arguments", "arguments"),
        "custom_tool_call": ("custom_tool_call_input", "input"),
    }[item["type"]]
    begun = added(item | {"status": "in_progress", member: ""})
    place = {"item_id": item["id"], "output_index": begun[1]["output_index"]}
    return [
        begun,
        *[(f"{kind}.delta", place | {"delta": piece}) for piece in pieces],
        (f"{kind}.done", place | {member: item[member]}),
        done(item),
    ]


USAGE = {
    "input_tokens": 1215,
    "input_tokens_details": {"cached_tokens": 7, "cache_write_tokens": 8},
    "output_tokens": 56,
    "output_tokens_details": {"reasoning_tokens": 9},
    "total_tokens": 1271,
}


def response(status, output=(), **members):
    return {
        "response": {
            "id": "resp_7",
            "object": "response",
            "created_at": 1700000000,
            "completed_at": None,
            "status": status,
            "background": False,
            "error": None,
            "incomplete_details": None,
            "model": "m",
            "output": list(output),
            "usage": None,
            **{name: json.loads(bytes(value)) for name, value in ECHO.items()},
            **members,
        }
    }


STARTED = [("created", response("in_progress")), ("in_progress", response("in_progress"))]


def ended(reason, output):
    status, why = OUTCOMES[reason]
    members = {
        "completed_at": 1700000009 if status == "completed" else None,
        "incomplete_details": {"reason": why} if why else None,
        "usage": USAGE,
    }
    return (status, response(status, output, **members))


STREAMS: dict[str, tuple[list[Any], list[Any]]] = {
    "nothing": ([END], []),
    "text": ([TextDelta("a"), TextDelta("a"), END], texts(0, "a", "a")),
    "calls, and text after them": (
        [
            ToolStart("t", "f"),
            ToolInput('{"a"'),
            ToolInput(":1}"),
            ToolEnd(),
            ToolStart("t", "ns__g"),
            ToolEnd(),
            TextDelta("a"),
            Finish("tool_use"),
        ],
        [
            *calls(function(0, '{"a":1}'), '{"a"', ":1}"),
            *calls(function(1, "{}", name="g", namespace="ns"), "{}"),
            *texts(2, "a"),
        ],
    ),
    "custom tools": (
        [
            ToolStart("t", "patch"),
            ToolInput('{"input": "*** Be'),
            ToolInput("gin\\"),
            ToolInput('n"}'),
            ToolEnd(),
            ToolStart("t", "patch"),
            ToolInput('{"other": 1}'),
            ToolEnd(),
            ToolStart("t", "patch"),
            ToolEnd(),
            Finish("tool_use"),
        ],
        [
            *calls(custom(0, "*** Begin\n"), "*** Be", "gin", "\n"),
            *calls(custom(1, '{"other":1}'), '{"other":1}'),
            *calls(custom(2, "")),
        ],
    ),
    "a call cut short is never done": (
        [ToolStart("t", "f"), ToolInput('{"a'), ToolEnd(complete=False), Finish("max_tokens")],
        calls(function(0, '{"a'), '{"a')[:-2],
    ),
    "a call cut before its input": (
        [ToolStart("t", "patch"), ToolEnd(complete=False), Finish("max_tokens")],
        calls(custom(0, ""))[:-2],
    ),
    "what follows a call cut short has a place of its own": (
        [ToolStart("t", "f"), ToolEnd(complete=False), TextDelta("a"), Finish("max_tokens")],
        [*calls(function(0, ""))[:-2], *texts(1, "a", status="incomplete")],
    ),
    "a text cut by a limit": (
        [TextDelta("a"), Finish("max_tokens")],
        texts(0, "a", status="incomplete"),
    ),
    "a text before a call that was cut": (
        [TextDelta("a"), ToolStart("t", "f"), ToolEnd(complete=False), Finish("max_tokens")],
        [*texts(0, "a"), *calls(function(1, ""))[:-2]],
    ),
    "a search for tools is told whole": (
        [
            ToolStart("t", "tool_search"),
            ToolInput('{"query": '),
            ToolInput('"a"}'),
            ToolEnd(),
            ToolStart("t", "tool_search"),
            ToolEnd(),
            Finish("tool_use"),
        ],
        [
            added(search(0, {}, "in_progress")),
            done(search(0, {"query": "a"})),
            added(search(1, {}, "in_progress")),
            done(search(1, {})),
        ],
    ),
    "a search for tools that was cut": (
        [
            ToolStart("t", "tool_search"),
            ToolInput('{"q'),
            ToolEnd(complete=False),
            Finish("max_tokens"),
        ],
        [added(search(0, {}, "in_progress"))],
    ),
    "a task for another agent": (
        [ToolStart("t", "ns__spawn"), ToolInput("{}"), ToolEnd(), Finish("tool_use")],
        calls(function(0, "{}", name="spawn", namespace="ns", encrypted_function_args=[]), "{}"),
    ),
    "why it was refused": (
        [TextDelta("a"), Finish("refusal", Refusal("cyber", "No."))],
        [*texts(0, "a", status="incomplete"), *refusals(1, "No.")],
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
        [*summaries(0, "hm", "m", signature="sig"), *summaries(1, "b"), *texts(2, "a")],
    ),
    "a signature alone": (
        [ThinkingSignature("sig"), END],
        [added(reasoning(0)), done(reasoning(0, content=Thinking("", "sig")))],
    ),
    "redacted thinking": (
        [RedactedThinkingBlock("Eo8B"), RedactedThinkingBlock("Eo8C"), END],
        [
            added(reasoning(0)),
            done(reasoning(0, content=RedactedThinking("Eo8B"))),
            added(reasoning(1)),
            done(reasoning(1, content=RedactedThinking("Eo8C"))),
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
        [*texts(0, "a", "b"), *calls(function(1, "{}"), "{}")],
    ),
}


@pytest.mark.parametrize("name", STREAMS)
def test_streams(name):
    events, told = STREAMS[name]
    output = [payload["item"] for kind, payload in told if kind == "output_item.done"]
    last = ended(events[-1].reason, output)
    assert read(encoder().feed(events)) == [*STARTED, *told, last]


def test_codex_is_told_of_a_refusal_by_a_text():
    for why, told in ((Refusal("cyber", "No."), "No."), (None, DECLINED)):
        end = Finish("refusal", why)
        payloads = read(encoder(codex=True).feed([TextDelta("a"), end]))
        output = [message(0, part("a")), message(1, part(told))]
        assert payloads[2:-1] == [*texts(0, "a"), *texts(1, told)]
        assert payloads[-1] == ended("end_turn", output)


@pytest.mark.parametrize("reason", OUTCOMES)
def test_the_last_event_tells_how_it_ended(reason):
    assert read(encoder().feed([Finish(reason)]))[2:] == [ended(reason, [])]


def test_reasoning_that_was_not_asked_for_is_told_without_its_text():
    events = [ThinkingDelta("hm"), ThinkingDelta("m"), ThinkingSignature("sig"), END]
    item = reasoning(0, content=Thinking("hmm", "sig"))
    assert read(encoder(summary=False).feed(events))[2:-1] == [added(reasoning(0)), done(item)]


def test_reasoning_is_not_carried_unless_that_was_asked_for():
    events = [ThinkingDelta("hm"), ThinkingSignature("sig"), RedactedThinkingBlock("Eo8B"), END]
    told = read(encoder(encrypted=False).feed(events))
    items = [payload["item"] for kind, payload in told if kind == "output_item.done"]
    assert items == [reasoning(0, "hm"), reasoning(1)]


AWKWARD = '"\\/\b\f\n\r\t\x00\x1f\x7f é 漢字 😀 \u2028\u2029 event: ping\n\ndata: {}\n\n'


def test_text_of_any_kind_comes_through_in_one_event_each():
    payloads = read(encoder().feed([TextDelta(AWKWARD), TextDelta("x"), END]))
    assert payloads[2:-1] == texts(0, AWKWARD, "x")


def test_a_custom_tools_text_of_any_kind_comes_through():
    fragments = map(ToolInput, json.dumps({"input": AWKWARD}))
    payloads = read(encoder().feed([ToolStart("t", "patch"), *fragments, ToolEnd(), END]))
    deltas = [payload["delta"] for kind, payload in payloads if kind.endswith(".delta")]
    assert deltas == list(AWKWARD)
    assert payloads[-2] == done(custom(0, AWKWARD))


def test_what_is_not_ascii_is_sent_as_it_is():
    assert "漢字 😀".encode() in encoder().feed([TextDelta("漢字 😀")])


def kinds(data):
    return re.findall(r"(?m)^event: response\.(.*)$", data.decode())


def test_nothing_is_held_back():
    """What a client should see is written with the event that tells it, not with the next one."""
    stream = encoder()
    assert kinds(stream.feed([ThinkingDelta("a")]))[-1] == "reasoning_summary_text.delta"
    assert kinds(stream.feed([ThinkingSignature("s")]))[-1] == "output_item.done"
    assert kinds(stream.feed([TextDelta("a")]))[-1] == "output_text.delta"
    assert kinds(stream.feed([TextDelta("b")])) == ["output_text.delta"]
    assert kinds(stream.feed([ToolStart("t", "patch")]))[-2:] == [
        "output_item.done",
        "output_item.added",
    ]
    assert kinds(stream.feed([ToolInput('{"input":"a')])) == ["custom_tool_call_input.delta"]
    assert kinds(stream.feed([ToolInput('"}')])) == []
    assert kinds(stream.feed([ToolEnd()])) == ["custom_tool_call_input.done", "output_item.done"]
    assert kinds(stream.feed([END])) == ["completed"]


def test_events_without_bytes_write_nothing():
    stream = encoder()
    assert stream.feed([]) == b""
    assert stream.feed([Usage()]) == b""


def test_a_ping_before_anything_begins_the_response():
    stream = encoder()
    assert read(stream.ping()) == STARTED
    assert stream.ping() == b": ping\n\n"
    assert read(stream.feed([TextDelta("a")]), 2) == texts(0, "a")[:3]
    assert stream.ping() == b": ping\n\n"
    stream.feed([END])
    assert stream.ping() == b""


FAILURE = GatewayError(Kind.TRUNCATED, "The upstream's answer broke off.")
ERROR = {
    "message": "Connection lost: The upstream's answer broke off.",
    "type": "server_error",
    "param": None,
    "code": "server_error",
}
TOLD = (
    "error",
    {name: ERROR[name] for name in ("code", "message", "param")} | {"error": ERROR},
)


def test_a_failure_is_the_last_event_and_tells_what_was_done():
    stream = encoder()
    stream.feed([ThinkingDelta("hm"), TextDelta("a")])
    item = reasoning(0, "hm", content=Thinking("hm"))
    data = stream.error(FAILURE, "req_1")
    number = re.search(rb'"sequence_number":(\d+)', data)
    assert number
    failed = ("failed", response("failed", [item], error=ERROR))
    assert read(data, int(number[1])) == [TOLD, failed]
    assert stream.ping() == b""
    assert stream.error(FAILURE, "req_1") == b""
    with pytest.raises(GatewayError):
        stream.feed([TextDelta("b")])


def test_a_failure_before_anything_begins_the_response():
    """The SDK knows no other first event."""
    assert read(encoder().error(FAILURE, "req_1")) == [
        *STARTED,
        TOLD,
        ("failed", response("failed", error=ERROR)),
    ]


def test_a_failure_after_the_response_is_not_written():
    stream = encoder()
    stream.feed([END])
    assert stream.error(FAILURE, "req_1") == b""


# Properties: any answer

names = st.sampled_from(["f", "ns__g", "patch", "ns__spawn", "tool_search"])


def comparable(output):
    """Items whose arguments are compared as JSON: a stream has the upstream's own spacing."""
    return [
        item | {"arguments": json.loads(item["arguments"])}
        if item["type"] == "function_call"
        else item
        for item in output
    ]


@settings(deadline=None)
@given(answers(names, web=True, summaries=True), st.booleans(), st.booleans(), st.booleans())
def test_a_stream_ends_with_the_whole_answer(events, encrypted, summary, codex):
    _, streamed = read(encoder(encrypted=encrypted, summary=summary, codex=codex).feed(events))[-1]
    made = whole(context(encrypted, summary, codex), fold(events), FixedMeter())
    told = [streamed["response"], json.loads(made)]
    first, second = [body | {"output": comparable(body["output"])} for body in told]
    assert first == second


EVENT_TYPES = {
    get_args(model.model_fields["type"].annotation)[0]: model
    for model in get_args(get_args(ResponseStreamEvent)[0])
}


@settings(deadline=None)
@given(answers(names, web=True, summaries=True))
def test_every_event_is_strictly_of_the_sdks_types(events):
    for chunk in encoder().feed(events).decode().removesuffix("\n\n").split("\n\n"):
        payload = json.loads(chunk.partition("\ndata: ")[2])
        EVENT_TYPES[payload["type"]].model_validate(payload, strict=True)


def test_a_failure_is_strictly_of_the_sdks_types():
    data = encoder().error(FAILURE, "req_1")
    for raw in data.split(b"data: ")[-2:]:
        payload = json.loads(raw.partition(b"\n")[0])
        EVENT_TYPES[payload["type"]].model_validate(payload, strict=True)


def sdk_events(data):
    """The stream as the official SDK reads it."""
    reply = httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=data)
    transport = httpx2.MockTransport(lambda _: reply)
    with openai.OpenAI(
        api_key="k", http_client=httpx2.Client(transport=transport), max_retries=0
    ) as client:
        return list(client.responses.create(model="m", input="hi", stream=True))


def test_a_raw_loop_of_the_sdk_raises_where_the_answer_failed():
    stream = encoder()
    data = stream.feed([TextDelta("a")]) + stream.error(FAILURE, "req_1")
    with pytest.raises(openai.APIError, match="broke off") as raised:
        sdk_events(data)
    assert raised.value.code == "server_error"


def accumulated(items):
    """Texts and arguments as they were put together from deltas alone."""
    return {
        index: item.content[0].text if item.type == "message" else item.arguments
        for index, item in items.items()
        if item.type in ("message", "function_call")
    }


def test_a_long_text_is_held_few_times():
    """The API has it four times behind its deltas, and all of them may be written together."""
    size = 8 * 1024 * 1024
    stream = encoder()
    tracemalloc.start()
    try:
        for _ in range(size // 65536):
            stream.feed([TextDelta("x" * 65536)])
        before = tracemalloc.get_traced_memory()[0]
        written = stream.feed([END])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 4 * size < len(written) < 4 * size + 9999
    assert peak - before < 7.5 * size


@settings(deadline=None)
@given(answers(names, ("end_turn", "tool_use"), web=True))
def test_the_sdk_puts_deltas_together_to_what_is_done(events):
    state = ResponseStreamState(input_tools=openai.omit, text_format=openai.omit)
    read_events = sdk_events(encoder().feed(events))
    for event in read_events:
        state.handle_event(event)
    final = state._completed_response
    assert final
    assert accumulated(state._output_items) == accumulated(dict(enumerate(final.output)))
    custom_deltas = [e for e in read_events if e.type == "response.custom_tool_call_input.delta"]
    for index, item in enumerate(final.output):
        if item.type == "custom_tool_call":
            told = "".join(e.delta for e in custom_deltas if e.output_index == index)
            assert told == item.input
