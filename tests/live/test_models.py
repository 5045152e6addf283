"""The models that an account has, through the real server: what answers, and what is listed."""

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from app.simulator import Simulator
from tests.live.servers import KEY, Gateway

AUTH = {"Authorization": f"Bearer {KEY}"}
HELLO = [{"role": "user", "content": "Hello"}]

LIST = {"operation": "ListAvailableModels"}

Start = Callable[..., Gateway]


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


@pytest.fixture
def start(simulator: Simulator, tmp_path: Path) -> Iterator[Start]:
    started: list[Gateway] = []

    def begin(**settings: str) -> Gateway:
        started.append(Gateway(simulator.url, tmp_path, **settings))
        return started[-1]

    yield begin
    for gateway in started:
        gateway.stop()


def get(gateway: Gateway, path: str = "/v1/models") -> requests.Response:
    return requests.get(gateway.url + path, headers=AUTH, timeout=10)


def listed(gateway: Gateway) -> dict[str, Any]:
    return {row["id"]: row for row in get(gateway).json()["data"]}


def until(condition: Callable[[], Any], seconds: float = 15) -> Any:
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come to be"
        time.sleep(0.05)
    return found


def ready(gateway: Gateway, count: int) -> None:
    """Wait until every worker has the list; a request goes to any of them."""
    until(lambda: all(len(listed(gateway)) == count for _ in range(8)))


def ask(gateway: Gateway, model: str, path: str = "/v1/messages") -> requests.Response:
    body: dict[str, Any] = {"model": model, "max_tokens": 50}
    body |= {"input": "Hello"} if path.endswith("responses") else {"messages": HELLO}
    if path.endswith("responses"):
        del body["max_tokens"]
    return requests.post(gateway.url + path, json=body, headers=AUTH, timeout=20)


def sent(simulator: Simulator) -> list[str]:
    """The models of the chat requests so far."""
    return [
        one.body["conversationState"]["currentMessage"]["userInputMessage"]["modelId"]
        for one in simulator.requests
        if one.operation == "GenerateAssistantResponse"
    ]


def lists(simulator: Simulator) -> int:
    return simulator.stats.get("operation.ListAvailableModels", 0)


@pytest.mark.parametrize(
    ("plan", "name", "reaches"),
    [
        ("2026-11", "claude-opus-5-5[1m]", "claude-opus-5.5"),
        ("2026-11", "claude-sonnet-5-5", "claude-sonnet-5.5"),
        ("2026-11", "claude-haiku-5-5", "claude-haiku-5.5"),
        ("2026-11", "claude-fable-5-2", "claude-opus-5.5"),
        ("2026-11", "gpt-6.1-sol", "gpt-5.6-sol"),
        ("free", "claude-opus-5-5", "CLAUDE_SONNET_4_5_20250929_V1_0"),
        ("free", "claude-haiku-5-5", "claude-haiku-4.5"),
        ("free", "gpt-6.1-sol", "auto"),
    ],
)
def test_what_the_clients_ask_for_by_default(
    simulator: Simulator, start: Start, plan: str, name: str, reaches: str
) -> None:
    simulator.configure_models(offer=plan)
    gateway = start(WEB_CONCURRENCY="1")
    ready(gateway, {"2026-11": 23, "free": 9}[plan])
    answer = ask(gateway, name, "/v1/responses" if name.startswith("gpt") else "/v1/messages")
    assert answer.status_code == 200, answer.text
    assert sent(simulator) == [reaches]
    is_another = name.replace("[1m]", "").replace("-5-5", "-5.5") != reaches
    assert ("x-kiro-repairs" in answer.headers) == is_another
    if is_another:
        assert f"model%3A{name}" in answer.headers["x-kiro-repairs"]


def test_the_workers_of_a_host_read_the_list_once_and_again_upon_sighup(
    simulator: Simulator, start: Start
) -> None:
    gateway = start(WEB_CONCURRENCY="3")
    ready(gateway, 23)
    assert lists(simulator) == 1
    simulator.configure_models(offer="free")
    gateway.process.send_signal(signal.SIGHUP)
    ready(gateway, 9)
    assert lists(simulator) == 2


def test_it_is_read_again_when_it_is_old(simulator: Simulator, start: Start) -> None:
    gateway = start(KIRO_MODELS_REFRESH="1")
    ready(gateway, 23)
    simulator.configure_models(offer="free")
    ready(gateway, 9)


@pytest.mark.parametrize("trouble", ["empty", "refused"])
def test_a_list_that_cannot_be_read_hides_and_refuses_nothing(
    simulator: Simulator, start: Start, trouble: str
) -> None:
    """docs/upstream.md: An empty list of models says nothing"""
    if trouble == "empty":
        simulator.configure_models(empty=True)
    else:
        simulator.script({"fail": "application_not_supported", "times": None, "match": LIST})
    gateway = start(WEB_CONCURRENCY="1")
    until(lambda: "the list of its models was not read" in gateway.log_text())
    assert "claude-fable-5-1" in listed(gateway)
    assert ask(gateway, "claude-opus-5-5").status_code == 200
    assert sent(simulator) == ["claude-opus-5.5"]


@pytest.mark.parametrize(
    ("setting", "status", "reaches"),
    [("nearest", 200, ["CLAUDE_SONNET_4_5_20250929_V1_0"]), ("refuse", 404, [])],
)
def test_a_list_that_was_not_read_yet_is_read_when_a_model_is_refused(
    simulator: Simulator, start: Start, setting: str, status: int, reaches: list[str]
) -> None:
    """docs/upstream.md: A refused model may be refused for a moment"""
    simulator.configure_models(offer="free")
    gateway = start(WEB_CONCURRENCY="1", KIRO_UNKNOWN_MODEL=setting)
    answer = ask(gateway, "claude-opus-5-5")
    assert answer.status_code == status, answer.text
    assert sent(simulator) == ["claude-opus-5.5", *reaches]
    if status == 200:
        assert "model%3Aclaude-opus-5-5" in answer.headers["x-kiro-repairs"]
    else:
        assert "claude-sonnet-4-5" in answer.json()["error"]["message"]


def test_the_last_good_list_answers_after_a_restart(simulator: Simulator, start: Start) -> None:
    simulator.configure_models(offer="free")
    first = start(WEB_CONCURRENCY="1", AWS_REFRESHTOKEN="r" * 120)
    ready(first, 9)
    first.stop()
    simulator.configure_models(empty=True)
    second = start(WEB_CONCURRENCY="1", AWS_REFRESHTOKEN="r" * 120)
    until(lambda: len(listed(second)) == 9, 5)


def test_a_slow_list_delays_neither_the_start_nor_the_stop(
    simulator: Simulator, start: Start
) -> None:
    simulator.script({"fail": "throttled", "delay_head": 60, "match": LIST})
    gateway = start(WEB_CONCURRENCY="1")
    until(lambda: lists(simulator))
    assert ask(gateway, "claude-opus-5-5").status_code == 200
    begun = time.monotonic()
    gateway.stop()
    assert time.monotonic() - begun < 5


def test_token_counts_are_scaled_by_the_window_of_the_list(
    simulator: Simulator, start: Start
) -> None:
    """docs/upstream.md: The window of a model may differ between accounts"""
    counts = {}
    for month, count in (("2026-07", 18), ("2026-11", 23)):
        simulator.configure_models(offer=month)
        gateway = start(WEB_CONCURRENCY="1", AWS_REFRESHTOKEN=month.ljust(120, "x"))
        ready(gateway, count)
        simulator.script({"text": "Hi", "context_usage": 50})
        counts[month] = ask(gateway, "gpt-5.6-sol").json()["usage"]["input_tokens"]
    assert 130_000 < counts["2026-07"] < 140_000
    assert 490_000 < counts["2026-11"] < 510_000


PATHS = ["/v1/messages", "/v1/chat/completions", "/v1/responses"]


def test_a_name_that_no_model_has_can_be_refused(simulator: Simulator, start: Start) -> None:
    gateway = start(WEB_CONCURRENCY="1", KIRO_UNKNOWN_MODEL="refuse")
    ready(gateway, 23)
    for path in PATHS:
        answer = ask(gateway, "claude-opus-9", path)
        error = answer.json()["error"]
        assert answer.status_code == 404
        assert "claude-opus-5-5, claude-opus-5, claude-opus-4-8" in error["message"]
        if path == "/v1/messages":
            assert error["type"] == "not_found_error"
        else:
            assert (error["code"], error["param"]) == ("model_not_found", "model")
    assert sent(simulator) == []


def test_a_name_that_no_model_has_can_be_passed(simulator: Simulator, start: Start) -> None:
    gateway = start(WEB_CONCURRENCY="1", KIRO_UNKNOWN_MODEL="pass")
    assert ask(gateway, "claude-opus-9").status_code == 404
    assert set(sent(simulator)) == {"claude-opus-9"}


def test_an_account_is_not_asked_for_what_it_lacks(simulator: Simulator, start: Start) -> None:
    """docs/upstream.md: Plans differ in their models"""
    free, paid = "f" * 120, "p" * 120
    simulator.configure_models(accounts={free: "free", paid: "2026-11"})
    gateway = start(WEB_CONCURRENCY="1", AWS_REFRESHTOKEN=f"{free},{paid}")
    ready(gateway, 23)
    lines = []
    for model in ("claude-opus-5-5", "claude-sonnet-4-5", "claude-opus-5-5"):
        answer = ask(gateway, model)
        assert answer.status_code == 200
        lines.append(gateway.wait_for_line(answer.headers["request-id"]))
    assert lines[0]["account"] == lines[2]["account"] != lines[1]["account"]
    assert {line["attempts"] for line in lines} == {1}
    simulator.script({"fail": "monthly_quota"})
    refused = ask(gateway, "claude-opus-5-5")
    assert refused.status_code != 200
    assert sent(simulator)[-1] == "claude-opus-5.5"
    assert len(sent(simulator)) == 4
