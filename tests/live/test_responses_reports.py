"""Public reports about the Responses API of other gateways, tried on this one: each file of the
corpus names the reports that it was made from.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from app.simulator import Simulator
from tests.live.openai_shared import asked, chats, state
from tests.live.reports import REPORTS, ask
from tests.live.servers import Gateway

Check = Callable[[requests.Response, Simulator], object]


def refused(answer: requests.Response, upstream: Simulator) -> Any:
    """Nothing was asked of the model, and nothing paid."""
    assert answer.status_code == 400
    assert chats(upstream) == []
    error = answer.json()["error"]
    assert error["type"] == "invalid_request_error"
    return error


def offered(upstream: Simulator) -> list[str]:
    tools = asked(upstream)["userInputMessageContext"]["tools"]
    return [tool["toolSpecification"]["name"] for tool in tools]


def has_the_task(answer: requests.Response, upstream: Simulator) -> None:
    assert "MARKER-TASK count the files" in asked(upstream)["content"]
    assert "x-kiro-ignored" not in answer.headers


def has_the_search(answer: requests.Response, upstream: Simulator) -> None:
    assert offered(upstream) == ["tool_search", "f"]
    assert "x-kiro-ignored" not in answer.headers


def has_the_pair(answer: requests.Response, upstream: Simulator) -> None:
    *_, turn = state(upstream)["history"]
    (use,) = turn["assistantResponseMessage"]["toolUses"]
    (result,) = asked(upstream)["userInputMessageContext"]["toolResults"]
    assert (use["name"], use["input"]) == ("tool_search", {"query": "note"})
    assert result["toolUseId"] == use["toolUseId"] == "t"
    assert "mcp__notes__add_note" in offered(upstream)
    assert "continue-prefill" not in answer.headers.get("x-kiro-repairs", "")


def asks_for_the_input(answer: requests.Response, upstream: Simulator) -> None:
    error = refused(answer, upstream)
    assert (error["code"], error["param"]) == ("missing_required_parameter", "input")


def says_where_messages_belong(answer: requests.Response, upstream: Simulator) -> None:
    error = refused(answer, upstream)
    assert (error["code"], error["param"]) == ("unsupported_parameter", "messages")
    assert "has moved to 'input'" in error["message"]


def names(kind: str, place: str) -> Check:
    def check(answer: requests.Response, upstream: Simulator) -> None:
        error = refused(answer, upstream)
        assert error["param"] == place
        assert error["message"].startswith(f"{place}: {kind} ")

    return check


def sees_the_image(answer: requests.Response, upstream: Simulator) -> None:
    """The API's own contract is that a string is text; as text a screenshot fills the context."""
    assert [image["format"] for image in asked(upstream)["images"]] == ["png"]
    assert "stringified_output_read" in answer.headers["x-kiro-repairs"]


def counts(answer: requests.Response, upstream: Simulator) -> None:
    assert answer.json().keys() == {"object", "input_tokens"}
    assert answer.json()["object"] == "response.input_tokens"
    assert chats(upstream) == []


def has_all_tools(answer: requests.Response, upstream: Simulator) -> None:
    """Whether the service takes as many is its matter, which it says itself."""
    assert offered(upstream) == [f"mcp__server__tool_{number}" for number in range(137)]


def has_the_summary(answer: requests.Response, upstream: Simulator) -> None:
    """One item, which only this gateway can read; the model was asked once."""
    (item,) = answer.json()["output"]
    assert item["type"] == "compaction"
    assert item["encrypted_content"]
    assert len(chats(upstream)) == 1


CHECKS: dict[str, Check] = {
    "01-agent_message-dropped": has_the_task,
    "03-tool_search-not-offered": has_the_search,
    "03b-tool_search-pair-as-prefill": has_the_pair,
    "04-responses-without-input-messages": says_where_messages_belong,
    "04-responses-without-input-nothing": asks_for_the_input,
    "06-compaction_summary-dropped": names("compaction_summary", "input[0]"),
    "07-compaction_trigger": has_the_summary,
    "24-stringified-image-output": sees_the_image,
    "26-input_tokens-endpoint": counts,
    "27-137-tools": has_all_tools,
}


@pytest.mark.parametrize("name", CHECKS)
def test_what_was_reported_elsewhere(gateway: Gateway, upstream: Simulator, name: str) -> None:
    answer = ask(gateway, name)
    if CHECKS[name] in (has_the_task, has_the_search, has_the_pair, sees_the_image, has_all_tools):
        assert answer.status_code == 200
    CHECKS[name](answer, upstream)


ELSEWHERE = {"02-zstd-body"}
"""Tried by the tests of compressed bodies."""


def test_every_report_is_tried() -> None:
    paths = {path.stem: json.loads(path.read_text())["path"] for path in REPORTS.glob("*.json")}
    named = {stem for stem in paths if paths[stem].startswith("/v1/responses")}
    assert named - ELSEWHERE <= CHECKS.keys()
