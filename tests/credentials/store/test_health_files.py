"""The health of accounts in files, as several workers of a host see it."""

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from app.credentials.store.directories import Directories
from app.credentials.store.health_files import HealthFiles


@pytest.mark.parametrize("seconds", [0, -3600])
def test_a_change_is_seen_whatever_the_clock_says(tmp_path: Path, seconds: int) -> None:
    """Some kernels' clock of files stands still for milliseconds, and it may be set back."""
    one, other = (HealthFiles(Directories(tmp_path / "cache", tmp_path / "shm")) for _ in range(2))
    path = tmp_path / "cache" / "main.state.json"
    one.update("main", lambda known: replace(known, why="first"))
    before = path.stat().st_mtime_ns
    assert other.read("main").why == "first"
    one.update("main", lambda known: replace(known, why="second"))
    moment = before + seconds * 10**9
    os.utime(path, ns=(moment, moment))
    assert other.read("main").why == "second"
    other.update("main", lambda known: replace(known, why=f"{known.why}, third"))
    assert one.read("main").why == "second, third"
