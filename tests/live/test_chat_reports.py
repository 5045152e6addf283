"""Public reports about Chat Completions and Messages of other gateways."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from app.simulator import Simulator
from tests.live.openai_shared import asked, chats, state
from tests.live.reports import ask
from tests.live.servers import Gateway

Check = Callable[[requests.Response, Simulator], object]


def offered(upstream: Simulator) -> list[str]:
    tools = asked(upstream)["userInputMessageContext"]["tools"]
    return [tool["toolSpecification"]["name"] for tool in tools]


def repairs(answer: requests.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return answer.headers.get("x-kiro-repairs", "").split(",")


def asks(model: str) -> Check:
    """Of the model that the name means, without a word of another."""

    def check(answer: requests.Response, upstream: Simulator) -> None:
        assert not any(repair.startswith("model") for repair in repairs(answer))
        assert asked(upstream)["modelId"].lower() == model

    return check


def offers(name: str, repair: str) -> Check:
    def check(answer: requests.Response, upstream: Simulator) -> None:
        assert repair in repairs(answer)
        assert offered(upstream) == [name]

    return check


def has_call_and_result(answer: requests.Response, upstream: Simulator) -> None:
    assert "messages_block_read" in repairs(answer)
    (use,) = state(upstream)["history"][-1]["assistantResponseMessage"]["toolUses"]
    assert (use["name"], use["toolUseId"]) == ("f", "toolu_1")
    (result,) = asked(upstream)["userInputMessageContext"]["toolResults"]
    assert (result["toolUseId"], result["content"]) == ("toolu_1", [{"text": "y"}])


def says_where_it_belongs(answer: requests.Response, upstream: Simulator) -> None:
    assert answer.status_code == 400
    assert chats(upstream) == []
    error: Any = answer.json()["error"]
    assert error["param"] == "input"
    assert error["message"] == "input: this is a Responses body; POST it to /v1/responses"


def has_the_text(answer: requests.Response, upstream: Simulator) -> None:
    assert answer.status_code == 200
    content = asked(upstream)["content"]
    assert all(text in content for text in ("a.md", "# hi", "sum up"))


def is_answered_without_the_signature(answer: requests.Response, upstream: Simulator) -> None:
    """The one that the upstream refuses is sent once."""
    assert answer.status_code == 200, answer.text
    assert [refused.status for refused in upstream.requests][-1] == 200


def has_the_format_of_the_bytes(answer: requests.Response, upstream: Simulator) -> None:
    assert answer.status_code == 200
    assert [image["format"] for image in asked(upstream)["images"]] == ["png"]


def has_a_result(answer: requests.Response, upstream: Simulator) -> None:
    """The bytes are a PNG, whatever the tool called them; what no model reads is told as text."""
    assert answer.status_code == 200
    (result,) = asked(upstream)["userInputMessageContext"]["toolResults"]
    assert result["toolUseId"] == "toolu_1"
    assert [image["format"] for image in asked(upstream)["images"]] == ["png"]


CHECKS: dict[str, Check] = {
    "05-doubled-1m-suffix": asks("claude-opus-4.8"),
    "08-cursor-anthropic-tools-in-chat": offers("read_file", "messages_tool_read"),
    "08b-cursor-tool_use-blocks-in-chat": has_call_and_result,
    "08d-cursor-flat-function-tool-in-chat": offers("f", "responses_tool_read"),
    "08e-responses-shape-on-chat": says_where_it_belongs,
    "09-chat-text-file": has_the_text,
    "21-foreign-signature": is_answered_without_the_signature,
    "22-mislabelled-image": has_the_format_of_the_bytes,
    "23-bad-image-in-tool_result": has_a_result,
    "25-effort-in-parentheses": asks("claude-opus-4.6"),
}


@pytest.mark.parametrize("name", CHECKS)
def test_what_was_reported_elsewhere(gateway: Gateway, upstream: Simulator, name: str) -> None:
    CHECKS[name](ask(gateway, name), upstream)
