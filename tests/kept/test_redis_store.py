"""Kept values in Redis, beside the logins."""

import time
from typing import Any

import pytest
import redis

from app.kept.redis_store import RedisStore, Unavailable


@pytest.fixture
def client(redis_server) -> Any:
    client = redis.Redis(port=redis_server.port)
    client.flushall()
    return client


def name(n: int) -> bytes:
    return bytes([n]) * 32


def test_the_oldest_values_make_room_and_logins_stay(redis_server, client):
    client.set("kiro2api:login:x", "a login")
    store = RedisStore(redis_server.url, ttl=100, most=10_000)
    for n in range(20):
        store.put(name(n), b"x" * 1000)
    assert sum(store.get(name(n)) is not None for n in range(20)) == 10
    assert int(client.get("kiro2api:responses:total")) == 10_000
    assert client.zcard("kiro2api:responses:ends") == client.hlen("kiro2api:responses:sizes") == 10
    assert client.get("kiro2api:login:x") == b"a login"


def test_what_is_replaced_deleted_or_expired_is_no_longer_counted(redis_server, client):
    store = RedisStore(redis_server.url, ttl=1, most=10_000)
    store.put(name(1), b"x" * 1000)
    store.put(name(1), b"x" * 500)
    store.put(name(2), b"x" * 300)
    assert store.delete(name(1)) is True
    assert store.delete(name(1)) is False
    assert int(client.get("kiro2api:responses:total")) == 300
    time.sleep(1.2)
    assert store.get(name(2)) is None
    store.put(name(3), b"x" * 50)
    assert int(client.get("kiro2api:responses:total")) == 50


def test_a_change_is_made_of_what_is_there(redis_server, client):
    one, other = (RedisStore(redis_server.url, ttl=100, most=10_000) for _ in range(2))
    seen: list[Any] = []

    def add(before: bytes | None) -> bytes:
        if not seen:  # another host is faster
            other.put(name(1), b"theirs")
        seen.append(before)
        return (before or b"") + b"+ours"

    one.change(name(1), add)
    assert seen == [None, b"theirs"]
    assert other.get(name(1)) == b"theirs+ours"
    one.change(name(1), lambda _: None)
    assert other.get(name(1)) == b"theirs+ours"


def test_a_server_that_is_away_is_reported_as_such(redis_server, client):
    store = RedisStore("redis://127.0.0.1:1/0", ttl=100, most=10_000)
    for call in (lambda: store.put(name(1), b"x"), lambda: store.get(name(1))):
        with pytest.raises(Unavailable):
            call()
