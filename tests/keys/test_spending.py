"""Budgets of keys, counted in a file or in Redis by several workers."""

import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import gevent
import pytest

from app.keys.budgets import BudgetExceeded
from app.keys.host_ledger import HostLedger
from app.keys.key_file import ClientKey
from app.keys.ledger import charge
from app.keys.prices import Prices
from app.keys.redis_ledger import RedisLedger
from app.keys.spending import Spending
from tests.credentials.redis_server import RedisServer

FRIDAY = 1_795_800_600.0
ALICE = ClientKey("alice", "0" * 64, credits_per_day=10, tokens_per_minute=1000)

MakeWorker = Callable[[], Spending]


class Time:
    def __init__(self) -> None:
        self.now = FRIDAY

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def now() -> Time:
    return Time()


@pytest.fixture(params=["file", "redis"])
def worker(request: pytest.FixtureRequest, tmp_path: Path, now: Time) -> Iterator[MakeWorker]:
    made: list[Spending] = []

    def make() -> Spending:
        if request.param == "file":
            ledger: HostLedger | RedisLedger = HostLedger(tmp_path / "budgets.db")
        else:
            ledger = RedisLedger(request.getfixturevalue("redis_server").url)
        made.append(Spending(ledger, in_thread=request.param == "file", clock=now))
        return made[-1]

    if request.param == "redis":
        request.getfixturevalue("redis_server").go_back_to({})
    yield make
    for one in made:
        one.close()


def spent(worker: Spending, key: ClientKey = ALICE) -> list[int]:
    return [one.spent for one in worker.check(key)]


def test_what_one_worker_charges_the_others_know_at_once(worker: MakeWorker) -> None:
    one, other = worker(), worker()
    one.charge(ALICE, 3_000_000, 200)
    other.charge(ALICE, 2_000_000, 100)
    assert spent(one) == spent(other) == [5_000_000, 300]
    other.charge(ALICE, 5_000_000, 0)
    with pytest.raises(BudgetExceeded, match="10 credits a day: 10 are spent"):
        one.check(ALICE)


def test_what_was_spent_outlives_a_restart(worker: MakeWorker) -> None:
    first = worker()
    first.charge(ALICE, 3_000_000, 1)
    first.close()
    assert spent(worker()) == [3_000_000, 1]


def test_a_new_day_and_a_later_minute(worker: MakeWorker, now: Time) -> None:
    one = worker()
    one.charge(ALICE, 10_000_000, 1000)
    now.now += 61
    with pytest.raises(BudgetExceeded):
        one.check(ALICE)
    now.now += 86400
    assert spent(one) == [0, 0]
    week = ClientKey("alice", "0" * 64, credits_per_month=20)
    assert spent(one, week) == [10_000_000]


def test_a_key_that_gets_a_budget_has_spent_before(worker: MakeWorker) -> None:
    one = worker()
    one.charge(ClientKey("alice", "0" * 64), 4_000_000, 10)
    assert spent(one) == [4_000_000, 0]  # known here before it is written
    one.close()
    assert spent(worker()) == [4_000_000, 0]


def test_a_charge_that_is_made_again_counts_once_in_redis(redis_server: RedisServer) -> None:
    ledger = RedisLedger(redis_server.url)
    redis_server.go_back_to({})

    made = charge("alice", 5, 0, FRIDAY)
    ledger.add([made], FRIDAY)
    assert set(ledger.add([made], FRIDAY)["alice"].values()) == {5}
    ledger.close()


def test_a_warning_once_at_four_fifths(
    worker: MakeWorker, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = worker(), worker()
    one.charge(ALICE, 7_900_000, 0)
    assert caplog.messages == []
    other.charge(ALICE, 200_000, 0)
    one.charge(ALICE, 200_000, 0)
    assert caplog.messages == ["client key alice has spent 8.1 of its 10 credits of this day"]
    assert [budget.warns for budget in one.check(ALICE)] == [True, False]


def test_a_warning_for_answers_that_end_together(
    worker: MakeWorker, caplog: pytest.LogCaptureFixture
) -> None:
    one = worker()
    one.charge(ALICE, 7_500_000, 0)
    ends = [gevent.spawn(one.charge, ALICE, 400_000, 0) for _ in range(5)]
    gevent.joinall(ends, raise_error=True)
    assert spent(one) == [9_500_000, 0]
    (warning,) = caplog.messages
    assert re.fullmatch(r"client key alice has spent [\d.]+ of its 10 credits of this day", warning)


def test_without_its_store_a_worker_counts_on_by_what_it_knew(
    redis_server: RedisServer,
    now: Time,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    redis_server.go_back_to({})
    one = Spending(RedisLedger(redis_server.url), in_thread=False, clock=now)
    one.charge(ALICE, 6_000_000, 0)
    redis_server.stop()
    try:
        one.charge(ALICE, 3_000_000, 0)
        assert spent(one)[0] == 9_000_000
        one.charge(ALICE, 1_000_000, 0)
        with pytest.raises(BudgetExceeded):
            one.check(ALICE)
        assert sum("cannot be read or written" in text for text in caplog.messages) == 1
    finally:
        redis_server.start()
    one.close()
    other = Spending(RedisLedger(redis_server.url), in_thread=False, clock=now)
    with pytest.raises(BudgetExceeded, match="10 are spent"):
        other.check(ALICE)
    other.close()


def test_a_file_that_cannot_be_used_refuses_nobody(
    tmp_path: Path, now: Time, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "budgets.db").write_bytes(b"no database" * 1000)
    one = Spending(HostLedger(tmp_path / "budgets.db"), in_thread=True, clock=now)
    one.charge(ALICE, 9_000_000, 0)
    assert spent(one)[0] == 9_000_000
    one.close()
    assert any("file is not a database" in text for text in caplog.messages)


def test_the_file_is_private_and_forgets(tmp_path: Path, now: Time) -> None:
    path = tmp_path / "state" / "budgets.db"
    ledger = HostLedger(path)

    ledger.add([charge("alice", 5, 7, now.now)], now.now)
    assert path.stat().st_mode & 0o077 == 0
    later = now.now + 50 * 86400
    ledger.add([charge("bob", 5, 0, later)], later)
    ledger.close()
    kept = sqlite3.connect(path).execute("SELECT DISTINCT name FROM spent").fetchall()
    assert kept == [("bob",)]


def test_workers_that_start_at_once_share_one_file(tmp_path: Path) -> None:

    failures: list[Exception] = []

    def start() -> None:
        ledger = HostLedger(tmp_path / "budgets.db")
        try:
            for _ in range(10):
                ledger.add([charge("alice", 1, 0, FRIDAY)], FRIDAY)
        except Exception as error:
            failures.append(error)
        ledger.close()

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    ledger = HostLedger(tmp_path / "budgets.db")
    assert set(ledger.read("alice", FRIDAY).values()) == {80}
    ledger.close()


def test_a_worker_knows_the_prices_that_another_was_told(worker: MakeWorker) -> None:
    one, other = worker(), worker()
    Prices(one).note("claude-haiku-4.5", 200_000, 1000)
    one._flush()
    assert Prices(other).estimate("claude-haiku-4.5", 500) == 100_000
    assert Prices(other).estimate("claude-opus-5", 500) == 0


def test_a_price_of_which_nobody_knows_is_no_error_while_the_ledger_is_away(
    tmp_path: Path, now: Time
) -> None:
    (tmp_path / "budgets.db").mkdir()
    spending = Spending(HostLedger(tmp_path / "budgets.db"), in_thread=True, clock=now)
    assert Prices(spending).estimate("claude-opus-5", 500) == 0
