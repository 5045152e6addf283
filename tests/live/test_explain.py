"""What the gateway says that it would do with a request is what it does: nothing of it is sent."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec
import pytest
import requests

from app.keys.key_file import digest
from app.simulator import Simulator
from app.simulator.answers.script import CHAT
from tests.live.servers import KEY, Gateway

CORPORA = Path(__file__).parents[1] / "corpus"
CASES = [
    case
    for folder in ("client-requests", "client-requests-2026-11")
    for case in sorted((CORPORA / folder).glob("*.json"))
]
PATHS = ("/v1/messages", "/v1/chat/completions", "/v1/responses")
MODEL = "claude-sonnet-4-6"
USER = [{"role": "user", "content": "Hello"}]
ASKS: dict[str, dict[str, Any]] = {
    "/v1/messages": {"model": MODEL, "max_tokens": 9, "messages": USER},
    "/v1/chat/completions": {"model": MODEL, "messages": USER},
    "/v1/responses": {"model": MODEL, "input": "Hello"},
}
OTHER_KEY = "sk-kiro-" + "o" * 43


def post(gateway: Gateway, path: str, body: Any, **headers: str) -> requests.Response:
    return requests.post(
        gateway.url + path,
        data=msgspec.json.encode(body),
        headers={"Authorization": f"Bearer {KEY}"} | headers,
        timeout=20,
    )


def chats(simulator: Simulator) -> list[Any]:
    return [seen for seen in simulator.requests if seen.operation == CHAT]


@pytest.fixture(scope="module")
def shared(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with a key that is not the owner's, which may use one model, five times a
    minute."""
    work = tmp_path_factory.mktemp("explain")
    keys = work / "client-keys.json"
    key = {"name": "carol", "sha256": digest(OTHER_KEY), "models": [MODEL]}
    keys.write_text(json.dumps({"keys": [key | {"requests_per_minute": 5}]}))
    running = Gateway(
        simulator.url,
        work,
        WEB_CONCURRENCY="1",
        KIRO_CLIENT_KEYS_FILE=str(keys),
        KIRO_MODELS="mine=claude-opus-4.6",
        KIRO_DEFAULT_MODEL="claude-haiku-4.5",
        KIRO_MODELS_REFRESH="0",
    )
    yield running
    running.stop()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_the_explained_body_is_the_one_that_is_sent(
    case: Path, shared: Gateway, upstream: Simulator
) -> None:
    recorded = msgspec.json.decode(case.read_bytes())
    path, body = recorded["path"], recorded["body"]
    if path not in PATHS:
        pytest.skip("asks no model")
    query, headers = recorded.get("query") or "", dict(recorded["headers"])
    headers |= {"Authorization": f"Bearer {KEY}"}
    explained = post(shared, f"{path}/explain?{query}", body, **headers)
    assert chats(upstream) == []
    real = post(shared, f"{path}?{query}", body, **headers)
    if real.status_code >= 400:
        assert explained.status_code == real.status_code
        assert explained.json()["error"] == real.json()["error"]
        return
    told = explained.json()
    (sent,) = chats(upstream)
    assert told["request"] == without_arn(sent.body)
    assert [repair["name"] for repair in told["repairs"]] == listed(real, "x-kiro-repairs")
    assert told["ignored"] == listed(real, "x-kiro-ignored")
    assert all(repair["what"] for repair in told["repairs"])
    assert "arn:aws:" not in json.dumps(told["request"].get("profileArn"))


def without_arn(body: dict[str, Any]) -> dict[str, Any]:
    return body | ({"profileArn": "(removed)"} if "profileArn" in body else {})


def listed(answer: requests.Response, header: str) -> list[str]:
    return [unquote(name) for name in filter(None, answer.headers.get(header, "").split(","))]


@pytest.mark.parametrize("path", PATHS)
def test_only_the_owner_is_told_the_account_and_the_host(
    shared: Gateway, upstream: Simulator, path: str
) -> None:
    told = post(shared, f"{path}/explain", ASKS[path]).json()
    assert told["host"] == upstream.url.removeprefix("http://")
    assert told["account"]
    line = shared.wait_for_line(post(shared, path, ASKS[path]).headers["request-id"])
    assert told["account"] == line["account"]
    other = post(shared, f"{path}/explain", ASKS[path], Authorization=f"Bearer {OTHER_KEY}").json()
    assert (other["account"], other["host"]) == (None, None)
    assert other["request"] == told["request"]


def test_the_limits_of_a_key_apply(shared: Gateway, upstream: Simulator) -> None:
    def explain(**members: Any) -> requests.Response:
        body = ASKS["/v1/messages"] | members
        return post(shared, "/v1/messages/explain", body, Authorization=f"Bearer {OTHER_KEY}")

    refused = explain(model="claude-opus-4.6")
    assert refused.status_code == 403
    assert "may not use" in refused.json()["error"]["message"]
    answers = [explain() for _ in range(6)]
    assert answers[-1].status_code == 429
    assert answers[0].headers["anthropic-ratelimit-requests-limit"] == "5"
    assert chats(upstream) == []


@pytest.mark.parametrize(
    ("name", "chosen", "why"),
    [
        ("claude-sonnet-4-6[1m]", "claude-sonnet-4-6", "The name is one of this model's."),
        ("mine", "claude-opus-4-6", "KIRO_MODELS"),
        ("claude-sonnet-9.9", "claude-sonnet-", "nearest"),
        ("nobody-knows-me", "claude-haiku-4-5-20251001", "this is the default"),
    ],
)
def test_why_a_model_was_chosen(
    shared: Gateway, upstream: Simulator, name: str, chosen: str, why: str
) -> None:
    body = ASKS["/v1/chat/completions"] | {"model": name}
    told = post(shared, "/v1/chat/completions/explain", body).json()
    assert told["model"]["asked"] == name
    assert told["model"]["id"].startswith(chosen)
    assert why in told["model"]["why"]
    sent = told["request"]["conversationState"]["currentMessage"]["userInputMessage"]["modelId"]
    assert told["model"]["upstream_id"] == sent


def test_what_a_repair_changed(gateway: Gateway, upstream: Simulator) -> None:
    messages = [
        {"role": "user", "content": "One"},
        {"role": "user", "content": "Two"},
        {"role": "assistant", "content": "So"},
    ]
    tool = {"name": "look up", "description": "Looks.", "input_schema": {"type": "object"}}
    body = {"model": MODEL, "max_tokens": 99, "messages": messages, "tools": [tool]}
    told = post(gateway, "/v1/messages/explain", body).json()
    changes = {repair["name"]: repair["changes"] for repair in told["repairs"]}
    assert changes["legal-tool-name"] == [
        {"at": "tools[0].name", "was": "look up", "now": "look_up_a973a279"}
    ]
    assert [change["at"] for change in changes["merge-turns"]] == [
        "messages[0]",
        "messages[1]",
        "messages[0]",
    ]
    assert "continue-prefill" in changes


def test_how_each_limit_is_enforced(gateway: Gateway, upstream: Simulator) -> None:
    tool = {"name": "look_up", "input_schema": {"type": "object"}}
    body = {
        "model": MODEL,
        "max_tokens": 20,
        "messages": USER,
        "stop_sequences": ["END", "STOP"],
        "tools": [tool],
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
    }
    told = post(gateway, "/v1/messages/explain", body).json()
    limits = {limit["name"]: (limit["by"], limit["value"]) for limit in told["limits"]}
    assert limits["stop_sequence"] == ("gateway", ["END", "STOP"])
    assert limits["one_call"] == ("gateway", 1)
    assert limits["max_tokens"][1] == 20
    in_request = told["request"].get("additionalModelRequestFields", {}).get("max_tokens") == 20
    assert limits["max_tokens"][0] == ("upstream" if in_request else "gateway")


def test_what_the_answer_is_checked_for(gateway: Gateway, upstream: Simulator) -> None:
    tool = {"name": "look_up", "strict": True, "parameters": {"type": "object"}}
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    body = ASKS["/v1/responses"] | {
        "tools": [{"type": "function", **tool}],
        "text": {"format": {"type": "json_schema", "name": "n", "schema": schema}},
    }
    told = post(gateway, "/v1/responses/explain", body).json()
    checked = {limit["name"]: limit["value"] for limit in told["limits"]}
    assert checked == {"format": schema, "strict": ["look_up"]}
    del body["text"]
    told = post(gateway, "/v1/responses/explain", body | {"tool_choice": "required"}).json()
    assert {limit["name"] for limit in told["limits"]} == {"tool_choice", "strict"}


def test_a_summary_alone_has_no_limits(gateway: Gateway, upstream: Simulator) -> None:
    schema = {"format": {"type": "json_schema", "schema": {"type": "object"}}}
    body = ASKS["/v1/messages"] | {"stop_sequences": ["x"], "output_config": schema}
    summed = body | {"compaction": {"type": "summarize"}}
    limits = [
        post(gateway, "/v1/messages/explain", each).json()["limits"] for each in (body, summed)
    ]
    assert [len(each) for each in limits] == [3, 0]


def test_a_request_that_the_upstream_does_not_get(gateway: Gateway, upstream: Simulator) -> None:
    told = post(gateway, "/v1/messages/explain", ASKS["/v1/messages"] | {"max_tokens": 0}).json()
    assert told["request"] is None
    assert told["account"] is None
    assert "not asked" in told["limits"][0]["how"]
    assert chats(upstream) == []


@pytest.mark.parametrize("path", PATHS)
def test_errors_are_those_of_the_request(gateway: Gateway, upstream: Simulator, path: str) -> None:
    for wrong in ({"temperature": 7}, too_long(path)):
        asked = ASKS[path] | wrong
        refused = post(gateway, path, asked)
        assert refused.status_code == 400
        assert post(gateway, f"{path}/explain", asked).json()["error"] == refused.json()["error"]
    unknown = post(gateway, f"{path}/explain", ASKS[path], Authorization="Bearer no")
    assert unknown.status_code == 401


def too_long(path: str) -> dict[str, Any]:
    """A turn that the service would not take."""
    text = "word " * 140_000
    if path == "/v1/responses":
        return {"input": text}
    return {"messages": [{"role": "user", "content": text}]}
