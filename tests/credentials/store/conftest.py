"""Fixtures for the stores: a Redis server, and the clock by which a store synchronises."""

import threading
from collections.abc import Iterator

import pytest
import redis

from app.credentials.pool import Credentials
from tests.credentials.redis_server import RedisServer


@pytest.fixture
def server(redis_server: RedisServer) -> Iterator[RedisServer]:
    redis.Redis(port=redis_server.port).flushall()
    yield redis_server
    redis_server.stop()
    redis_server.start()


class Time:
    """The monotonic clock of the store; moves only when a test moves it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def now() -> Time:
    return Time()


def let_sync(credentials: Credentials, now: Time) -> None:
    """Wait until the store has synchronised with Redis again."""
    now.now += 10
    for account in credentials._accounts.values():
        account.state.sync_health()
    for thread in threading.enumerate():
        if thread.name == "sync":
            thread.join(10)
    for account in credentials._accounts.values():
        account.state.sync_health()
