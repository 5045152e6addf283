"""``/metrics`` through the real server: right across workers, reloads and killed workers."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from app.simulator import Simulator
from tests.live.processes import children
from tests.live.servers import KEY, Gateway, free_port

AUTH = {"x-api-key": KEY}
BODY = {
    "model": "claude-sonnet-4-6",
    "max_tokens": 99,
    "messages": [{"role": "user", "content": "Hello"}],
}


@pytest.fixture(scope="module")
def own(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    work = tmp_path_factory.mktemp("metrics")
    (work / "keys.json").write_text('{"keys": []}')
    running = Gateway(
        simulator.url,
        work,
        KIRO_METRICS_BIND=f"127.0.0.1:{free_port()}",
        KIRO_CLIENT_KEYS_FILE=str(work / "keys.json"),
    )
    yield running
    running.stop()
    assert [*(work / "tokens").glob("metrics-*")] == [], "the figures outlived the server"


def figures(gateway: Gateway) -> dict[str, float]:
    """The sums of all samples of each name."""
    answer = requests.get(gateway.url + "/metrics", headers=AUTH, timeout=10)
    assert answer.status_code == 200
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(answer.text):
        for one in family.samples:
            found[one.name] = found.get(one.name, 0) + one.value
    return found


def answers(gateway: Gateway) -> float:
    return figures(gateway).get("gen_ai_server_request_duration_seconds_count", 0)


def ask(gateway: Gateway, times: int) -> None:
    """Each on a connection of its own, which any worker may take."""
    for _ in range(times):
        answer = requests.post(gateway.url + "/v1/messages", json=BODY, headers=AUTH, timeout=20)
        assert answer.status_code == 200


def until(right: Callable[[], bool], why: str) -> None:
    end = time.monotonic() + 30
    while not right():
        assert time.monotonic() < end, why
        time.sleep(0.1)


def test_the_counts_are_exact_across_kills_and_reloads(own: Gateway, upstream: Simulator) -> None:
    before = answers(own)
    ask(own, 12)
    until(lambda: answers(own) == before + 12, "a request was lost or counted twice")
    os.kill(children(own.process.pid)[0], signal.SIGKILL)
    until(lambda: figures(own).get("kiro2api_worker_starts_total") == 3, "no worker came")
    assert answers(own) == before + 12, "the count of a killed worker was lost"
    ask(own, 6)
    until(lambda: answers(own) == before + 18, "a request was lost or counted twice")
    own.process.send_signal(signal.SIGHUP)
    until(lambda: figures(own).get("kiro2api_worker_starts_total") == 5, "no workers came")
    until(lambda: figures(own)["kiro2api_workers"] == 2, "a worker that ended is counted")
    ask(own, 6)
    until(lambda: answers(own) == before + 24, "a request was lost or counted twice")
    [place] = Path(own.settings["KIRO_TOKEN_CACHE"]).glob("metrics-*")
    assert len([*place.glob("counter_*")]) <= 4, "files are as many as workers at once"


def test_what_happens_now_is_told(own: Gateway, upstream: Simulator) -> None:
    def in_progress() -> float:
        return figures(own)["kiro2api_answers_in_progress"]

    upstream.script({"text": ["first", "second"], "stall": {"after": 2, "seconds": 60}})
    with requests.post(
        own.url + "/v1/messages",
        json=BODY | {"stream": True},
        headers=AUTH,
        stream=True,
        timeout=20,
    ) as answer:
        pieces: Any = answer.iter_content(1)
        next(pieces)
        until(lambda: in_progress() == 1, "it is not in progress")
        pieces.close()
    until(lambda: in_progress() == 0, "it is over")
    assert figures(own)["kiro2api_ready"] == 1
    assert figures(own)["kiro2api_accounts"] == 1


def test_only_the_owner_may_read_them(own: Gateway, upstream: Simulator) -> None:
    key = "sk-kiro-test-of-another"
    from app.keys.key_file import digest

    Path(own.settings["KIRO_CLIENT_KEYS_FILE"]).write_text(
        f'{{"keys": [{{"name": "alice", "sha256": "{digest(key)}"}}]}}'
    )

    def status(**headers: str) -> int:
        return requests.get(own.url + "/metrics", headers=headers, timeout=10).status_code

    assert status() == 401
    until(lambda: status(**{"x-api-key": key}) == 403, "another key may not read them")
    assert status(Authorization=f"Bearer {KEY}") == 200


def test_the_side_door_serves_no_more(own: Gateway, upstream: Simulator) -> None:
    door = f"http://{own.settings['KIRO_METRICS_BIND']}"
    for path in ("/metrics", "/health", "/health/ready", "/health/version"):
        assert requests.get(door + path, timeout=10).status_code == 200
    for path in ("/v1/models", "/v1/messages", "/", "/openapi.json", "/metrics/x"):
        answer = requests.get(door + path, headers=AUTH, timeout=10)
        assert answer.status_code == 404
        assert "KIRO_METRICS_BIND" in answer.text
    posted = requests.post(door + "/v1/messages", json=BODY, headers=AUTH, timeout=10)
    assert posted.status_code == 404


def test_the_clients_host_header_opens_no_side_door(own: Gateway, upstream: Simulator) -> None:
    port = own.settings["KIRO_METRICS_BIND"].rpartition(":")[2]
    answer = requests.get(own.url + "/metrics", headers={"Host": f"127.0.0.1:{port}"}, timeout=10)
    assert answer.status_code == 401
