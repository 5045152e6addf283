"""Several client keys, through gunicorn: what each may do, and how they change while it runs."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from app.simulator import Simulator
from tests.credentials.conftest import require
from tests.credentials.redis_server import RedisServer
from tests.live.servers import KEY, ROOT, Gateway

USER = [{"role": "user", "content": "Hello"}]
MODEL = "claude-sonnet-4-6"
ASKS: dict[str, dict[str, Any]] = {
    "/v1/messages": {"model": MODEL, "max_tokens": 9, "messages": USER},
    "/v1/chat/completions": {"model": MODEL, "messages": USER},
    "/v1/responses": {"model": MODEL, "input": "Hello"},
}
PATHS = pytest.mark.parametrize("path", ASKS)


class Service:
    """A gateway of one worker, and the command that changes its keys."""

    def __init__(self, gateway: Gateway, path: Path) -> None:
        self.gateway = gateway
        self._path = path

    def keys(self, *arguments: str) -> str:
        """What ``kiro2api keys ...`` prints."""
        command = [sys.executable, "-m", "app", "keys", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self.gateway.settings, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def ask(self, key: str, path: str = "/v1/messages", **members: Any) -> requests.Response:
        return requests.post(
            self.gateway.url + path,
            json=ASKS[path] | members,
            headers={"x-api-key": key},
            timeout=20,
        )


@pytest.fixture(scope="module")
def service(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    work = tmp_path_factory.mktemp("keys")
    path = work / "client-keys.json"
    path.write_text('{"keys": []}')
    gateway = Gateway(simulator.url, work, WEB_CONCURRENCY="1", KIRO_CLIENT_KEYS_FILE=str(path))
    yield Service(gateway, path)
    gateway.stop()


@pytest.fixture(autouse=True)
def plain_answers(simulator: Simulator) -> None:
    simulator.reset()


def test_a_key_from_its_first_day_to_its_last(service: Service) -> None:
    secret = service.keys("add", "carol")
    answer = service.ask(secret)
    assert answer.status_code == 200
    assert service.ask(KEY).status_code == 200
    line = service.gateway.wait_for_line(answer.headers["request-id"])
    assert line["key"] == "carol"
    service.keys("revoke", "carol")
    refused = service.ask(secret)
    assert refused.status_code == 401
    assert refused.json()["error"]["type"] == "authentication_error"
    assert secret not in service.gateway.log_text()


@PATHS
def test_a_model_that_the_key_may_not_use(service: Service, path: str) -> None:
    name = f"models{len(path)}"
    secret = service.keys("add", name, "--model", "claude-haiku-4.5")
    refused = service.ask(secret, path)
    assert refused.status_code == 403
    error = refused.json()["error"]
    assert MODEL in error["message"]
    assert "claude-haiku-4.5" in error["message"]
    told = error["type"] if path == "/v1/messages" else error["code"]
    assert told == {"/v1/messages": "permission_error"}.get(path, "permission_denied")
    assert service.ask(secret, path, model="claude-haiku-4-5").status_code == 200
    listed = requests.get(
        service.gateway.url + "/v1/models", headers={"x-api-key": secret}, timeout=20
    )
    assert [model["id"] for model in listed.json()["data"]] == ["claude-haiku-4-5-20251001"]


@PATHS
def test_requests_per_minute(service: Service, path: str) -> None:
    name = f"rate{len(path)}"
    secret = service.keys("add", name, "--requests-per-minute", "2")
    for remaining in (1, 0):
        answer = service.ask(secret, path)
        assert answer.status_code == 200
        assert rates(path, answer)[:2] == (2, remaining)
    refused = service.ask(secret, path)
    assert refused.status_code == 429
    assert 50 < int(refused.headers["retry-after"]) <= 60
    limit, remaining, reset = rates(path, refused)
    assert (limit, remaining) == (2, 0)
    assert 50 < reset <= 61
    error = refused.json()["error"]
    assert "2 requests per minute" in error["message"]
    assert error["type"] == {"/v1/messages": "rate_limit_error"}.get(path, "rate_limit_exceeded")
    line = service.gateway.wait_for_line(refused.headers["x-request-id"])
    assert (line["key"], line["error"], line["status"]) == (name, "key_limited", 429)


def rates(path: str, answer: requests.Response) -> tuple[int, int, float]:
    """The limit, what remains and the seconds until more, in the words of the path's dialect."""
    if path == "/v1/messages":
        words = "anthropic-ratelimit-requests-"
        limit, remaining, reset = (
            answer.headers[words + name] for name in ("limit", "remaining", "reset")
        )
        return int(limit), int(remaining), datetime.fromisoformat(reset).timestamp() - time.time()
    limit, remaining, reset = (
        answer.headers[f"x-ratelimit-{name}-requests"] for name in ("limit", "remaining", "reset")
    )
    minutes, _, seconds = reset.rpartition("m")
    return int(limit), int(remaining), 60 * int(minutes or 0) + int(seconds.rstrip("s"))


@PATHS
def test_answers_at_once(service: Service, simulator: Simulator, path: str) -> None:
    secret = service.keys("add", f"streams{len(path)}", "--concurrent-streams", "1")
    simulator.script({"text": ["a", "b"], "stall": {"after": 2, "seconds": 20}})
    with requests.post(
        service.gateway.url + path,
        json=ASKS[path] | {"stream": True},
        headers={"x-api-key": secret},
        stream=True,
        timeout=20,
    ) as answer:
        assert answer.status_code == 200
        pieces = answer.iter_content(None)  # closes the connection when it is dropped
        assert next(pieces)
        refused = service.ask(secret, path)
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "1"
        assert "its limit of answers in progress: 1." in refused.json()["error"]["message"]
        assert service.ask(KEY, path).status_code == 200
    end = time.monotonic() + 5
    while service.ask(secret, path).status_code != 200:
        assert time.monotonic() < end, "the place was not given back"


def test_the_default_key_is_none_beside_a_file_of_keys(
    simulator: Simulator, tmp_path: Path
) -> None:
    path = tmp_path / "client-keys.json"
    path.write_text(json.dumps({"keys": []}))
    gateway = Gateway(
        simulator.url, tmp_path, KIRO_CLIENT_TOKEN="", KIRO_CLIENT_KEYS_FILE=str(path)
    )
    try:
        assert Service(gateway, path).ask("123456").status_code == 401
        assert "default key" not in gateway.log_text()
    finally:
        gateway.stop()


def test_with_redis_all_workers_count_together(simulator: Simulator, tmp_path: Path) -> None:
    require(RedisServer.is_installed(), "redis-server")
    server = RedisServer(tmp_path)
    path = tmp_path / "client-keys.json"
    path.write_text(json.dumps({"keys": []}))
    gateway = Gateway(
        simulator.url,
        tmp_path,
        WEB_CONCURRENCY="2",
        KIRO_CLIENT_KEYS_FILE=str(path),
        KIRO_TOKEN_STORE=server.url,
    )
    try:
        service = Service(gateway, path)
        secret = service.keys("add", "dora", "--requests-per-minute", "5")
        with ThreadPoolExecutor(4) as pool:
            answers = [*pool.map(lambda _: service.ask(secret), range(12))]
        assert sorted(answer.status_code for answer in answers) == [200] * 5 + [429] * 7
        limits = {answer.headers["anthropic-ratelimit-requests-limit"] for answer in answers}
        assert limits == {"5"}
    finally:
        gateway.stop()
        server.stop()


def test_codex_is_told_in_the_stream_that_the_minute_is_used_up(service: Service) -> None:
    """Older versions wait after that alone; the second refusal is one before the body is read."""
    secret = service.keys("add", "codex", "--requests-per-minute", "1")
    codex = {"x-api-key": secret, "originator": "codex_exec", "accept": "text/event-stream"}

    def ask(**headers: str) -> requests.Response:
        body = ASKS["/v1/responses"] | {"stream": True}
        url = f"{service.gateway.url}/v1/responses"
        return requests.post(url, json=body, headers=codex | headers, timeout=20)

    assert "response.completed" in ask().text
    for _ in range(2):
        answer = ask()
        assert answer.status_code == 200
        *_, error, failed = (
            json.loads(line[6:]) for line in answer.text.split("\n") if line.startswith("data: ")
        )
        assert (error["type"], failed["type"]) == ("error", "response.failed")
        assert failed["response"]["error"]["code"] == "rate_limit_exceeded"
        assert "Please try again in" in failed["response"]["error"]["message"]
        assert service.gateway.wait_for_line(answer.headers["request-id"])["error"] == "key_limited"
    for headers in ({"originator": "other"}, {"accept": "application/json"}):
        assert ask(**headers).status_code == 429
