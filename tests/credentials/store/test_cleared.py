"""What a user clears stays cleared, whatever was noted while Redis was away."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from app.common.errors import GatewayError, Kind
from app.credentials import health
from app.credentials.health import AccountHealth
from app.credentials.model import AuthKind, Grant, Login
from app.credentials.store.files import FileStore
from app.credentials.store.redis_backend import RedisUnavailable
from app.credentials.store.redis_health import SharedHealth

SUSPENDED = GatewayError(Kind.SUSPENDED, "suspended")
LOGIN = Login("main", "test", AuthKind.SOCIAL, Grant("", "refresh", 0))


class Redis:
    """What SharedHealth uses of a RedisBackend."""

    def __init__(self) -> None:
        self.is_away = False
        self.is_full = False
        self.stored: bytes | None = None

    def is_available(self) -> bool:
        return not (self.is_away or self.is_full)

    def update_health(self, root: str, change: Callable[[bytes | None], bytes | None]) -> None:
        self._check()
        if self.is_full:
            raise RedisUnavailable("full")
        changed = change(self.stored)
        self.stored = self.stored if changed is None else changed

    def health_records(self, roots: Sequence[str]) -> list[bytes | None]:
        self._check()
        return [self.stored] * len(roots)

    def _check(self) -> None:
        if self.is_away:
            raise RedisUnavailable("away")


class World:
    """One Redis, and processes on hosts, of which each has a directory."""

    def __init__(self, directory: Path) -> None:
        self.redis = Redis()
        self._directory = directory

    def process(self, host: str = "a") -> SharedHealth:
        directory = self._directory / host
        local = FileStore(directory, shared_memory=directory / "shm")
        backend: object = self.redis
        shared = SharedHealth(backend, local, lambda _: "root")  # type: ignore[arg-type]
        shared.update(LOGIN, lambda known: health.of_login(known, ["r1"]))
        return shared


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def suspend(process: SharedHealth) -> None:
    process.update(LOGIN, lambda known: health.after(known, SUSPENDED, 0))


def clear(process: SharedHealth) -> None:
    process.update(LOGIN, health.cleared)


def mode(process: SharedHealth) -> str:
    return process.read(LOGIN).mode


@pytest.mark.parametrize("redis_lost_all", [False, True])
def test_what_was_noted_before_is_not_made_up_for_after_a_clear(
    world: World, redis_lost_all: bool
) -> None:
    worker = world.process()
    world.redis.is_away = True
    suspend(worker)
    world.redis.is_away = False
    if redis_lost_all:
        world.redis.stored = None
    clear(world.process())  # the command, before the worker has noticed that Redis is back
    worker.sync([LOGIN])
    assert mode(worker) == ""
    assert mode(world.process("b")) == ""


def test_a_clear_while_redis_is_away_is_seen_on_the_host_at_once(world: World) -> None:
    worker, other = world.process(), world.process()
    suspend(worker)
    other.sync([LOGIN])
    world.redis.is_away = True
    clear(world.process())
    assert (mode(worker), mode(other)) == ("", "")


def test_a_clear_while_redis_was_away_reaches_it_though_the_command_is_over(world: World) -> None:
    worker, elsewhere = world.process(), world.process("b")
    suspend(worker)
    world.redis.is_away = True
    clear(world.process())
    world.redis.is_away = False
    worker.sync([LOGIN])
    elsewhere.sync([LOGIN])
    assert (mode(worker), mode(elsewhere)) == ("", "")


def test_what_was_noted_after_a_clear_is_made_up_for(world: World) -> None:
    worker = world.process()
    world.redis.is_away = True
    suspend(worker)
    clear(worker)
    suspend(worker)
    world.redis.is_away = False
    worker.sync([LOGIN])
    assert mode(worker) == "out"
    assert mode(world.process("b")) == "out"


def test_a_clear_of_another_login_counts_for_nothing() -> None:
    former = health.cleared(health.of_login(AccountHealth(), ["r1"]))
    current = health.of_login(former, ["r2"])
    assert current.clears == 0
    assert not health.is_cleared_since(former, current)
    assert health.is_cleared_since(former, health.of_login(AccountHealth(), ["r1"]))


@pytest.mark.parametrize("problem", ["is_away", "is_full"])
def test_what_a_process_notes_while_redis_cannot_be_used_is_known_to_all_of_its_host(
    world: World, problem: str
) -> None:
    worker, other, elsewhere = world.process(), world.process(), world.process("b")
    for each in (worker, other, elsewhere):
        each.sync([LOGIN])
    setattr(world.redis, problem, True)
    suspend(worker)
    if problem == "is_full":
        other.sync([LOGIN])
    assert mode(other) == "out"
    assert mode(elsewhere) == ""
    setattr(world.redis, problem, False)
    for each in (worker, other, elsewhere):
        each.sync([LOGIN])
    assert [mode(each) for each in (worker, other, elsewhere)] == ["out"] * 3
