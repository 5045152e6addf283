import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from app.common.errors import GatewayError, Kind
from app.keys.key_file import ClientKey
from app.keys.limits import KeyLimits, RateExceeded, RateStatus
from app.keys.rates import Share
from app.keys.shared_rates import SharedRates
from app.models.names import resolve
from tests.credentials.conftest import require
from tests.credentials.redis_server import RedisServer

RESOLVE = partial(resolve, default="claude-sonnet-4-6", aliases={"fast": "claude-haiku-4-5"})
MODEL = "claude-sonnet-4-6"


def limits_of(workers: int = 1) -> KeyLimits:
    return KeyLimits(Share(workers), workers=workers, resolve=RESOLVE)


def key(name: str = "alice", **limits: object) -> ClientKey:
    return ClientKey(name, name.encode().hex().ljust(64, "0"), **limits)  # type: ignore[arg-type]


def refusal(limits: KeyLimits, client: ClientKey, model: str = MODEL) -> GatewayError:
    with pytest.raises(GatewayError) as refused:
        limits.enter(client, model)
    return refused.value


class TestModels:
    @pytest.mark.parametrize("asked", ["claude-haiku-4-5", "claude-haiku-4.5", "fast", "FAST"])
    @pytest.mark.parametrize("named", ["claude-haiku-4.5", "fast"])
    def test_in_any_spelling(self, asked: str, named: str) -> None:
        limits_of().enter(key(models=(named,)), asked)

    @pytest.mark.parametrize("asked", ["claude-opus-5", "claude-sonnet-4-6", "gpt-4o"])
    def test_another_is_refused_by_name(self, asked: str) -> None:
        error = refusal(limits_of(), key(models=("fast",)), asked)
        assert (error.kind, error.status, error.field) == (Kind.PERMISSION, 403, "model")
        for word in ("'alice'", repr(asked), "fast"):
            assert word in error.message

    def test_what_an_unknown_name_comes_to_counts(self) -> None:
        assert (
            "'claude-sonnet-4-6'" in refusal(limits_of(), key(models=("fast",)), "gpt-4o").message
        )
        limits_of().enter(key(models=(MODEL,)), "gpt-4o")

    def test_a_name_of_no_model_allows_none(self) -> None:
        """Not the default model, which stands in for unknown names in requests."""
        assert refusal(limits_of(), key(models=("sonet",)), MODEL).kind is Kind.PERMISSION

    def test_without_a_list_all(self) -> None:
        limits_of().enter(key(), "claude-opus-5")


class TestStreams:
    def test_so_many_at_once(self) -> None:
        limits, alice = limits_of(), key(concurrent_streams=2)
        leave = limits.enter(alice, MODEL).leave
        limits.enter(alice, MODEL)
        error = refusal(limits, alice)
        assert (error.kind, error.status, error.retry_after) == (Kind.KEY_LIMITED, 429, 1)
        assert "its limit of answers in progress: 2." in error.message
        limits.enter(key("bob", concurrent_streams=1), MODEL)
        leave()
        limits.enter(alice, MODEL)
        refusal(limits, alice)

    @pytest.mark.parametrize(("limit", "share"), [(1, 1), (4, 2), (5, 3)])
    def test_each_worker_takes_its_share(self, limit: int, share: int) -> None:
        limits, alice = limits_of(workers=2), key(concurrent_streams=limit)
        for _ in range(share):
            limits.enter(alice, MODEL)
        assert ("share of" in refusal(limits, alice).message) == (share != limit)

    def test_one_refused_for_its_rate_is_not_in_progress(self) -> None:
        limits = limits_of()
        alice = key(concurrent_streams=1, requests_per_minute=1)
        limits.enter(alice, MODEL).leave()
        assert "per minute" in refusal(limits, alice).message
        assert "per minute" in refusal(limits, alice).message


def excess(limits: KeyLimits, client: ClientKey) -> RateExceeded:
    with pytest.raises(RateExceeded) as refused:
        limits.enter(client, MODEL)
    return refused.value


class TestRequestsPerMinute:
    def test_so_many_in_any_minute(self) -> None:
        limits, alice = limits_of(), key(requests_per_minute=3)
        rates = [limits.enter(alice, MODEL).rate for _ in range(3)]
        assert [rate and rate.remaining for rate in rates] == [2, 1, 0]
        error = excess(limits, alice)
        assert (error.kind, error.status) == (Kind.KEY_LIMITED, 429)
        assert error.retry_after is not None
        assert 55 < error.retry_after <= 60
        assert "3 requests per minute" in error.message
        assert error.rate == RateStatus(False, 3, 0, error.rate.reset)
        assert 55 < error.rate.reset - time.time() <= 60
        limits.enter(key("bob", requests_per_minute=1), MODEL)

    @pytest.mark.parametrize(("limit", "share"), [(1, 1), (4, 2), (5, 3)])
    def test_each_worker_takes_its_share(self, limit: int, share: int) -> None:
        limits, alice = limits_of(workers=2), key(requests_per_minute=limit)
        for _ in range(share):
            limits.enter(alice, MODEL)
        assert excess(limits, alice).rate.limit == share

    def test_a_key_without_a_limit_has_no_rate(self) -> None:
        assert limits_of().enter(key(), MODEL).rate is None

    def test_a_request_refused_for_another_reason_is_not_counted(self) -> None:
        limits = limits_of()
        alice = key(concurrent_streams=1, requests_per_minute=9, models=(MODEL,))
        leave, rate, _ = limits.enter(alice, MODEL)
        assert rate
        assert rate.remaining == 8
        assert "in progress" in refusal(limits, alice).message
        assert refusal(limits, alice, "claude-opus-5").kind is Kind.PERMISSION
        leave()
        again = limits.enter(alice, MODEL).rate
        assert again
        assert again.remaining == 7

    def test_what_is_older_than_a_minute_is_forgotten(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        limits, alice = limits_of(), key(requests_per_minute=1)
        limits.enter(alice, MODEL)
        refusal(limits, alice)
        later = time.time() + 61
        monkeypatch.setattr("time.time", lambda: later)
        limits.enter(alice, MODEL)


class TestRedis:
    @pytest.fixture
    def server(self, tmp_path: Path) -> Iterator[RedisServer]:
        require(RedisServer.is_installed(), "redis-server")
        running = RedisServer(tmp_path)
        yield running
        running.stop()

    def worker(self, server: RedisServer, clock: list[float]) -> SharedRates:
        share = Share(4)
        return SharedRates(server.url, share, clock=lambda: clock[0])

    def test_all_workers_together_are_exact(self, server: RedisServer) -> None:
        workers = [self.worker(server, [0.0]) for _ in range(3)]
        statuses = [workers[n % 3].hit(key(), 7) for n in range(9)]
        assert [one.allowed for one in statuses] == [True] * 7 + [False] * 2
        assert [one.remaining for one in statuses] == [6, 5, 4, 3, 2, 1, 0, 0, 0]
        assert all(one.limit == 7 for one in statuses)
        assert workers[0].hit(key("bob"), 7).remaining == 6

    def test_while_it_is_away_each_counts_its_share(
        self, server: RedisServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("INFO", "kiro2api.keys")
        clock = [0.0]
        worker = self.worker(server, clock)
        assert worker.hit(key(), 8).remaining == 7
        server.stop()
        assert [worker.hit(key(), 8).allowed for _ in range(3)] == [True, True, False]
        assert [record.levelname for record in caplog.records] == ["ERROR"]
        server.start()
        assert worker.hit(key(), 8).limit == 2  # not asked again at once
        clock[0] += 6
        assert worker.hit(key(), 8).remaining == 6
        assert "can be used again" in caplog.records[-1].message


class TestBeforeTheBodyIsRead:
    def test_a_key_that_has_used_up_its_minute_is_refused(self) -> None:
        limits, client = limits_of(), key(requests_per_minute=2)
        for _ in range(2):
            limits.check(client)
            limits.count(client)
        limits.check(client)  # not known yet
        with pytest.raises(RateExceeded) as counted:
            limits.count(client)
        with pytest.raises(RateExceeded) as refused:
            limits.check(client)
        assert refused.value.message.startswith("The client key 'alice' has used up its 2 requests")
        assert refused.value.rate == counted.value.rate
        limits.check(key("bob", requests_per_minute=2))
        limits.check(key(requests_per_minute=3))
        limits.check(key())

    @pytest.mark.parametrize("after", [61, -1e8])
    def test_until_its_minute_is_over_or_the_clock_was_set(
        self, after: float, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        limits, client = limits_of(), key(requests_per_minute=1)
        limits.count(client)
        with pytest.raises(RateExceeded):
            limits.count(client)
        moment = time.time() + after
        monkeypatch.setattr("app.keys.limits.time", lambda: moment)
        limits.check(client)
