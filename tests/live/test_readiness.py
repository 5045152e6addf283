"""``/health/ready`` through the real server: what one worker learns, all of them say."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from app.simulator import Simulator
from tests.live import processes
from tests.live.servers import KEY, Gateway

BODY = {
    "model": "claude-sonnet-4-6",
    "max_tokens": 99,
    "messages": [{"role": "user", "content": "Hello"}],
}


@pytest.fixture
def own_gateway(upstream: Simulator, tmp_path: Path) -> Iterator[Gateway]:
    """With accounts of its own, which the test spoils."""
    running = Gateway(upstream.url, tmp_path, WEB_CONCURRENCY="3")
    yield running
    running.stop()


def ready(gateway: Gateway, **headers: str) -> requests.Response:
    """Asked on a connection of its own, which any worker may take."""
    return requests.get(gateway.url + "/health/ready", headers=headers, timeout=10)


def test_all_workers_know_that_no_login_is_left(own_gateway: Gateway, upstream: Simulator) -> None:
    first = ready(own_gateway)
    assert (first.status_code, first.json()) == (200, {"status": "ready"})
    upstream.script({"fail": "suspended"})
    answer = requests.post(
        own_gateway.url + "/v1/messages", json=BODY, headers={"x-api-key": KEY}, timeout=20
    )
    assert answer.status_code == 403
    end = time.monotonic() + 20
    while {ready(own_gateway).status_code for _ in range(30)} != {503}:
        assert time.monotonic() < end, "a worker still calls itself ready"
    time.sleep(1.5)  # one that was not among the thirty looks at the accounts once a second
    told = ready(own_gateway)
    assert told.json() == {"status": "not ready", "reason": "suspended"}
    alive = requests.get(own_gateway.url + "/health", timeout=10)
    assert (alive.status_code, alive.text) == (200, "OK")
    details = ready(own_gateway, **{"x-api-key": KEY}).json()
    [account] = details["accounts"]
    assert (account["state"], account["source"]) == ("suspended", "AWS_REFRESHTOKEN")
    assert "accounts" not in ready(own_gateway, **{"x-api-key": "wrong"}).json()


def test_a_stuck_worker_is_told_of_by_the_others(own_gateway: Gateway) -> None:
    """And is forgotten when it is gone."""

    def is_told(stuck: int, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while (told := ready(own_gateway)).json().get("stuck_workers", 0) != stuck:
            if time.monotonic() > end:
                return False
            time.sleep(0.2)
        return (told.status_code, told.json()["status"]) == (200, "ready")

    worker = processes.children(own_gateway.process.pid)[0]
    for _ in range(5):  # it may not have begun to serve yet
        os.kill(worker, signal.SIGSTOP)  # as if its loop were blocked
        if told := is_told(1, seconds=12):
            break
        os.kill(worker, signal.SIGCONT)
        time.sleep(1)
    assert told
    os.kill(worker, signal.SIGKILL)  # as the master does after 30 s
    assert is_told(0, seconds=60)


def test_the_version_needs_no_key(gateway: Gateway) -> None:
    answer = requests.get(gateway.url + "/health/version", timeout=10)
    assert (answer.status_code, answer.json()["name"]) == (200, "kiro2api")
