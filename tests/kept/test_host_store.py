"""Kept values in the SQLite file of a host."""

import os
import sqlite3
from pathlib import Path

import pytest

from app.kept.host_store import HostStore, create


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "responses.db"
    create(file)
    return file


def name(n: int) -> bytes:
    return bytes([n]) * 32


def test_a_value_is_there_until_its_time_is_over(path):
    now = [100.0]
    store = HostStore(path, ttl=10, most=1 << 20, now=lambda: now[0])
    store.put(name(1), b"one")
    now[0] = 109.9
    assert store.get(name(1)) == b"one"
    now[0] = 110.0
    assert store.get(name(1)) is None
    store.put(name(2), b"two")
    assert store.size() < 200  # the expired one was removed


def test_the_oldest_values_make_room(path):
    now = [0.0]
    store = HostStore(path, ttl=1000, most=10_000, now=lambda: now[0])
    for n in range(20):
        now[0] += 1
        store.put(name(n), b"x" * 1000)
    assert store.size() <= 10_000
    kept = [n for n in range(20) if store.get(name(n)) is not None]
    assert kept == list(range(20 - len(kept), 20))
    assert len(kept) == 8


def test_a_value_larger_than_all_that_may_be_kept_is_not_kept(path):
    store = HostStore(path, ttl=1000, most=1000)
    store.put(name(1), b"x" * 2000)
    assert store.get(name(1)) is None
    assert store.size() == 0


def test_a_value_is_replaced_and_counted_once(path):
    store = HostStore(path, ttl=1000, most=1 << 20)
    store.put(name(1), b"x" * 1000)
    store.put(name(1), b"y" * 500)
    assert store.get(name(1)) == b"y" * 500
    assert store.size() == 500 + 132
    assert store.delete(name(1)) is True
    assert store.delete(name(1)) is False
    assert store.size() == 0


def test_the_file_stays_bounded_however_much_is_put(path):
    store = HostStore(path, ttl=1000, most=1 << 20)
    for n in range(200):
        store.put(name(n), os.urandom(50_000))
    store.close()
    assert path.stat().st_size < 2 << 20


def test_what_fails_in_a_change_leaves_the_value(path):
    store = HostStore(path, ttl=1000, most=1 << 20)
    store.put(name(1), b"one")

    def fail(_: bytes | None) -> bytes:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        store.change(name(1), fail)
    other = HostStore(path, ttl=1000, most=1 << 20)
    other.put(name(2), b"two")  # nobody holds the lock
    assert other.get(name(1)) == b"one"


def test_a_file_that_was_removed_does_not_come_back(path):
    path.unlink()
    with pytest.raises(sqlite3.Error):
        HostStore(path, ttl=1000, most=1 << 20).put(name(1), b"one")
    assert not path.exists()


def test_only_its_owner_can_read_the_file(path):
    assert path.stat().st_mode & 0o777 == 0o600
    store = HostStore(path, ttl=1000, most=1 << 20)
    store.put(name(1), b"one")
    for beside in path.parent.iterdir():
        assert beside.stat().st_mode & 0o077 == 0
