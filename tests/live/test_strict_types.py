"""Every event and every whole answer is strictly of the SDKs' types, whatever the upstream does."""

import json
from collections.abc import Iterator
from typing import Any

import anthropic.types
import openai.types
import pytest
import requests

from app.simulator import Simulator
from tests.live.servers import KEY, Gateway
from tests.live.strict_types import check_event, check_failure, check_whole, events

MODEL = "claude-sonnet-4-6"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TASK = {"role": "user", "content": "What is the weather?"}
PATHS = {
    "messages": "/v1/messages",
    "chat": "/v1/chat/completions",
    "responses": "/v1/responses",
}
BODIES: dict[str, dict[str, Any]] = {
    "messages": {
        "max_tokens": 8000,
        "messages": [TASK],
        "thinking": {"type": "adaptive"},
        "tools": [{"name": "weather", "input_schema": SCHEMA}],
    },
    "chat": {
        "messages": [TASK],
        "reasoning_effort": "low",
        "stream_options": {"include_usage": True},
        "tools": [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}],
    },
    "responses": {
        "input": [TASK],
        "reasoning": {"effort": "low", "summary": "auto"},
        "include": ["reasoning.encrypted_content"],
        "tools": [{"type": "function", "name": "weather", "parameters": SCHEMA, "strict": False}],
    },
}
CALL = {"name": "weather", "input": {"city": "Zürich"}}
SIGNED = {"text": ["I ", "think"], "signature": True}
USAGE = {"uncachedInputTokens": 7, "cacheReadInputTokens": 5, "outputTokens": 3, "totalTokens": 15}
REFUSAL = {"category": "cyber", "explanation": "No.", "recommendedModel": "claude-opus-5"}
ANSWERS: dict[str, dict[str, Any]] = {
    "text": {"text": ["Hel", "lo 🙂\u2028"]},
    "thinking": {"think": SIGNED, "text": ["Done."]},
    "thinking without a signature": {"think": ["I ", "think"], "text": ["Done."]},
    "opaque thinking": {"think": {"redacted": "c2VjcmV0"}, "text": ["Done."]},
    "only thinking": {"think": SIGNED},
    "a call": {"tool": CALL},
    "words before a call": {"text": ["One moment."], "tool": CALL},
    "thinking and words before a call": {"think": SIGNED, "text": ["One moment."], "tool": CALL},
    "two calls": {"tools": [CALL, CALL]},
    "interleaved calls": {"interleaved": [CALL, {"name": "weather", "input": {"city": "Bern"}}]},
    "a call without input": {"tool": {"name": "weather"}},
    "a call that is no JSON": {"tool": {"name": "weather", "fragments": ['{"city": ']}},
    "a call cut by the limit": {
        "tool": {"name": "weather", "fragments": ['{"city": '], "stop": False},
        "stop_reason": "MAX_TOKENS",
    },
    "words after a call": {"say": [{"tool": CALL}, {"text": "And so on."}]},
    "the limit": {"text": ["Too lo"], "stop_reason": "MAX_TOKENS"},
    "a full window": {"text": ["Too lo"], "stop_reason": "MODEL_CONTEXT_WINDOW_EXCEEDED"},
    "a pause": {"text": ["So far."], "stop_reason": "PAUSE_TURN"},
    "an unknown stop reason": {"text": ["So far."], "stop_reason": "SOMETHING_NEW"},
    "a refusal": {"refusal": REFUSAL},
    "a refusal after words": {"text": ["I can"], "refusal": REFUSAL},
    "usage": {"text": ["Hello"], "usage": USAGE},
    "an unknown event": {"say": [{"event": {"type": "newEvent", "payload": {"a": 1}}}]},
    "nothing": {"empty": True},
    "no tail": {"text": ["Hello"], "omit": "tail"},
    "a cut": {"text": ["Hel", "lo"], "cut": {"after": 2}},
    "a cut in a call": {"text": ["Hel"], "tool": CALL, "cut": {"after": 4}},
    "an exception": {"text": ["Hel"], "exception": "throttled"},
    "an exception at once": {"exception": "internal"},
    "an error frame": {"text": ["Hel"], "error": {"code": "Broken", "message": "It broke."}},
    "damage": {"text": ["Hel", "lo"], "corrupt": {"frame": 2}},
    "throttled": {"fail": "throttled"},
    "no capacity": {"fail": "insufficient_capacity"},
    "no credits": {"fail": "monthly_quota"},
    "too long": {"fail": "too_long"},
    "refused": {"fail": "improperly_formed"},
    "internal": {"fail": "internal"},
}


@pytest.fixture(params=PATHS)
def api(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def ask(gateway: Gateway, api: str, **members: Any) -> requests.Response:
    return requests.post(
        gateway.url + PATHS[api],
        json={"model": MODEL, **BODIES[api], **members},
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=30,
    )


@pytest.fixture(scope="module")
def gateway(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One of its own: what the upstream refuses here is held against the account for a while."""
    running = Gateway(simulator.url, tmp_path_factory.mktemp("strict"))
    yield running
    running.stop()


@pytest.mark.parametrize("name", ANSWERS)
def test_answers(gateway: Gateway, upstream: Simulator, api: str, name: str) -> None:
    upstream.script({**ANSWERS[name], "times": None})
    whole = ask(gateway, api, **({"stream_options": None} if api == "chat" else {}))
    (check_whole if whole.status_code == 200 else check_failure)(api, whole.json())
    streamed = ask(gateway, api, stream=True)
    if streamed.status_code != 200:
        check_failure(api, streamed.json())
        return
    found = list(events(streamed.content.decode()))
    assert found
    for event, payload in found:
        check_event(api, event, payload)


@pytest.mark.parametrize("key", ["", "wrong"])
def test_refused_by_the_gateway(gateway: Gateway, api: str, key: str) -> None:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    answer = requests.post(gateway.url + PATHS[api], json={}, headers=headers, timeout=30)
    assert answer.status_code == 401
    check_failure(api, answer.json())


@pytest.mark.parametrize(
    ("headers", "model"),
    [
        ({"anthropic-version": "2023-06-01"}, anthropic.types.ModelInfo),
        ({}, openai.types.Model),
    ],
)
def test_models(gateway: Gateway, headers: dict[str, str], model: Any) -> None:
    headers = {**headers, "Authorization": f"Bearer {KEY}"}
    offered = requests.get(f"{gateway.url}/v1/models", headers=headers, timeout=30).json()["data"]
    assert offered
    single = f"{gateway.url}/v1/models/{offered[0]['id']}"
    for one in [*offered, requests.get(single, headers=headers, timeout=30).json()]:
        model.model_validate_json(json.dumps(one), strict=True)  # times are strings in JSON


def test_counted_tokens(gateway: Gateway) -> None:
    answer = requests.post(
        f"{gateway.url}/v1/messages/count_tokens",
        json={"model": MODEL, "messages": [TASK]},
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=30,
    )
    anthropic.types.MessageTokensCount.model_validate(answer.json(), strict=True)
