"""Many workers in real processes: gunicorn as shipped, in front of the simulator."""

import json
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from app.simulator import Simulator
from tests.credentials.conftest import require
from tests.credentials.redis_server import RedisServer
from tests.credentials.service import AuthService, refresh_token
from tests.live.servers import KEY, Gateway

BODY = {
    "model": "claude-sonnet-4-6",
    "max_tokens": 99,
    "messages": [{"role": "user", "content": "Hello"}],
}
REQUESTS = 200


@pytest.fixture
def upstream() -> Iterator[Simulator]:
    with Simulator(log_limit=2000) as running:
        yield running


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    require(RedisServer.is_installed(), "redis-server")
    server = RedisServer(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    """Starts gateways and stops them at the end."""
    running: list[Gateway] = []

    def make(upstream: Simulator, host: str = "host", **settings: str) -> Gateway:
        work = tmp_path / host
        work.mkdir(exist_ok=True)
        running.append(Gateway(upstream.url, work, **settings))
        return running[-1]

    yield make
    for gateway in running:
        gateway.stop()


def ask(gateway: Gateway) -> int:
    answer = requests.post(
        f"{gateway.url}/v1/messages", json=BODY, headers={"x-api-key": KEY}, timeout=60
    )
    return answer.status_code


def ask_often(*gateways: Gateway) -> Counter[int]:
    """Send all requests at once, spread over the gateways; the number of responses by status."""
    with ThreadPoolExecutor(REQUESTS) as pool:
        return Counter(pool.map(ask, (gateways * REQUESTS)[:REQUESTS]))


def test_eight_workers_share_one_refresh(
    upstream: Simulator, start: Callable[..., Gateway], tmp_path: Path
) -> None:
    path = tmp_path / "token.json"
    login = {"refreshToken": refresh_token(0), "accessToken": "at", "expiresAt": "2020-01-01"}
    path.write_text(json.dumps(login))
    gateway = start(upstream, WEB_CONCURRENCY="8", AWS_REFRESHTOKEN="", KIRO_TOKEN_FILE=str(path))
    assert ask_often(gateway) == {200: REQUESTS}
    assert upstream.stats["refreshes"] == 1
    upstream.configure_tokens(expire="all")  # the gateway does not know and gets a refusal
    assert ask_often(gateway) == {200: REQUESTS}
    assert upstream.stats["refreshes"] == 2
    kept = json.loads(path.read_text())
    gateway.stop()
    assert kept["refreshToken"] not in gateway.log_text()
    assert kept["accessToken"] not in gateway.log_text()


def test_two_hosts_on_one_redis_share_one_refresh(
    upstream: Simulator, redis: RedisServer, start: Callable[..., Gateway]
) -> None:
    hosts = [
        start(
            upstream,
            host,
            WEB_CONCURRENCY="4",
            AWS_REFRESHTOKEN=refresh_token(0),
            KIRO_TOKEN_STORE=redis.url,
        )
        for host in ("one", "two")
    ]
    assert ask_often(*hosts) == {200: REQUESTS}
    assert upstream.stats["refreshes"] == 1
    upstream.configure_tokens(expire="all")
    assert ask_often(*hosts) == {200: REQUESTS}
    assert upstream.stats["refreshes"] == 2


def test_after_a_failover_to_old_data_all_hosts_find_the_newest_token(
    upstream: Simulator, redis: RedisServer, start: Callable[..., Gateway]
) -> None:
    hosts = [
        start(
            upstream,
            host,
            WEB_CONCURRENCY="2",
            AWS_REFRESHTOKEN=refresh_token(0),
            KIRO_TOKEN_STORE=redis.url,
        )
        for host in ("one", "two")
    ]
    assert ask_often(*hosts) == {200: REQUESTS}
    before = redis.contents()
    upstream.configure_tokens(expire="all")
    assert [ask(hosts[0]) for _ in range(8)] == [200] * 8
    redis.go_back_to(before)
    wait_until(lambda: [ask(hosts[1]) for _ in range(4)] == [200] * 4)
    upstream.configure_tokens(expire="all")  # within a minute
    assert ask_often(*hosts) == {200: REQUESTS}
    assert upstream.stats["refreshes"] == 3


def test_a_token_file_survives_an_outage_of_redis_across_a_refresh(
    upstream: Simulator, redis: RedisServer, start: Callable[..., Gateway], tmp_path: Path
) -> None:
    path = tmp_path / "token.json"
    path.write_text(json.dumps({"refreshToken": refresh_token(0)}))
    gateway = start(
        upstream, AWS_REFRESHTOKEN="", KIRO_TOKEN_FILE=str(path), KIRO_TOKEN_STORE=redis.url
    )
    assert [ask(gateway) for _ in range(8)] == [200] * 8
    redis.stop()
    upstream.configure_tokens(expire="all")
    assert [ask(gateway) for _ in range(8)] == [200] * 8
    new = json.loads(path.read_text())["refreshToken"]
    redis.start()
    end = time.monotonic() + 8  # the workers notice within five seconds
    while time.monotonic() < end:
        assert ask(gateway) == 200
        assert json.loads(path.read_text())["refreshToken"] == new
        time.sleep(0.1)
    upstream.configure_tokens(expire="all")  # a token that is revoked just after the outage
    assert [ask(gateway) for _ in range(8)] == [200] * 8
    assert upstream.stats["refreshes"] == 3


def log_of(gateway: Gateway, word: str) -> list[str]:
    return [line for line in gateway.log_text().splitlines() if word in line]


def test_what_is_used_is_logged_once_and_again_when_it_changes(
    upstream: Simulator, start: Callable[..., Gateway], tmp_path: Path
) -> None:
    """docs/operations.md: Logins"""
    secret = tmp_path / "secret"
    secret.write_text(json.dumps([{"apiKey": "ksk_1"}, {"auth": "api_key"}]))
    gateway = start(upstream, AWS_REFRESHTOKEN="", KIRO_AUTH_TOKEN_FILE=str(secret))
    assert ask(gateway) == 200
    assert len(log_of(gateway, "using KIRO_AUTH_TOKEN: 1 login")) == 1
    assert len(log_of(gateway, "entry 2: apiKey is missing")) == 1
    health = requests.get(
        f"{gateway.url}/health", headers={"Accept": "application/json"}, timeout=10
    ).json()
    assert health["status"] == "degraded"
    assert str(tmp_path) not in json.dumps(health)

    secret.write_text("[")
    gateway.process.send_signal(signal.SIGHUP)
    wait_until(lambda: log_of(gateway, "is not complete JSON"))
    wait_until(lambda: ask(gateway) == 503)  # the new workers have no login, but run
    secret.write_text(json.dumps({"apiKey": "ksk_2"}))
    wait_until(lambda: ask(gateway) == 200)


def write_aging_token(path: Path) -> None:
    """Write a token with four minutes left, which the first request refreshes in the background."""
    login = {"refreshToken": refresh_token(0), "accessToken": "at", "expiresAt": time.time() + 240}
    path.write_text(json.dumps(login))


def wait_until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def slow(
    service: AuthService, start: Callable[..., Gateway], tmp_path: Path
) -> Iterator[tuple[Gateway, Path]]:
    """A gateway whose refreshes wait until the test releases them, and its token file."""
    path = tmp_path / "token.json"
    with Simulator(accept_any_token=True) as upstream:
        write_aging_token(path)
        yield (
            start(
                upstream,
                WEB_CONCURRENCY="1",
                AWS_REFRESHTOKEN="",
                KIRO_TOKEN_FILE=str(path),
                KIRO_AUTH_URL=service.url,
            ),
            path,
        )


@pytest.fixture
def fresh(service: AuthService, start: Callable[..., Gateway]) -> Iterator[Callable[[], Gateway]]:
    """Starts a gateway with two workers, whose first request refreshes."""
    with Simulator(accept_any_token=True) as upstream:
        login = {"AWS_REFRESHTOKEN": refresh_token(0), "KIRO_AUTH_URL": service.url}
        yield lambda: start(upstream, **login)


def test_a_401_of_a_proxy_does_not_end_the_login(
    fresh: Callable[[], Gateway], service: AuthService
) -> None:
    service.fail = [(401, "<html>Log in to the proxy</html>", {})]
    gateway = fresh()
    assert ask(gateway) != 200
    wait_until(lambda: ask(gateway) == 200)


def test_a_login_that_is_over_is_tried_once_more_at_a_sighup(
    fresh: Callable[[], Gateway], service: AuthService
) -> None:
    service.fail = [(400, {"error": "invalid_grant"}, {})]
    gateway = fresh()
    assert [ask(gateway) for _ in range(6)] == [403] * 6
    assert len(service.calls) == 1
    gateway.process.send_signal(signal.SIGHUP)
    wait_until(lambda: ask(gateway) == 200)
    assert len(service.calls) == 2


def test_a_stop_waits_for_the_refresh_under_way(
    slow: tuple[Gateway, Path], service: AuthService
) -> None:
    gateway, path = slow
    service.hold.clear()
    assert ask(gateway) == 200  # with the old token
    assert service.arrived.wait(10)
    gateway.process.send_signal(signal.SIGTERM)
    wait_until(lambda: "Handling signal: term" in gateway.log_text())
    threading.Timer(3, service.hold.set).start()  # gunicorn checks once a second
    assert gateway.process.wait(20) == 0
    assert json.loads(path.read_text())["refreshToken"] == refresh_token(1)


def test_a_client_that_leaves_does_not_take_the_refresh_with_it(
    slow: tuple[Gateway, Path], service: AuthService
) -> None:
    gateway, path = slow
    path.write_text(json.dumps({"refreshToken": refresh_token(0)}))
    service.hold.clear()
    with pytest.raises(requests.ReadTimeout):
        requests.post(
            f"{gateway.url}/v1/messages", json=BODY, headers={"x-api-key": KEY}, timeout=1.5
        )
    assert service.arrived.is_set()
    service.hold.set()
    wait_until(lambda: json.loads(path.read_text())["refreshToken"] == refresh_token(1))
    assert ask(gateway) == 200
    assert len(service.calls) == 1
