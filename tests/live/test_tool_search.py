"""Anthropic's tool search, run by the gateway: the official SDK as the client."""

from typing import Any

import anthropic
import pytest

from app.simulator import Simulator
from app.simulator.answers.script import CHAT
from tests.live.servers import KEY, Gateway

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


def ask(gateway: Gateway, name: str, streamed: bool, messages: Any = HELLO) -> Any:
    client = anthropic.Anthropic(base_url=gateway.url, api_key=KEY, max_retries=0)
    tools: Any = [{"type": f"{name}_20251119", "name": name}, WEATHER, OTHER]
    body: Any = {"model": MODEL, "max_tokens": 99, "messages": messages, "tools": tools}
    if not streamed:
        return client.messages.create(**body)
    with client.messages.stream(**body) as stream:
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
