"""The official ``openai`` SDK's Responses against gunicorn and the simulated upstream, over real
sockets.
"""

import asyncio
import json
import socket
from typing import Any

import openai
import pytest
import requests
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

from app.simulator import Simulator
from tests.live.openai_shared import MODEL, PNG, asked, chats, refusals, state
from tests.live.servers import KEY, Gateway

WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
    "strict": False,
}
PATCH = {
    "type": "custom",
    "name": "apply_patch",
    "description": "Changes files.",
    "format": {"type": "grammar", "syntax": "lark", "definition": 'start: "*** Begin Patch"'},
}
AGENTS = {
    "type": "namespace",
    "name": "agents",
    "description": "Sub-agents.",
    "tools": [{"type": "function", "name": "spawn", "parameters": {"type": "object"}}],
}


@pytest.fixture
def client(gateway: Gateway) -> Any:
    """Checks every answer strictly against the SDK's types. Typed Any: answers are unions of many
    types, and a test that reads a member of the wrong one fails when it runs.
    """
    return OpenAI(
        base_url=gateway.url + "/v1",
        api_key=KEY,
        max_retries=0,
        _strict_response_validation=True,
    )


def answered(client: Any, *, streamed: bool, **request: Any) -> Any:
    """What the client ends up with, streamed or not."""
    if not streamed:
        return client.responses.create(model=MODEL, **request)
    with client.responses.stream(model=MODEL, **request) as stream:
        return stream.get_final_response()


both = pytest.mark.parametrize("streamed", [False, True])


@both
def test_a_response(client: Any, upstream: Simulator, streamed: bool) -> None:
    upstream.script({"text": ["Hel", "lo 世界 🙂"]})
    response = answered(client, streamed=streamed, input="Say hello.", metadata={"a": "b"})
    assert response.output_text == "Hello 世界 🙂"
    assert [item.type for item in response.output] == ["message"]
    assert response.id.startswith("resp_")
    assert response.model == MODEL
    assert response.status == "completed"
    assert response.created_at > 1_700_000_000
    assert response.metadata == {"a": "b"}
    assert response.usage.input_tokens > 0
    assert response.usage.total_tokens == (
        response.usage.input_tokens + response.usage.output_tokens
    )


def test_a_request_that_asks_nothing_is_refused(client: Any, upstream: Simulator) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(model=MODEL)
    assert (refused.value.code, refused.value.param) == ("missing_required_parameter", "input")
    assert chats(upstream) == []


def test_the_tokens_of_an_input_are_counted(client: Any, upstream: Simulator) -> None:
    """Without a model, at the estimate that a response begins with."""
    few = client.responses.input_tokens.count(model=MODEL, input="hi")
    many = client.responses.input_tokens.count(model=MODEL, input="hi " * 100, tools=[WEATHER])
    assert (few.object, 0 < few.input_tokens < many.input_tokens) == ("response.input_tokens", True)
    assert client.responses.input_tokens.count().input_tokens >= 1
    assert chats(upstream) == []


def test_the_request_id_is_told(client: Any, upstream: Simulator) -> None:
    assert client.responses.create(input="hi")._request_id.startswith("req_")


@both
def test_the_upstreams_figures_are_told(client: Any, upstream: Simulator, streamed: bool) -> None:
    usage = {
        "uncachedInputTokens": 100,
        "outputTokens": 20,
        "totalTokens": 154,
        "cacheReadInputTokens": 30,
        "cacheWriteInputTokens": 4,
    }
    upstream.script({"text": "a", "usage": usage})
    told = answered(client, streamed=streamed, input="hi").usage
    assert (told.input_tokens, told.output_tokens, told.total_tokens) == (134, 20, 154)
    assert told.input_tokens_details.cached_tokens == 30
    assert told.input_tokens_details.cache_write_tokens == 4


def test_the_raw_stream_has_every_event_in_order(client: Any, upstream: Simulator) -> None:
    upstream.script({"text": ["a", "b", "b"]})
    events = list(client.responses.create(model=MODEL, input="hi", stream=True))
    assert [event.type for event in events] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event.sequence_number for event in events] == list(range(11))
    assert [event.delta for event in events[4:7]] == ["a", "b", "b"]
    assert events[-1].response.output == [events[-2].item]


def test_async(gateway: Gateway, upstream: Simulator) -> None:
    async def talk() -> tuple[str, str, str]:
        opened: Any = AsyncOpenAI(base_url=gateway.url + "/v1", api_key=KEY, max_retries=0)
        async with opened as client:
            whole = await client.responses.create(model=MODEL, input="hi")
            events = await client.responses.create(model=MODEL, input="hi", stream=True)
            pieces = [e.delta async for e in events if e.type == "response.output_text.delta"]
            async with client.responses.stream(model=MODEL, input="hi") as stream:
                final = await stream.get_final_response()
        return whole.output_text, "".join(pieces), final.output_text

    upstream.script({"text": ["one"]}, {"text": ["t", "wo"]}, {"text": ["thr", "ee"]})
    assert asyncio.run(talk()) == ("one", "two", "three")


def directive(*steps: dict[str, Any]) -> dict[str, Any]:
    """A prompt that tells the simulator what to answer, turn by turn."""
    return {"role": "user", "content": "!sim " + json.dumps({"steps": steps})}


@both
def test_an_agents_loop(client: Any, upstream: Simulator, streamed: bool) -> None:
    """Functions, a custom tool and a namespace; the whole conversation is sent again each time,
    with the items as they came.
    """
    patch = '*** Begin Patch\n+ "世界" \\ 🙂\n*** End Patch'
    conversation: list[Any] = [
        {"role": "developer", "content": "You know the weather."},
        directive(
            {
                "think": {"text": ["Both ", "at once."], "signature": "c2ln"},
                "text": "Both.",
                "tools": [
                    {"name": "get_weather", "input": {"city": "Bern"}},
                    {"name": "get_weather", "input": {"city": "Basel"}},
                ],
            },
            {"tool": {"name": "apply_patch", "input": {"input": patch}, "split": 3}},
            {"tool": {"name": "agents__spawn", "input": {}}},
            {"text": "Done."},
        ),
    ]
    calls = []
    while True:
        response = answered(
            client,
            streamed=streamed,
            input=conversation,
            tools=[WEATHER, PATCH, AGENTS],
            reasoning={"summary": "auto"},
            include=["reasoning.encrypted_content"],
        )
        conversation += [item.model_dump(exclude_none=True) for item in response.output]
        wanted = [item for item in response.output if item.type.endswith("_call")]
        if not wanted:
            break
        for call in wanted:
            given = call.input if call.type == "custom_tool_call" else json.loads(call.arguments)
            calls.append((call.type, getattr(call, "namespace", None), call.name, given))
            kind = f"{call.type}_output"
            conversation.append({"type": kind, "call_id": call.call_id, "output": f"{given} done"})
    assert response.output_text == "Done."
    assert calls == [
        ("function_call", None, "get_weather", {"city": "Bern"}),
        ("function_call", None, "get_weather", {"city": "Basel"}),
        ("custom_tool_call", None, "apply_patch", patch),
        ("function_call", "agents", "spawn", {}),
    ]
    assert len(chats(upstream)) == 4
    said = [turn.get("assistantResponseMessage") for turn in state(upstream)["history"]]
    first, second, third = [turn for turn in said if turn and turn.get("toolUses")]
    assert first["reasoningContent"] == {
        "reasoningText": {"text": "Both at once.", "signature": "c2ln"}
    }
    assert [use["input"] for use in first["toolUses"]] == [{"city": "Bern"}, {"city": "Basel"}]
    assert second["toolUses"][0]["input"] == {"input": patch}
    assert third["toolUses"][0]["name"] == "agents__spawn"
    (result,) = asked(upstream)["userInputMessageContext"]["toolResults"]
    assert result["content"] == [{"text": "{} done"}]


@both
def test_opaque_reasoning_goes_there_and_back(
    client: Any, upstream: Simulator, streamed: bool
) -> None:
    upstream.script({"think": {"redacted": "Eo8B"}, "text": "a"}, {"text": "b"})
    sealed = {"include": ["reasoning.encrypted_content"]}
    first = answered(client, streamed=streamed, input="hi", **sealed)
    items = [item.model_dump(exclude_none=True) for item in first.output]
    answered(client, streamed=streamed, input=[{"role": "user", "content": "hi"}, *items])
    (turn,) = [t for t in state(upstream)["history"] if "assistantResponseMessage" in t]
    assert turn["assistantResponseMessage"]["reasoningContent"] == {"redactedContent": "Eo8B"}


@both
def test_reasoning_is_shown_if_a_summary_is_asked_for(
    client: Any, upstream: Simulator, streamed: bool
) -> None:
    upstream.script(*[{"think": {"text": ["Hm", "m."], "signature": "c2ln"}, "text": "a"}] * 2)
    shown = answered(client, streamed=streamed, input="hi", reasoning={"summary": "auto"}).output
    hidden = answered(client, streamed=streamed, input="hi").output
    assert [part.text for part in shown[0].summary] == ["Hmm."]
    assert hidden[0].summary == []
    assert hidden[0].encrypted_content is None


class Person(BaseModel):
    name: str
    age: int


def test_the_parse_helper(client: Any, upstream: Simulator) -> None:
    upstream.script({"text": '{"name": "Ann", "age": 30}'})
    response = client.responses.parse(model=MODEL, input="Who?", text_format=Person)
    assert response.output_parsed == Person(name="Ann", age=30)
    assert '"age"' in json.dumps(asked(upstream))


def test_the_stream_helper_parses_too(client: Any, upstream: Simulator) -> None:
    upstream.script({"text": ['{"name": "An', 'n", "age": 30}']})
    with client.responses.stream(model=MODEL, input="Who?", text_format=Person) as stream:
        assert stream.get_final_response().output_parsed == Person(name="Ann", age=30)


def test_pictures_reach_the_model(client: Any, upstream: Simulator) -> None:
    """From the user, and from a tool."""
    image = {"type": "input_image", "image_url": PNG, "detail": "auto"}
    call = {"type": "function_call", "call_id": "c1", "name": "get_weather", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "c1", "output": [image]}
    user = {"role": "user", "content": [{"type": "input_text", "text": "See"}, image]}
    client.responses.create(model=MODEL, input=[user, call, output], tools=[WEATHER])
    earlier = state(upstream)["history"][0]["userInputMessage"]
    for message in (earlier, asked(upstream)):
        (sent,) = message["images"]
        assert (sent["format"], sent["source"]["bytes"]) == ("png", PNG.partition(",")[2])


@pytest.mark.parametrize(
    ("tool", "kind"),
    [
        (
            {"name": "get_weather", "fragments": ['{"city": "Be'], "stop": False},
            "function_call_arguments",
        ),
        (
            {"name": "apply_patch", "fragments": ['{"input": "*** De'], "stop": False},
            "custom_tool_call_input",
        ),
    ],
)
def test_a_call_that_was_cut_off_is_none_to_be_run(
    client: Any, upstream: Simulator, tool: dict[str, Any], kind: str
) -> None:
    """Clients run what is done, and read nothing else."""
    upstream.script(*[{"text": "Let me see.", "tool": tool}] * 2)
    request: dict[str, Any] = {"model": MODEL, "input": "hi", "tools": [WEATHER, PATCH]}
    whole = client.responses.create(**request)
    events = list(client.responses.create(**request, stream=True))
    last = events[-1].response
    assert events[-1].type == "response.incomplete"
    for response in (whole, last):
        assert response.status == "incomplete"
        assert response.incomplete_details.reason == "max_output_tokens"
        assert [item.type for item in response.output] == ["message"]
    done = [event.item.type for event in events if event.type == "response.output_item.done"]
    assert done == ["message"]
    inside = [event.type for event in events if event.type.startswith(f"response.{kind}")]
    assert inside == [f"response.{kind}.delta"]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"text": ["a", "b"], "cut": {"after": 2}}, "server_error"),
        ({"say": [{"text": ["a", "b"]}, {"exception": "throttled"}]}, "rate_limit_exceeded"),
        ({"say": [{"text": ["a", "b"]}, {"exception": "too_long"}]}, "context_length_exceeded"),
        ({"say": [{"text": ["a", "b"]}, {"exception": "improperly_formed"}]}, "invalid_prompt"),
    ],
)
def test_a_failure_in_the_middle_is_an_error_and_then_a_failed_response(
    gateway: Gateway, upstream: Simulator, answer: dict[str, Any], code: str
) -> None:
    """Read without an SDK, since theirs raise at the first of the two."""
    upstream.script(answer)
    reply = requests.post(
        gateway.url + "/v1/responses",
        json={"model": MODEL, "input": "hi", "stream": True},
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=20,
    )
    events = [json.loads(line[6:]) for line in reply.text.split("\n") if line.startswith("data: ")]
    assert next(e["delta"] for e in events if e["type"] == "response.output_text.delta") == "a"
    told, failed = events[-2:]
    assert (told["type"], failed["type"]) == ("error", "response.failed")
    assert failed["response"]["status"] == "failed"
    assert failed["response"]["error"] == told["error"]
    assert (told["error"]["code"], bool(told["error"]["message"])) == (code, True)
    assert {name: told["error"][name] for name in ("code", "message", "param")} == {
        name: told[name] for name in ("code", "message", "param")
    }
    assert [event["sequence_number"] for event in events] == list(range(len(events)))


@both
@refusals
def test_upstream_refusals_are_real_statuses(
    client: Any,
    upstream: Simulator,
    fault: str,
    error: type[openai.APIStatusError],
    code: str | None,
    streamed: bool,
) -> None:
    tries = 2 if fault == "invalid_model" else 1  # once more by the gateway itself
    upstream.script({"fail": fault, "times": tries})
    with pytest.raises(error) as refused:
        client.responses.create(model=MODEL, input="hi", stream=streamed)
    assert refused.value.code == code
    assert len(chats(upstream)) == tries


def test_what_is_kept_nowhere_is_refused_at_once(client: Any, upstream: Simulator) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(model=MODEL, input="hi", previous_response_id="resp_1")
    assert refused.value.code == "previous_response_not_found"
    assert refused.value.param == "previous_response_id"
    assert chats(upstream) == []


def test_what_was_ignored_is_listed(client: Any, upstream: Simulator) -> None:
    raw = client.responses.with_raw_response.create(
        model=MODEL,
        input="hi",
        max_output_tokens=99,
        store=True,
        tools=[{"type": "image_generation"}],
    )
    assert raw.headers["x-kiro-ignored"] == "image_generation"
    assert raw.http_response.json()["store"] is True


def test_a_socket_is_refused_at_once(gateway: Gateway) -> None:
    request = (
        f"GET /v1/responses HTTP/1.1\r\nHost: 127.0.0.1:{gateway.port}\r\n"
        f"Authorization: Bearer {KEY}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as connection:
        connection.sendall(request.encode())
        assert connection.recv(12) == b"HTTP/1.1 426"
