"""Entries on their way into a store: late, whole, and counted if they are lost."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import gevent
import pytest

from app.accounting import writer as writers
from app.accounting.entry import Entry, Query, Reading
from app.accounting.host_store import HostReader, HostStore
from app.accounting.report import make
from app.accounting.writer import Writer
from tests.accounting.test_stores import NOW, made


class Store:
    """Keeps batches in memory, unless it is told to fail."""

    ERRORS: tuple[type[Exception], ...] = (OSError,)

    def __init__(self) -> None:
        self.batches: list[tuple[str, int, int]] = []
        self.failing = False
        self.tried: list[str] = []
        self.closed = False

    def write(self, batch: str, entries: Sequence[Entry], lost: int, now: float) -> None:
        self.tried.append(batch)
        if self.failing:
            raise OSError(28, "No space left on device")
        self.batches.append((batch, len(entries), lost))

    def read_quota(self, reading: Reading) -> None:
        if self.failing:
            raise OSError(28, "No space left on device")

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(writers, "EVERY", 0.01)
    monkeypatch.setattr(writers, "PAUSE", 0.01)
    return Store()


@pytest.fixture
def writer(store: Store) -> Writer:
    return Writer(store, "usage.db", in_thread=True)


def wait_until(condition: object, seconds: float = 10) -> None:
    with gevent.Timeout(seconds):
        while not condition():  # type: ignore[operator]
            gevent.sleep(0.005)


def test_entries_are_written_together_and_later(store: Store, writer: Writer) -> None:
    for _ in range(3):
        writer.put(made())
    assert store.batches == []
    wait_until(lambda: store.batches)
    assert [size for _, size, _ in store.batches] == [3]
    writer.put(made())
    wait_until(lambda: len(store.batches) == 2)
    writer.close()
    assert store.closed


def test_many_are_written_in_bounded_batches(
    store: Store, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "AT_ONCE", 2)
    for _ in range(5):
        writer.put(made())
    writer.close()
    assert [size for _, size, _ in store.batches] == [2, 2, 1]


def test_a_batch_waits_for_its_store_under_the_same_name(
    store: Store, writer: Writer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "kiro2api.usage")
    store.failing = True
    writer.put(made())
    wait_until(lambda: len(store.tried) >= 3)
    writer.put(made())
    store.failing = False
    wait_until(lambda: len(store.batches) == 2)
    assert len(set(store.tried)) == 2
    messages = [record.message for record in caplog.records]
    assert messages[0].startswith("usage.db: usage cannot be kept now (OSError: ")
    assert messages[1:] == ["usage.db: usage is kept again"]
    writer.close()


def test_what_finds_no_place_is_counted(
    store: Store, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "MOST", 2)
    store.failing = True
    for _ in range(5):
        writer.put(made())
    store.failing = False
    writer.close()
    assert [(size, lost) for _, size, lost in store.batches] == [(2, 3)]


def test_what_cannot_be_written_at_the_end_is_told(
    store: Store, writer: Writer, caplog: pytest.LogCaptureFixture
) -> None:
    store.failing = True
    writer.put(made())
    writer.close()
    assert caplog.messages[-1] == "usage.db: the usage of 1 answers is lost"


def test_a_file_that_is_locked_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While another program holds the file's lock, the loop goes on."""
    monkeypatch.setattr(writers, "EVERY", 0.01)
    path = tmp_path / "usage.db"
    first = HostStore(path, days=1)
    first.write("b", [], 0, NOW)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writer = Writer(HostStore(path, days=1), str(path), in_thread=True)
    writer.put(made())
    turns = 0
    for _ in range(20):
        gevent.sleep(0.005)
        turns += 1
    assert turns == 20
    assert make(HostReader(path), Query("key", 0), NOW).totals == []
    other.execute("COMMIT")
    writer.close()
    assert make(HostReader(path), Query("key", 0), NOW).sum.requests == 1
    first.close()
    other.close()
