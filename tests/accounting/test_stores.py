"""What answers have cost, kept in a file or in Redis, and read again."""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from app.accounting import host_store, report
from app.accounting.accounts import Comparison
from app.accounting.entry import GROUPINGS, Entry, Grouping, Query, Reading, Total, day, entry
from app.accounting.host_store import TIDY_EVERY, HostReader, HostStore
from app.accounting.redis_store import RedisStore
from app.accounting.report import Reader
from app.accounting.writer import Store
from app.common.finished import Finished
from tests.credentials.redis_server import RedisServer

NOW = time.time()
DAY = 86400.0


def finished(**members: object) -> Finished:
    given: dict[str, object] = {
        "time": NOW,
        "request_id": "req_1",
        "method": "POST",
        "path": "/v1/messages",
        "status": 200,
        "total": 1.25,
        "dialect": "anthropic",
        "key": "alice",
        "client": "10.0.0.1",
        "streamed": True,
        "model_asked": "sonnet",
        "model": "claude-sonnet-4-6",
        "account": "main",
        "input_tokens": 100,
        "output_tokens": 20,
        "credits": 0.1,
        "first_event": 0.5,
        "attempts": 1,
        "end": "end_turn",
    }
    return Finished(**given | members)  # type: ignore[arg-type]


def made(**members: object) -> Entry:
    return entry(finished(**members))


@pytest.fixture(params=["file", "redis"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Store, Reader]]:
    if request.param == "file":
        path = tmp_path / "state" / "usage.db"
        host = HostStore(path, days=90)
        yield host, HostReader(path)
        host.close()
    else:
        redis_server = request.getfixturevalue("redis_server")
        redis_server.go_back_to({})
        shared = RedisStore(redis_server.url, days=90)
        yield shared, shared
        shared.close()


def test_what_is_kept_of_an_answer() -> None:
    one = made(error="timeout", repairs=("a", "b"), model_asked="x" * 5000, credits=None)
    assert (one.first_event, one.total, one.credits) == (500, 1250, None)
    assert (one.error, one.repairs, one.ignored) == ("timeout", "a,b", "")
    assert len(one.model_asked) <= 128


def test_nothing_was_used_yet(stores: tuple[Store, Reader]) -> None:
    _, reader = stores
    for by in GROUPINGS:
        assert report.make(reader, Query(by, NOW - DAY), NOW).totals == []


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("key", {"alice": (2, 300_000), "bob": (1, 100_000)}),
        ("model", {"claude-sonnet-4-6": (2, 200_000), "claude-haiku-4-5": (1, 200_000)}),
        ("account", {"main": (3, 400_000)}),
        ("client", {"10.0.0.1": (2, 300_000), "10.0.0.2": (1, 100_000)}),
    ],
)
def test_by_what_it_is_added_up(
    stores: tuple[Store, Reader], by: Grouping, expected: dict[str, tuple[int, int]]
) -> None:
    store, reader = stores
    entries = [
        made(),
        made(model="claude-haiku-4-5", credits=0.2, error="timeout"),
        made(key="bob", client="10.0.0.2", credits=0.1, cancelled=True),
    ]
    store.write("b1", entries, 0, NOW)
    found = report.make(reader, Query(by, NOW - DAY), NOW)
    assert {one.name: (one.requests, one.credits) for one in found.totals} == expected
    assert (found.sum.requests, found.sum.failed, found.sum.input_tokens) == (3, 2, 300)
    own = report.make(reader, Query("model", NOW - DAY, "bob"), NOW)
    assert [(one.name, one.credits) for one in own.totals] == [("claude-sonnet-4-6", 100_000)]


def test_by_day_and_since(stores: tuple[Store, Reader]) -> None:
    store, reader = stores
    store.write("b1", [made(time=NOW - days * DAY) for days in (0, 1, 1, 5)], 0, NOW)
    found = report.make(reader, Query("day", NOW - 2 * DAY), NOW)
    assert [(one.name, one.requests) for one in found.totals] == [
        (day(NOW - DAY), 2),
        (day(NOW), 1),
    ]


def test_the_first_day_begins_in_the_middle(tmp_path: Path) -> None:
    """Its answers are looked at one by one, those of the other days are sums already."""
    midnight = NOW // DAY * DAY
    store = HostStore(tmp_path / "usage.db", days=90)
    for hours in (-50, -30, -20, -1, 0):
        store.write("b", [made(time=midnight + hours * 3600, credits=1)], 0, NOW)
    reader = HostReader(tmp_path / "usage.db")
    for since, expected in ((-60, 5), (-31, 4), (-24, 3), (-10, 2), (0, 1), (1, 0)):
        for by in GROUPINGS:
            found = report.make(reader, Query(by, midnight + since * 3600), NOW).sum
            assert (found.requests, found.credits) == (expected, expected * 1_000_000)
    own = report.make(reader, Query("day", midnight - 60 * 3600, "alice"), NOW)
    assert [one.requests for one in own.totals] == [1, 1, 2, 1]
    store.close()


def test_answers_without_a_price_and_answers_that_were_lost(
    stores: tuple[Store, Reader],
) -> None:
    store, reader = stores
    store.write("b1", [made(), made(credits=None)], 7, NOW)
    found = report.make(reader, Query("key", NOW - DAY), NOW)
    assert (found.sum.unpriced, found.sum.credits, found.missing) == (1, 100_000, 7)
    assert report.make(reader, Query("key", NOW - DAY, "alice"), NOW).missing == 0


def test_a_batch_that_is_added_again_counts_once(redis_server: RedisServer) -> None:
    redis_server.go_back_to({})
    shared = RedisStore(redis_server.url, days=90)
    for _ in range(2):
        shared.write("same", [made(), made(time=NOW - DAY)], 0, NOW)
    assert report.make(shared, Query("key", NOW - 2 * DAY), NOW).sum.requests == 2
    shared.close()


def test_an_account_compared_with_its_service(stores: tuple[Store, Reader]) -> None:
    store, reader = stores

    def read(at: float, used: int) -> None:
        store.read_quota(Reading("main", at, used, 1000, NOW + 9 * DAY, 0))

    read(NOW - 300, 999_000_000)  # of the month before
    read(NOW - 200, 5_000_000)
    store.write("b1", [made(credits=2)], 0, NOW)
    read(NOW - 100, 7_000_000)
    store.write("b2", [made(credits=1)], 0, NOW)
    read(NOW - 50, 8_500_000)
    read(NOW - 50, 8_500_000)  # as another worker knows it
    (one,) = report.make(reader, Query("account", NOW - DAY), NOW).accounts
    assert (one.counted, one.recorded, one.difference) == (3_500_000, 3_000_000, 500_000)
    assert (one.since, one.until) == (NOW - 200, NOW - 50)


def test_an_account_that_was_asked_often(stores: tuple[Store, Reader]) -> None:
    """Each half hour, on each of several hosts, which know of other answers by then."""
    store, reader = stores
    asked = 400
    for number in range(asked):
        at = NOW - (asked - number) * 1800
        for _ in range(2):
            store.read_quota(Reading("main", at, number * 1000, 1_000_000, NOW + 20 * DAY, 0))
            store.write(f"{number}", [made(credits=0.001)], 0, NOW)
    (one,) = report.make(reader, Query("account", NOW - 30 * DAY), NOW).accounts
    assert (one.since, one.until) == (NOW - asked * 1800, NOW - 1800)
    assert one.counted == (asked - 1) * 1000


def test_a_report_from_before_anything_was_kept(redis_server: RedisServer) -> None:
    import redis

    redis_server.go_back_to({})
    shared = RedisStore(redis_server.url, days=30)
    shared.write("b1", [made()], 0, NOW)
    client = redis.Redis(port=redis_server.port)
    client.config_resetstat()
    found = report.make(shared, Query("key", report.moment("2000-01-01", NOW)), NOW)
    shared.close()
    assert found.sum.requests == 1
    assert client.info("commandstats")["cmdstat_hgetall"]["calls"] < 100


def test_more_answers_are_forgotten_than_one_write_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_store, "TIDY_AT_ONCE", 10)
    path = tmp_path / "usage.db"
    store = HostStore(path, days=30)
    store.write("b1", [made(time=NOW - 40 * DAY)] * 35, 0, NOW)
    for _ in range(4):
        store.write("b2", [made()], 0, NOW)
    store.close()
    kept = sqlite3.connect(path).execute("SELECT count(*) FROM answers").fetchone()
    assert kept == (4,)


def test_the_file_is_private_and_forgets(tmp_path: Path) -> None:
    path = tmp_path / "state" / "usage.db"
    store = HostStore(path, days=30)
    store.write("b1", [made(time=NOW - 40 * DAY), made()], 0, NOW)
    store.write("b2", [made()], 0, NOW + TIDY_EVERY)
    store.close()
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0
    kept = sqlite3.connect(path).execute("SELECT count(*) FROM answers").fetchone()
    assert kept == (2,)
    assert report.make(HostReader(path), Query("day", 0), NOW).sum.requests == 2


def test_days_in_redis_end(redis_server: RedisServer) -> None:
    import redis

    redis_server.go_back_to({})
    shared = RedisStore(redis_server.url, days=30)
    shared.write("b1", [made()], 0, NOW)
    shared.close()
    left = redis.Redis(port=redis_server.port).ttl(f"kiro2api:usage:{day(NOW)}")
    assert 30 * DAY < left <= 31 * DAY


class TestForms:
    found = report.Report(
        Query("account", NOW - DAY),
        "host",
        1_795_800_600.0,
        1_795_804_200.0,
        [
            Total(name="=main", requests=2, credits=300_000, unpriced=1),
            Total(name="", requests=1, failed=1),
        ],
        3,
        [Comparison("=main", 0.0, 60.0, counted=100_000, recorded=300_000)],
    )

    def test_a_table(self) -> None:
        lines = [*report.table(self.found)]
        assert lines[0] == "2026-11-27T17:30:00Z to 2026-11-27T18:30:00Z, host"
        assert lines[1].startswith("account  requests  failed  input  output  cache read")
        assert lines[2].split() == ["=main", "2", "0", "0", "0", "0", "0", "0.30"]
        assert lines[3].startswith("(none)")
        assert lines[4].split()[:2] == ["total", "3"]
        assert "no price for 1 of" in lines[5]
        assert lines[6] == "3 answers are missing: they could not be kept."
        assert "a difference of -0.20." in lines[7]

    def test_a_small_difference_has_its_sign(self) -> None:
        small = Comparison("main", 0.0, 60.0, counted=0, recorded=1651)
        lines = [*report.table(msgspec.structs.replace(self.found, accounts=[small]))]
        assert lines[7].endswith("<0.01 are recorded here, a difference of -0.001651.")

    def test_csv_holds_no_formula(self) -> None:
        head, first, second = report.as_csv(self.found).splitlines()
        assert head.startswith("account,requests,failed,input_tokens")
        assert first == "'=main,2,0,0,0,0,0,0.3,1"
        assert second == ",1,1,0,0,0,0,0.0,0"

    def test_json(self) -> None:
        shown = msgspec.to_builtins(report.document(self.found))
        assert shown["total"]["credits"] == 0.3
        assert shown["accounts"][0]["difference"] == -0.2
        assert shown["scope"] == "host"


@pytest.mark.parametrize(("text", "seconds"), [("7d", 7 * DAY), ("12h", DAY / 2), ("30m", 1800.0)])
def test_times_before_now(text: str, seconds: float) -> None:
    assert report.moment(text, NOW) == NOW - seconds


def test_a_day() -> None:
    assert report.written(report.moment("2026-11-27", NOW)) == "2026-11-27T00:00:00Z"


@pytest.mark.parametrize("text", ["", "7", "7w", "99999d", "2026-13-01", "soon"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="neither a time such as 7d"):
        report.moment(text, NOW)
