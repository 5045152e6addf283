"""How often a request asks Redis for what its key may do."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import redis

from app.common.errors import GatewayError
from app.keys import redis_scripts
from app.keys.budgets import BudgetExceeded
from app.keys.key_file import ClientKey
from app.keys.limits import Entry, KeyLimits, RateExceeded
from app.keys.rates import Share
from app.keys.redis_ledger import RedisLedger
from app.keys.redis_scripts import RedisScripts, Script
from app.keys.shared_rates import SharedRates
from app.keys.spending import Spending
from app.models.names import resolve
from tests.credentials.redis_server import RedisServer

MODEL = "claude-sonnet-4-6"
RATED = ClientKey("rated", "1" * 64, requests_per_minute=3)
RICH = ClientKey("rich", "2" * 64, credits_per_day=10, tokens_per_minute=1000)
BOTH = ClientKey("both", "3" * 64, requests_per_minute=3, credits_per_day=10)


class World:
    """A server, and a worker that has spoken with it before."""

    def __init__(self, redis_server: RedisServer) -> None:
        self._server = redis.Redis(port=redis_server.port)
        self._wait_for_others_to_end()
        self._server.flushall()
        self.limits = make_limits(redis_server)
        for key in (RATED, RICH, BOTH):  # the charge of the last writes those before
            self.enter(key)
            self.limits.charge(key, 1, 1)
        self._server.flushall()

    def enter(self, key: ClientKey) -> Entry:
        entry = self.limits.enter(key, MODEL)
        entry.leave()
        return entry

    def refused(self, key: ClientKey) -> GatewayError:
        with pytest.raises(GatewayError) as refused:
            self.enter(key)
        return refused.value

    def trips(self, call: Callable[[], object]) -> int:
        """How often the server reads from a socket during a call."""
        before = self._reads()
        call()
        return self._reads() - before - 1  # the last look is one itself

    def forget_scripts(self) -> None:
        self._server.script_flush()

    def end_connections(self) -> None:
        self._server.client_kill_filter(_type="normal", skipme=True)

    def close(self) -> None:
        self.limits.close()
        self._server.close()

    def _wait_for_others_to_end(self) -> None:
        """The server counts the end of a connection among its reads, and may see it late."""
        end = time.monotonic() + 20
        while (clients := len(self._server.client_list())) > 1:
            assert time.monotonic() < end, clients
            time.sleep(0.02)

    def _reads(self) -> int:
        found: Any = self._server.info("stats")
        return int(found["total_reads_processed"])


def make_limits(redis_server: RedisServer) -> KeyLimits:
    return KeyLimits(
        SharedRates(redis_server.url, Share(1)),
        workers=1,
        resolve=partial(resolve, default=MODEL, aliases={}),
        spending=Spending(RedisLedger(redis_server.url), in_thread=False),
    )


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis is waited for longer than it needs on a busy machine, else calls are left out."""
    monkeypatch.setattr(redis_scripts, "_TIMEOUT", 20)


@pytest.fixture
def scripts(redis_server: RedisServer) -> Iterator[RedisScripts]:
    made = RedisScripts(redis_server.url)
    yield made
    made.close()


@pytest.fixture
def world(redis_server: RedisServer) -> Iterator[World]:
    made = World(redis_server)
    yield made
    made.close()


@pytest.mark.parametrize("key", [RATED, RICH, BOTH], ids=lambda key: key.name)
def test_a_request_is_let_in_by_one_call(world: World, key: ClientKey) -> None:
    assert world.trips(lambda: world.enter(key)) == 1


def test_an_answer_is_charged_by_one_call(world: World) -> None:
    assert world.trips(lambda: world.limits.charge(BOTH, 5, 7)) == 1
    assert world.trips(lambda: world.limits.charge(RATED, 5, 7)) == 0  # but a moment later


def test_the_one_call_tells_both(world: World, redis_server: RedisServer) -> None:
    other = make_limits(redis_server)
    other.enter(BOTH, MODEL).leave()
    other.charge(BOTH, 4_000_000, 0)
    found = world.enter(BOTH)
    assert found.rate is not None
    assert (found.rate.remaining, [one.spent for one in found.budgets]) == (1, [4_000_000])
    world.enter(BOTH)
    assert isinstance(world.refused(BOTH), RateExceeded)
    other.close()


def test_a_request_beyond_a_budget_is_not_counted(world: World) -> None:
    world.limits.charge(BOTH, 10_000_000, 0)
    for _ in range(5):
        assert isinstance(world.refused(BOTH), BudgetExceeded)
    more = ClientKey("both", BOTH.sha256, requests_per_minute=3, credits_per_day=99)
    rate = world.enter(more).rate
    assert rate is not None
    assert rate.remaining == 2


def test_a_server_that_has_forgotten_the_scripts_gets_them_again(world: World) -> None:
    world.enter(BOTH)
    world.forget_scripts()
    assert world.trips(lambda: world.enter(BOTH)) == 2
    assert world.trips(lambda: world.enter(BOTH)) == 1
    world.forget_scripts()
    world.limits.charge(BOTH, 5, 0)
    assert [one.spent for one in world.limits._spending.check(BOTH)] == [5]  # type: ignore[union-attr]


def test_a_connection_that_ended_while_idle_loses_no_count(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.enter(RATED)
    world.end_connections()
    rate = world.enter(RATED).rate
    assert rate is not None
    assert (rate.limit, rate.remaining) == (3, 1)
    assert caplog.messages == []


def test_a_lower_limit_counts_what_came_before(world: World) -> None:
    for _ in range(3):
        world.enter(RATED)
    assert isinstance(world.refused(ClientKey("rated", "1" * 64, requests_per_minute=2)), Exception)
    rate = world.enter(ClientKey("rated", "1" * 64, requests_per_minute=5)).rate
    assert rate is not None
    assert rate.remaining == 1


def test_the_answer_to_a_call_that_was_cut_off_is_not_taken_for_that_to_the_next(
    scripts: RedisScripts, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Script("return KEYS[1]")
    assert scripts.run(own, ["first"]) == "first"
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(redis.Connection, "read_response", _cut_off)
        with pytest.raises(KeyboardInterrupt):
            scripts.run(own, ["cut off"])
    assert scripts.run(own, ["next"]) == "next"


def _cut_off(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_what_a_script_is_told_may_be_any_text(scripts: RedisScripts) -> None:
    back = Script("return {KEYS[1], ARGV[1], ARGV[2], ARGV[3]}")
    told = scripts.run(back, ["schlüssel\r\n*1\r\n$4"], ["", 7, 0.1])
    assert told == ["schlüssel\r\n*1\r\n$4", "", "7", "0.1"]
