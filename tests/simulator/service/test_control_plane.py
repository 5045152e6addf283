"""Quota, profiles and web search, over both bindings."""

import json
from typing import Any

import pytest

from app.simulator import Simulator
from app.simulator.service.tokens import PROFILE_ARN
from tests.simulator.client import TOKEN, Client, ClientResponse, chat_body

AUTHORIZED = {"authorization": f"Bearer {TOKEN}"}


def target(name: str) -> dict[str, str]:
    return AUTHORIZED | {
        "x-amz-target": f"AmazonCodeWhispererService.{name}",
        "content-type": "application/x-amz-json-1.0",
    }


def test_usage_counts_the_credits_of_answers(client: Client, simulator: Simulator) -> None:
    simulator.script({"text": "x", "credits": 1.25})
    client.chat()
    path = "/getUsageLimits?origin=AI_EDITOR&resourceType=AGENTIC_REQUEST"
    usage = client.send("GET", path, headers=AUTHORIZED).json
    [credits] = usage["usageBreakdownList"]
    assert credits["currentUsageWithPrecision"] == 1.25
    arn = {"profileArn": PROFILE_ARN}
    assert usage == client.send("POST", "/", arn, target("GetUsageLimits")).json
    refused = client.send("POST", "/", {}, target("GetUsageLimits"))
    assert (refused.status, refused.json["message"]) == (400, "Invalid profileArn.")


def test_the_quota_has_the_members_of_2026_and_can_be_set(
    client: Client, simulator: Simulator
) -> None:
    def credits() -> dict[str, Any]:
        usage = client.send("GET", "/getUsageLimits", headers=AUTHORIZED).json
        [found] = usage["usageBreakdownList"]
        assert usage.keys() >= {"totalUsage", "subscriptionInfo", "overageConfiguration"}
        return dict(found)

    assert credits().keys() >= {"overageCredits", "addOnMetadata", "dimensionType", "bonuses"}
    assert credits()["freeTrialInfo"]["freeTrialExpiry"] > 1e11  # milliseconds
    pack = {"currentUsage": 1, "usageLimit": 500, "expiresAt": 1_800_000_000}
    simulator.configure_quota(
        credits={"overageCredits": [pack]}, subscriptionInfo={"type": "SOMETHING_NEW"}
    )
    assert credits()["overageCredits"] == [pack]
    assert credits()["usageLimit"] == 1000
    simulator.reset()
    assert credits()["overageCredits"] == []
    assert client.send("POST", "/__sim/quota", []).status == 400


def test_the_profile_of_a_key_or_login_is_in_one_region(
    client: Client, simulator: Simulator
) -> None:
    simulator.configure_tokens(regions={"ksk_eu": "eu-central-1", TOKEN: "us-east-1"})
    key = {"authorization": "Bearer ksk_eu", "tokentype": "API_KEY"}

    def ask(operation: str, region: str, who: dict[str, str]) -> ClientResponse:
        host = {"host": f"management.{region}.kiro.dev"}
        return client.send("POST", "/?origin=AI_EDITOR", {}, target(operation) | who | host)

    assert ask("GetProfile", "us-east-1", key).status == 403
    arn = ask("GetProfile", "eu-central-1", key).json["profile"]["arn"]
    assert arn.split(":")[3] == "eu-central-1"
    assert ask("GetProfile", "eu-central-1", key | {"tokentype": ""}).status == 400
    assert ask("ListAvailableProfiles", "eu-central-1", {}).status == 403
    [profile] = ask("ListAvailableProfiles", "us-east-1", {}).json["profiles"]
    assert profile["arn"] == PROFILE_ARN


def test_the_newest_target_of_chat(client: Client) -> None:
    headers = target("x") | {"x-amz-target": "KiroRuntimeService.GenerateAssistantResponse"}
    assert client.send("POST", "/", chat_body(), headers).status == 200


@pytest.mark.parametrize("service", ["KiroRuntimeService", "AmazonCodeWhispererStreamingService"])
def test_web_search_over_json_rpc_names_the_profile(client: Client, service: str) -> None:
    headers = target("x") | {"x-amz-target": f"{service}.InvokeMCP"}
    params = {"name": "web_search", "arguments": {"query": "rain"}}
    call = {"id": "1", "jsonrpc": "2.0", "method": "tools/call", "params": params}
    refused = client.send("POST", "/", call, headers)
    assert refused.status == 400
    assert refused.json["message"] == "profileArn is required for this request."
    call["profileArn"] = PROFILE_ARN
    assert client.send("POST", "/", call, headers).json["result"]["isError"] is False
    params["arguments"] = {"query": "r" * 201}
    assert "200" in client.send("POST", "/", call, headers).json["error"]["message"]
    listed = client.send("POST", "/", call | {"method": "tools/list"}, headers).json
    assert [tool["name"] for tool in listed["result"]["tools"]] == ["web_search"]


def test_profiles(client: Client) -> None:
    listed = client.send("POST", "/ListAvailableProfiles", {}, AUTHORIZED).json["profiles"]
    one = client.send("POST", "/GetProfile", {}, AUTHORIZED).json["profile"]
    assert listed == [one]
    key = {"authorization": "Bearer ksk_1", "tokentype": "API_KEY"}
    refused = client.send("POST", "/ListAvailableProfiles", {}, key)
    assert (refused.status, refused.json["message"]) == (403, "Unsupported token type")
    assert client.send("POST", "/GetProfile", {}, key).status == 200


def test_the_control_plane_requires_a_token(client: Client) -> None:
    assert client.send("GET", "/ListAvailableModels?origin=AI_EDITOR").status == 403


def test_web_search_is_json_in_json(client: Client) -> None:
    params = {"name": "web_search", "arguments": {"query": "simulated rain"}}
    call = {"id": "1", "jsonrpc": "2.0", "method": "tools/call", "params": params}
    answer = client.send("POST", "/mcp", call, AUTHORIZED).json
    assert (answer["id"], answer["result"]["isError"]) == ("1", False)
    [content] = answer["result"]["content"]
    found = json.loads(content["text"])
    assert "simulated rain" in found["results"][0]["title"]
    invalid: tuple[Any, ...] = ({}, [], {"name": "web_search", "arguments": 3})
    for other_params in invalid:
        answer = client.send("POST", "/mcp", {**call, "params": other_params}, AUTHORIZED)
        assert answer.json["error"]["code"] < 0


def test_a_call_of_a_tool_that_breaks_a_rule_is_refused(client: Client) -> None:
    refused = client.send("POST", "/mcp", {"method": "tools/call"}, AUTHORIZED)
    assert (refused.status, refused.headers["x-sim-violation"]) == (400, "missing-member")


def test_the_answers_to_searches_can_be_set(client: Client) -> None:
    params = {"name": "web_search", "arguments": {"query": "rain"}}
    call = {"id": "7", "jsonrpc": "2.0", "method": "tools/call", "params": params}

    def found(**changed: Any) -> Any:
        assert client.send("POST", "/__sim/search", changed).status == 200
        return client.send("POST", "/mcp", call, AUTHORIZED).json

    def text(**changed: Any) -> Any:
        return json.loads(found(**changed)["result"]["content"][0]["text"])

    assert text(results=[])["results"] == []
    assert text(error="no")["error"] == "no"
    assert text(text='{"a":1}') == {"a": 1}
    assert found(answer={"error": {"code": 1}}) == {
        "id": "7",
        "jsonrpc": "2.0",
        "error": {"code": 1},
    }
    assert client.send("POST", "/__sim/search", [1]).status == 400
    client.send("POST", "/__sim/reset", {})
    assert (
        len(
            json.loads(
                client.send("POST", "/mcp", call, AUTHORIZED).json["result"]["content"][0]["text"]
            )["results"]
        )
        == 2
    )
