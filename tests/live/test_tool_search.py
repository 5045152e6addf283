"""Anthropic's tool search, run by the gateway: the official SDK as the client."""

from typing import Any

import anthropic
import pytest
import requests

from app.simulator import Simulator
from app.simulator.answers.script import CHAT
from tests.live.servers import KEY, Gateway
from tests.live.strict_types import check_event, check_whole, events

MODEL = "claude-sonnet-4-6"
HELLO: Any = [{"role": "user", "content": "How warm is it in Oslo?"}]
WEATHER = {
    "name": "get_weather",
    "description": "The weather of a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
    "defer_loading": True,
}
OTHER = WEATHER | {
    "name": "send_mail",
    "description": "Sends an e-mail.",
    "input_schema": {"type": "object"},
}
FORECAST = {"tool": {"name": "get_weather", "input": {"city": "Oslo"}}}


def searches(name: str, query: str) -> Any:
    return {"say": [{"text": ["Let me see."]}, {"tool": {"name": name, "input": {"query": query}}}]}


def body(name: str, messages: Any = HELLO) -> Any:
    tools: Any = [{"type": f"{name}_20251119", "name": name}, WEATHER, OTHER]
    return {"model": MODEL, "max_tokens": 99, "messages": messages, "tools": tools}


def ask(gateway: Gateway, name: str, streamed: bool, messages: Any = HELLO) -> Any:
    client = anthropic.Anthropic(base_url=gateway.url, api_key=KEY, max_retries=0)
    if not streamed:
        return client.messages.create(**body(name, messages))
    with client.messages.stream(**body(name, messages)) as stream:
        return stream.get_final_message()


def offered(upstream: Simulator) -> list[list[str]]:
    """The names of the tools of each call upstream."""
    states = [seen.body["conversationState"] for seen in sent(upstream)]
    contexts = [
        state["currentMessage"]["userInputMessage"]["userInputMessageContext"] for state in states
    ]
    return [[tool["toolSpecification"]["name"] for tool in each["tools"]] for each in contexts]


def sent(upstream: Simulator) -> list[Any]:
    return [seen for seen in upstream.requests if seen.operation == CHAT]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("name", "query"),
    [("tool_search_tool_regex", "(?i)WEATHER"), ("tool_search_tool_bm25", "weather of a city")],
)
def test_the_model_finds_a_tool_and_calls_it_in_one_answer(
    gateway: Gateway, upstream: Simulator, name: str, query: str, streamed: bool
) -> None:
    upstream.script(searches(name, query), FORECAST, {"text": ["11 degrees."]})
    answer = ask(gateway, name, streamed)
    text, call, result, forecast = answer.content
    assert text.text == "Let me see."
    assert (call.type, call.name, call.input) == ("server_tool_use", name, {"query": query})
    assert (result.type, result.tool_use_id) == ("tool_search_tool_result", call.id)
    assert [each.tool_name for each in result.content.tool_references] == ["get_weather"]
    assert (forecast.type, forecast.input) == ("tool_use", {"city": "Oslo"})
    assert answer.stop_reason == "tool_use"
    assert offered(upstream) == [[name], [name, "get_weather"]]

    done = {"type": "tool_result", "tool_use_id": forecast.id, "content": "11"}
    followed = [
        *HELLO,
        {"role": "assistant", "content": answer.content},
        {"role": "user", "content": [done]},
    ]
    assert ask(gateway, name, streamed, followed).content[0].text == "11 degrees."
    assert offered(upstream)[-1] == [name, "get_weather"]
    _, before, after = (seen.body["conversationState"].get("history") for seen in sent(upstream))
    assert after[: len(before)] == before, "the service caches what stays the same"
    assert [violation for seen in sent(upstream) for violation in seen.violations] == []


@pytest.mark.parametrize("query", ["weather", "zebra", "("])
@pytest.mark.parametrize("streamed", [False, True])
def test_strict_readers_read_all_of_it(
    gateway: Gateway, upstream: Simulator, query: str, streamed: bool
) -> None:
    upstream.script(searches("tool_search_tool_regex", query), {"text": ["Well."]})
    answer = requests.post(
        f"{gateway.url}/v1/messages",
        json=body("tool_search_tool_regex") | {"stream": streamed},
        headers={"x-api-key": KEY},
        timeout=20,
    )
    if not streamed:
        check_whole("messages", answer.json())
        assert answer.json()["usage"]["server_tool_use"]["tool_search_requests"] == 1
        return
    told = list(events(answer.text))
    for name, payload in told:
        check_event("messages", name, payload)
    assert told[-2][1]["usage"]["server_tool_use"]["tool_search_requests"] == 1


def test_a_pattern_that_is_wrong_is_told_to_client_and_model(
    gateway: Gateway, upstream: Simulator
) -> None:
    upstream.script(searches("tool_search_tool_regex", "("), {"text": ["I gave up."]})
    _, _, result, text = ask(gateway, "tool_search_tool_regex", streamed=True).content
    assert result.content.error_code == "invalid_tool_input"
    assert text.text == "I gave up."


def test_an_answer_that_breaks_after_a_search_is_an_error(
    gateway: Gateway, upstream: Simulator
) -> None:
    broken = {"say": [{"text": ["a", "b"]}, {"exception": "throttled"}]}
    upstream.script(searches("tool_search_tool_regex", "weather"), broken, broken, broken)
    with pytest.raises(anthropic.APIError):
        ask(gateway, "tool_search_tool_regex", streamed=True)
