"""The file of each master, and who removes it."""

import os
from pathlib import Path

import pytest

from app.kept import master


@pytest.fixture(autouse=True)
def one_process_after_another(monkeypatch):
    monkeypatch.setattr(master, "_place", None)


def begun(directory: Path) -> master.Place:
    master.begin(directory)
    place = master.current()
    assert place is not None
    return place


def left(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_a_master_makes_its_file_once_and_removes_it(tmp_path):
    place = begun(tmp_path)
    assert len(place.secret) == 32
    assert place.secret.hex() not in repr(place)
    master.begin(tmp_path)  # upon a reload
    assert master.current() == place
    assert left(tmp_path) == [place.path.name, place.path.with_suffix(".lock").name]
    master.end()
    assert left(tmp_path) == []
    assert master.current() is None


def test_a_worker_does_not_remove_the_file_of_its_master(tmp_path, monkeypatch):
    place = begun(tmp_path)
    monkeypatch.setattr(os, "getpid", lambda: place.pid + 1)
    master.end()
    assert place.path.exists()
    assert master.current() == place


def test_files_of_masters_that_live_stay_and_those_of_others_go(tmp_path, monkeypatch):
    for name in ("responses-1-aa.db", "responses-1-aa.db-wal", "responses-1-aa.lock"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "responses-2-bb.db").write_bytes(b"")
    (tmp_path / "other.json").write_bytes(b"{}")
    first = begun(tmp_path)
    assert left(tmp_path)[0] == "other.json"
    assert len(left(tmp_path)) == 3
    monkeypatch.setattr(master, "_place", None)  # another process
    master.begin(tmp_path)
    assert first.path.exists()
    assert len(list(tmp_path.glob("*.db"))) == 2
    os.close(first.lock)


def test_a_directory_that_everyone_can_write_to_is_not_used(tmp_path):
    tmp_path.chmod(0o777)
    with pytest.raises(OSError, match="everyone can write"):
        master.begin(tmp_path)
    assert master.current() is None
