"""A replica with old data takes the place of Redis; each step of what follows, one at a time.

Two hosts, A and B, have two workers each. Both of A's workers hold token 2 when Redis goes back to
token 1, which the service has replaced; B's workers still hold token 1.
"""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis

from app.common.errors import GatewayError, Kind
from app.credentials.accounts.managed import ManagedAccount
from app.credentials.model import fingerprint
from app.credentials.pool import Credentials
from app.credentials.store.redis import RedisStore
from app.credentials.store.redis_backend import RedisBackend
from tests.credentials.conftest import Build, Clock, env_tokens, file_store, token_file
from tests.credentials.redis_server import RedisServer
from tests.credentials.service import AuthService, access_token, refresh_token
from tests.credentials.store.conftest import Time, let_sync

REFUSED = GatewayError(Kind.REFUSED_TOKEN, "refused")
ROOT = fingerprint(refresh_token(0))


class Cluster:
    """The hosts and their Redis."""

    def __init__(
        self, start: Callable[[str], Credentials], server: RedisServer, now: Time, clock: Clock
    ) -> None:
        self.start = start
        self.client: Any = redis.Redis(port=server.port)
        self.now, self.clock = now, clock
        self.a = [start("a"), start("a")]
        self.b = [start("b"), start("b")]
        for worker in [*self.a, *self.b]:
            worker.accepted(worker.token())
        for worker in [*self.a, *self.b]:
            let_sync(worker, now)
        before = server.contents()
        self.refresh()
        server.go_back_to(before)

    def refresh(self) -> None:
        """Both workers of A get token 2, which the upstream accepts."""
        for worker in self.a:
            fresh = worker.refused(worker.token(), REFUSED)
            assert fresh
            assert fresh.access_token == access_token(2)
            worker.accepted(fresh)

    def in_redis(self) -> bytes:
        name = self.client.hget(f"kiro2api:login:{ROOT}", "name")
        assert isinstance(name, bytes)
        return name

    def pass_time(self, seconds: float) -> None:
        self.now.now += seconds
        self.clock.now += seconds


SPENT, FRESH = (fingerprint(refresh_token(number)).encode() for number in (1, 2))


@pytest.fixture
def start(build: Build, server: RedisServer, tmp_path: Path, now: Time) -> Callable[..., Any]:
    def worker(host: str, *sources: object) -> Credentials:
        (tmp_path / host).mkdir(exist_ok=True)
        backend = RedisBackend(server.url, None, now=now)
        store = RedisStore(backend, file_store(tmp_path / host), lease_timeout=10, now=now)
        return build(*(sources or [env_tokens()]), store=store)

    return worker


@pytest.fixture
def cluster(start: Callable[..., Any], server: RedisServer, now: Time, clock: Clock) -> Cluster:
    return Cluster(start, server, now, clock)


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def the_account(worker: Credentials) -> ManagedAccount:
    (account,) = worker._accounts.values()
    return account


def is_over(worker: Credentials) -> bool:
    """Whether a request of this worker, whose token the upstream refuses, gets that answer."""
    try:
        worker.refused(worker.token(), REFUSED)
    except GatewayError as error:
        return error.kind is Kind.LOGIN_OVER
    return False


def test_a_host_that_needs_no_token_fills_redis_again(cluster: Cluster) -> None:
    assert cluster.in_redis() == SPENT
    assert cluster.a[1].token().access_token == access_token(2)
    let_sync(cluster.a[1], cluster.now)
    assert cluster.in_redis() == FRESH


def test_a_host_without_requests_fills_redis_again(cluster: Cluster) -> None:
    cluster.pass_time(10)
    wait_until(lambda: cluster.in_redis() == FRESH)


def test_a_worker_whose_login_is_over_looks_before_it_says_so(
    cluster: Cluster, service: AuthService
) -> None:
    service.calls.clear()
    assert is_over(cluster.b[0])
    assert is_over(cluster.b[1])
    let_sync(cluster.a[0], cluster.now)
    for worker in cluster.b:  # no time passes: a request is enough
        fresh = worker.refused(worker.token(), REFUSED)
        assert fresh
        assert fresh.access_token == access_token(2)
    assert [body["refreshToken"] for _, body in service.calls] == [refresh_token(1)]


def test_a_worker_whose_login_is_over_looks_at_its_next_poll(cluster: Cluster) -> None:
    worker = cluster.b[0]
    assert is_over(worker)
    let_sync(cluster.a[0], cluster.now)
    cluster.pass_time(1.5)
    worker.token()
    wait_until(lambda: the_account(worker).state.grant.refresh_token == refresh_token(2))
    let_sync(worker, cluster.now)  # this poll may have read the health before A had written it
    assert worker.report()[0].state == "ready"


def test_the_files_of_a_host_follow_without_a_request(
    cluster: Cluster, start: Callable[..., Any]
) -> None:
    let_sync(cluster.a[0], cluster.now)
    let_sync(cluster.b[0], cluster.now)
    cluster.client.flushall()
    assert start("b").token().access_token == access_token(2)


def test_a_login_that_is_over_for_one_host_is_not_over_for_another(cluster: Cluster) -> None:
    assert is_over(cluster.b[0])
    let_sync(cluster.a[0], cluster.now)
    assert cluster.a[0].report()[0].state == "ready"
    for worker in [*cluster.a, *cluster.b]:
        worker.token()
    assert not is_over(cluster.b[0])
    assert cluster.b[0].report()[0].state == "ready"


def test_what_is_held_against_the_account_outlives_old_data(cluster: Cluster) -> None:
    cluster.a[0].failed(cluster.a[0].token(), GatewayError(Kind.SUSPENDED, "locked"))
    cluster.b[0].accepted(cluster.b[0].token())  # the older refresh token
    for worker in [*cluster.a, *cluster.b]:
        let_sync(worker, cluster.now)
        assert worker.report()[0].state == "suspended"


def test_the_memory_of_a_process_counts_too(
    cluster: Cluster, service: AuthService, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "a" / "cache")
    cluster.pass_time(4000)
    service.calls.clear()
    assert cluster.a[1].token().access_token == access_token(3)
    assert [body["refreshToken"] for _, body in service.calls] == [refresh_token(2)]


def test_on_one_host_too_the_memory_of_a_process_counts(
    build: Build, service: AuthService, clock: Clock, tmp_path: Path
) -> None:
    credentials = build(env_tokens())
    credentials.token()
    shutil.rmtree(tmp_path / "cache")
    clock.now += 4000
    assert credentials.token().access_token == access_token(2)


def test_a_token_that_arrives_while_another_is_refused_is_not_refreshed(
    cluster: Cluster, service: AuthService, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_sync(cluster.a[0], cluster.now)
    worker, state = cluster.b[0], the_account(cluster.b[0]).state
    token = worker.token()

    def meanwhile() -> None:
        monkeypatch.undo()
        state.adopt_newest()

    monkeypatch.setattr(state, "sync_health", meanwhile)
    fresh = worker.refused(token, REFUSED)
    assert fresh
    assert fresh.access_token == access_token(2)
    assert service.used == 2


def test_after_everything_was_lost_all_hosts_choose_the_same_root(server: RedisServer) -> None:
    backend = RedisBackend(server.url, None)
    for root, other in (("old", "new"), ("new", "old")):  # at the same time, each its own lock
        with backend.lease(root, 1) as fence:
            assert backend.save(root, ["latest", other], b"{}", fence)
    orders = (["latest", "old", "new"], ["old"], ["new"], ["new", "latest"])
    assert len({backend.root(names) for names in orders}) == 1
    backend.close()


def test_a_lock_that_could_not_be_released_is_released_later(server: RedisServer) -> None:
    backend = RedisBackend(server.url, None, now=Time())
    with backend.lease("root", 1):
        server.stop()
    server.start()
    backend.check()
    with backend.lease("root", 0.2):
        pass
    backend.close()


def test_a_login_that_was_logged_out_is_not_stored_again(
    start: Callable[..., Any], server: RedisServer, tmp_path: Path, now: Time
) -> None:
    path = tmp_path / "token.json"
    worker = start("a", token_file(path, {"refreshToken": refresh_token(0)}))
    worker.token()
    let_sync(worker, now)
    client: Any = redis.Redis(port=server.port)
    path.unlink()
    client.flushall()
    let_sync(worker, now)
    assert list(client.scan_iter("*:login:*")) == []


def test_a_token_that_redis_does_not_take_is_kept_on_the_host(
    cluster: Cluster, start: Callable[..., Any]
) -> None:
    """A later holder of the lease stored another one: both may be valid."""
    other = {"fence": 99, "name": "another", "grant": "damaged"}
    cluster.client.hset(f"kiro2api:login:{ROOT}", mapping=other)
    cluster.pass_time(4000)
    assert cluster.a[0].token().access_token == access_token(3)
    assert cluster.in_redis() == b"another"
    assert start("a").token().access_token == access_token(3)
