"""Locks, fencing tokens, and no repeated calls to a server that is down."""

import time
from typing import Any

import pytest
import redis
from redis.lock import Lock

from app.credentials.store import redis_backend as module
from app.credentials.store.redis_backend import RedisBackend, RedisUnavailable
from tests.credentials.redis_server import RedisServer
from tests.credentials.store.conftest import Time


def test_who_lost_the_lock_cannot_overwrite_what_came_later(server: RedisServer) -> None:
    backend = RedisBackend(server.url, None)
    with backend.lease("root", 1) as first:
        redis.Redis(port=server.port).delete("kiro2api:lock:root")  # as if it had expired
        with backend.lease("root", 1) as second:
            assert second > first
            assert backend.save("root", ["b"], b'{"newer": 1}', second)
        assert not backend.save("root", ["a"], b'{"older": 1}', first)
    assert backend.grant("root") == b'{"newer": 1}'
    backend.close()


def test_a_lock_is_prolonged_as_long_as_it_is_held(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.credentials.store.redis_backend._LOCK_LIFE", 2.0)
    one, two = RedisBackend(server.url, None), RedisBackend(server.url, None)
    with one.lease("root", 10):
        time.sleep(3)
        with pytest.raises(TimeoutError), two.lease("root", 0.2):
            pass
    with two.lease("root", 10):
        pass
    one.close()
    two.close()


def test_hosts_that_wait_for_a_lock_do_not_ask_in_step(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    def noting(*args: Any, **options: Any) -> Lock:
        pauses.append(options["sleep"])
        return Lock(*args, **options)

    monkeypatch.setattr(module, "Lock", noting)
    backend = RedisBackend(server.url, None)
    for _ in range(5):
        with backend.lease("root", 5):
            pass
    assert len(set(pauses)) == 5
    shortest, longest = module._LOCK_POLL
    assert all(shortest <= pause <= longest for pause in pauses)
    backend.close()


def test_the_lock_of_a_dead_holder_ends_by_itself(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.credentials.store.redis_backend._LOCK_LIFE", 0.3)
    redis.Redis(port=server.port).set("kiro2api:lock:root", "somebody", px=300)
    backend = RedisBackend(server.url, None)
    with backend.lease("root", 2) as fence:
        assert fence == 1
    backend.close()


def test_a_server_that_is_away_is_not_asked_again_at_once(server: RedisServer, now: Time) -> None:
    backend = RedisBackend(server.url, None, now=now)
    server.stop()
    with pytest.raises(RedisUnavailable):
        backend.root("x")
    server.start()
    with pytest.raises(RedisUnavailable):
        backend.root("x")
    now.now += 6
    assert backend.root("x") == "x"
    backend.close()
