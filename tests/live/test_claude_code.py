"""What Claude Code asks beside its turns, and what it needs in the answers."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from app.simulator import Simulator
from tests.live.servers import KEY, Gateway

CORPUS = Path(__file__).parents[1] / "corpus" / "client-requests-2026-11"
HELLO = {"role": "user", "content": "Hello"}
BODY = {"model": "claude-sonnet-4-6", "max_tokens": 9, "messages": [HELLO]}
NOT_CHECKED = [
    {"type": "dangerous_tool_use", "status": {"type": "unavailable", "reason": "disabled"}}
]


def post(gateway: Gateway, body: Any, key: str = KEY, path: str = "/v1/messages") -> Any:
    return requests.post(gateway.url + path, json=body, headers={"x-api-key": key}, timeout=30)


def events(answer: Any) -> Iterator[Any]:
    for line in answer.text.splitlines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_its_look_whether_the_service_answers_needs_no_key(gateway: Gateway, method: str) -> None:
    answer = requests.request(method, gateway.url + "/api/hello", timeout=10)
    assert answer.status_code == 200


def test_it_does_not_repeat_a_request_whose_key_is_wrong(gateway: Gateway) -> None:
    """Without the header it does for three minutes."""
    answer = post(gateway, BODY, key="wrong")
    assert (answer.status_code, answer.headers["x-should-retry"]) == (401, "false")


@pytest.mark.parametrize("streamed", [False, True])
def test_its_auto_mode_learns_that_nothing_is_checked(
    gateway: Gateway, upstream: Simulator, streamed: bool
) -> None:
    recorded = json.loads((CORPUS / "claude-code-2.1.332-4.json").read_text())
    answer = post(gateway, recorded["body"] | {"stream": streamed})
    assert answer.status_code == 200, answer.text
    assert "safeguards" not in answer.headers.get("x-kiro-ignored", "")
    if streamed:
        started, ended = (
            next(event for event in events(answer) if event["type"] == kind)
            for kind in ("message_start", "message_delta")
        )
        assert "safeguard_results" not in started["message"]
        assert ended["delta"]["safeguard_results"] == NOT_CHECKED
    else:
        assert answer.json()["safeguard_results"] == NOT_CHECKED


@pytest.mark.parametrize("streamed", [False, True])
def test_who_asks_for_no_check_is_told_of_none(
    gateway: Gateway, upstream: Simulator, streamed: bool
) -> None:
    assert "safeguard" not in post(gateway, BODY | {"stream": streamed}).text


@pytest.mark.parametrize("safeguards", ["all", [{}], [{"type": ""}], [{"type": "a"}] * 17])
def test_a_check_that_cannot_be_read_is_refused_by_name(gateway: Gateway, safeguards: Any) -> None:
    """At such a refusal it sends the request once more without."""
    answer = post(gateway, BODY | {"safeguards": safeguards})
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("safeguards")


def test_an_effort_of_tomorrow_is_refused_in_its_words(gateway: Gateway) -> None:
    answer = post(gateway, BODY | {"output_config": {"effort": "enormous"}})
    assert answer.status_code == 400
    assert "(capability_rejected: effort_unsupported)" in answer.json()["error"]["message"]


def test_an_image_that_the_service_refuses_is_told_in_its_words(
    gateway: Gateway, upstream: Simulator
) -> None:
    refusal = {"fail": {"status": 400, "reason": "IMAGE_SIZE_EXCEEDED"}}
    upstream.script(refusal, refusal, refusal)
    answer = post(gateway, BODY)
    assert answer.status_code == 400
    assert "(capability_rejected: image_block)" in answer.json()["error"]["message"]


def test_thirty_counts_at_once_are_answered(gateway: Gateway) -> None:
    """Its /context counts each part of the prompt by itself."""
    alone = {"role": "user", "content": "What nobody has asked before, and so nobody was told."}
    body = {"model": "claude-sonnet-4-6", "messages": [alone], "tools": []}
    with ThreadPoolExecutor(30) as pool:
        answers = list(
            pool.map(lambda _: post(gateway, body, path="/v1/messages/count_tokens"), range(30))
        )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["input_tokens"] for answer in answers}) == 1
