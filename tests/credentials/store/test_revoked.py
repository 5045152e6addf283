"""The upstream revokes a token within a minute of a refresh that Redis has missed, or lost again.

Any worker that has the token may be the first to hear of it. All know that the token was accepted
before, so a refresh helps, and no request fails.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from app.common.errors import GatewayError, Kind
from app.credentials.pool import Credentials
from app.credentials.store.redis import RedisStore
from app.credentials.store.redis_backend import RedisBackend
from tests.credentials.conftest import Build, Clock, env_tokens, file_store
from tests.credentials.redis_server import RedisServer
from tests.credentials.service import AuthService, access_token
from tests.credentials.store.conftest import Time, let_sync

REFUSED = GatewayError(Kind.REFUSED_TOKEN, "refused")


@pytest.fixture
def workers(build: Build, server: RedisServer, tmp_path: Path, now: Time) -> list[Credentials]:
    """Two of each host, with the first token, which the upstream has accepted from each."""

    def start(host: str) -> Credentials:
        (tmp_path / host).mkdir(exist_ok=True)
        backend = RedisBackend(server.url, None, now=now)
        store = RedisStore(backend, file_store(tmp_path / host), lease_timeout=10, now=now)
        return build(env_tokens(), store=store)

    started = [start(host) for host in "aabb"]
    for worker in started:
        worker.accepted(worker.token())
        let_sync(worker, now)
    return started


def another(worker: Credentials) -> str:
    """The access token that a request sends after its first one was refused, "" if there is none.
    The refusal may be the one of a token that was replaced in the meantime.
    """
    instead = worker.refused(worker.token(), REFUSED)
    return instead.access_token if instead else ""


def missed(server: RedisServer, refresh: Callable[[], None]) -> None:
    server.stop()
    refresh()
    server.start()


def lost_again(server: RedisServer, refresh: Callable[[], None]) -> None:
    before = server.contents()
    refresh()
    server.go_back_to(before)


@pytest.mark.parametrize("outage", [missed, lost_again])
@pytest.mark.parametrize("first", range(4))
@pytest.mark.parametrize("seconds", [2, 30])
def test_a_token_that_is_revoked_soon_is_refreshed(
    workers: list[Credentials],
    server: RedisServer,
    service: AuthService,
    clock: Clock,
    now: Time,
    outage: Callable[..., None],
    first: int,
    seconds: float,
) -> None:
    refreshing = workers[0]

    def refresh() -> None:
        assert another(refreshing) == access_token(2)
        refreshing.accepted(refreshing.token())

    outage(server, refresh)
    let_sync(refreshing, now)
    for worker in workers[1:]:  # the upstream no longer accepts the first token
        assert another(worker) == access_token(2)
    clock.now += seconds
    order = workers[first:] + workers[:first]
    assert another(order[0]) == access_token(3)
    for worker in order[1:]:
        assert another(worker) == access_token(3)
    assert service.used == 3


def test_what_another_host_knows_of_a_token_is_asked_for_before_it_is_given_up(
    workers: list[Credentials], clock: Clock, now: Time
) -> None:
    one, *_, other = workers
    assert another(one) == another(other) == access_token(2)
    one.accepted(one.token())
    clock.now += 2
    assert another(other) == access_token(3)
