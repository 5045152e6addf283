"""Budgets of keys and their rotation, through gunicorn with two workers."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from app.simulator import Simulator
from tests.credentials.conftest import require
from tests.credentials.redis_server import RedisServer
from tests.live.servers import Gateway
from tests.live.test_keys import ASKS, PATHS, Service

ANSWER = {"text": ["Hello"], "credits": 0.4}


@pytest.fixture(scope="module", params=["file", "redis"])
def service(
    request: pytest.FixtureRequest, simulator: Simulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    work = tmp_path_factory.mktemp(f"budgets-{request.param}")
    store: dict[str, str] = {}
    if request.param == "redis":
        require(RedisServer.is_installed(), "redis-server")
        server = RedisServer(work)
        store = {"KIRO_TOKEN_STORE": server.url}
    path = work / "client-keys.json"
    path.write_text('{"keys": []}')
    gateway = Gateway(simulator.url, work, KIRO_CLIENT_KEYS_FILE=str(path), **store)
    yield Service(gateway, path)
    gateway.stop()
    if store:
        server.stop()


@pytest.fixture(autouse=True)
def priced_answers(simulator: Simulator) -> None:
    simulator.reset()
    simulator.script(*[ANSWER] * 40)


@PATHS
def test_a_budget_of_credits(service: Service, path: str) -> None:
    """Whichever worker serves it, a request knows what all before it have cost."""
    name = f"credits{len(path)}"
    secret = service.keys("add", name, "--credits-per-day", "1")
    left = []
    for streamed in (True, False, True):
        answer = service.ask(secret, path, stream=streamed)
        assert answer.status_code == 200
        left.append(answer.headers["x-kiro-budget-day-remaining"])
    assert left == ["1", "0.6", "0.2"]
    assert answer.headers["x-kiro-budget-day-limit"] == "1"
    assert answer.headers["x-kiro-budget-warning"] == "day"
    for _ in range(4):
        refused = service.ask(secret, path)
        assert refused.status_code == 429
    assert refused.headers["x-kiro-budget-day-remaining"] == "0"
    assert refused.headers["x-should-retry"] == "false"
    reset = datetime.fromisoformat(refused.headers["x-kiro-budget-day-reset"])
    assert (reset.hour, reset.minute) == (0, 0)
    left_now = (reset - datetime.now(UTC)).total_seconds()
    assert abs(int(refused.headers["retry-after"]) - left_now) < 60
    error = refused.json()["error"]
    assert "budget of 1 credits a day: 1.2 are spent. It begins anew at" in error["message"]
    assert error["type"] == {"/v1/messages": "rate_limit_error"}.get(path, "insufficient_quota")
    line = service.gateway.wait_for_line(refused.headers["x-request-id"])
    assert (line["key"], line["error"], line["status"]) == (name, "budget", 429)
    warnings = [row for row in service.gateway.all_lines() if f"key {name} has" in row["message"]]
    assert [row["level"] for row in warnings] == ["warning"]


def test_tokens_a_minute(service: Service) -> None:
    secret = service.keys("add", "tokens", "--tokens-per-minute", "10")
    answer = service.ask(secret)
    assert answer.status_code == 200
    assert answer.headers["x-kiro-budget-minute-remaining"] == "10"
    refused = service.ask(secret)
    assert refused.status_code == 429
    assert "10 tokens a minute" in refused.json()["error"]["message"]
    assert 0 < int(refused.headers["retry-after"]) <= 60


def test_a_key_overshoots_by_what_is_in_flight_and_no_more(service: Service) -> None:
    secret = service.keys("add", "crowd", "--credits-per-month", "2")
    with ThreadPoolExecutor(4) as pool:
        answers = [*pool.map(lambda _: service.ask(secret), range(24))]
    served = sum(answer.status_code == 200 for answer in answers)
    assert 5 <= served <= 5 + 3


def test_a_budget_is_changed_while_it_runs(service: Service) -> None:
    secret = service.keys("add", "grown")
    assert service.ask(secret).status_code == 200
    service.keys("set", "grown", "--credits-per-week", "0.3")
    end = time.monotonic() + 10
    while service.ask(secret).status_code == 200:  # what it spent before the budget counts too
        assert time.monotonic() < end
    service.keys("set", "grown", "--credits-per-week", "100")
    assert service.ask(secret).status_code == 200
    service.keys("set", "grown", "--credits-per-week", "none")
    answer = service.ask(secret)
    assert not [name for name in answer.headers if name.startswith("x-kiro-budget")]


def test_a_rotated_key_leaves_no_gap(service: Service) -> None:
    """docs/operations.md: Clients' keys"""
    former = service.keys("add", "turned", "--credits-per-day", "1")
    assert service.ask(former).status_code == 200
    new = service.keys("rotate", "turned", "--grace", "1h")
    for key in (new, former):
        answer = service.ask(key)
        assert answer.status_code == 200
    assert answer.headers["x-kiro-budget-day-remaining"] == "0.2"
    last = service.keys("rotate", "turned", "--grace", "0s")
    service.keys("set", "turned", "--credits-per-day", "none")
    assert [service.ask(key).status_code for key in (last, new, former)] == [200, 401, 200]


def test_what_was_spent_outlives_a_restart(simulator: Simulator, tmp_path: Path) -> None:
    path = tmp_path / "client-keys.json"
    path.write_text('{"keys": []}')
    answers: list[requests.Response] = []
    for _ in range(2):
        gateway = Gateway(simulator.url, tmp_path, KIRO_CLIENT_KEYS_FILE=str(path))
        service = Service(gateway, path)
        secret = service.keys(*(["rotate", "dave"] if answers else ["add", "dave"]))
        service.keys("set", "dave", "--credits-per-month", "5")
        answers.append(service.ask(secret))
        gateway.stop()
    left = [answer.headers["x-kiro-budget-month-remaining"] for answer in answers]
    assert left == ["5", "4.6"]


def test_a_client_that_leaves_before_the_price_is_charged_the_average(
    service: Service, simulator: Simulator
) -> None:
    secret = service.keys("add", "hasty", "--credits-per-day", "100")
    charged = 0.0
    for _ in range(10):  # a worker that has not learnt a price charges nothing
        before = left(service, secret, simulator)
        simulator.script({"text": ["a", "b"], "stall": {"after": 2, "seconds": 20}})
        with requests.post(
            service.gateway.url + "/v1/messages",
            json=ASKS["/v1/messages"] | {"stream": True},
            headers={"x-api-key": secret},
            stream=True,
            timeout=20,
        ) as answer:
            assert next(answer.iter_content(None))
        service.gateway.wait_for_line(answer.headers["request-id"])
        charged = before - left(service, secret, simulator) - 0.4  # of the first look
        if charged > 0.001:
            break
    assert 0.001 < charged < 1


def test_a_request_that_failed_is_charged_nothing(service: Service, simulator: Simulator) -> None:
    secret = service.keys("add", "unlucky", "--tokens-per-minute", "100000")
    simulator.reset()
    simulator.script({"fail": "too_long"})
    assert service.ask(secret).status_code == 400
    answer = service.ask(secret)
    assert answer.headers["x-kiro-budget-minute-remaining"] == "100000"


def left(service: Service, secret: str, simulator: Simulator) -> float:
    """What is left of the day's budget, by an answer that costs 0.4."""
    simulator.reset()
    simulator.script(ANSWER)
    answer = service.ask(secret)
    return float(answer.headers["x-kiro-budget-day-remaining"])
