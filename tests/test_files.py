"""Atomic replacement of files."""

import threading
from pathlib import Path

from app import files


def test_a_file_is_never_seen_half_written(tmp_path: Path) -> None:
    path = tmp_path / "file"
    contents = [bytes([letter]) * 50_000 for letter in b"abc"]
    files.replace(path, contents[0])
    done = threading.Event()

    def write() -> None:
        for number in range(60):
            files.replace(path, contents[number % 3])
        done.set()

    threading.Thread(target=write).start()
    while not done.is_set():
        assert path.read_bytes() in contents


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    files.replace(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"
