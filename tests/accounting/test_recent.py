"""The last requests, for a page: those that were refused as well, and in no sum."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.accounting.entry import Entry, Query, Speed
from app.accounting.host_store import HostReader, HostStore
from tests.accounting.test_stores import made

NOW = time.time()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "usage.db"


@pytest.fixture
def store(path: Path) -> Iterator[HostStore]:
    running = HostStore(path, days=90)
    yield running
    running.close()


def refused(number: int, key: str = "alice") -> Entry:
    return made(
        time=NOW + number,
        request_id=f"refused_{number}",
        key=key,
        model="",
        status=400,
        error="invalid_request",
        message="max_tokens: too small",
    )


def test_refused_requests_are_among_the_last_and_in_no_sum(store: HostStore, path: Path) -> None:
    answered = [made(time=NOW + 1, request_id="first"), made(time=NOW + 3, request_id="third")]
    store.write("", [*answered, refused(2), refused(4, "bob")], 0, NOW)
    reader = HostReader(path)
    names = [one.request_id for one in reader.recent("", 10)]
    assert names == ["refused_4", "third", "refused_2", "first"]
    assert [one.request_id for one in reader.recent("alice", 2)] == ["third", "refused_2"]
    assert reader.recent("bob", 10)[0].message == "max_tokens: too small"
    [total] = reader.totals(Query("key", NOW - 60))
    assert (total.name, total.requests, total.failed) == ("alice", 2, 0)


def test_the_last_thousand_that_were_refused_are_kept(store: HostStore, path: Path) -> None:
    store.write("", [refused(number) for number in range(1200)], 0, NOW)
    kept = HostReader(path).recent("", 2000)
    assert (len(kept), kept[0].request_id, kept[-1].request_id) == (
        1000,
        "refused_1199",
        "refused_200",
    )


def test_the_speed_of_whole_answers(store: HostStore, path: Path) -> None:
    whole = made(time=NOW, first_event=0.25, total=2.0, output_tokens=70)
    store.write(
        "",
        [
            whole,
            made(time=NOW, error="truncated"),
            made(time=NOW, first_event=None),
            made(time=NOW - 4000),
            made(time=NOW, key="bob", first_event=0.5),
        ],
        0,
        NOW,
    )
    reader = HostReader(path)
    assert reader.speeds(NOW - 3600, "alice", 10) == [Speed(NOW, 250, 2000, 70)]
    assert len(reader.speeds(NOW - 3600, "", 10)) == 2


def test_a_file_that_is_not_there_has_none(path: Path) -> None:
    assert HostReader(path).recent("", 10) == []
    assert HostReader(path).speeds(NOW, "", 10) == []
