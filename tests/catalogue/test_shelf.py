"""Lists of models in files: for one reader at a time to renew, and for all to read."""

import stat
from pathlib import Path

import pytest

from app.catalogue.record import NOTHING, Record
from app.catalogue.shelf import FileShelf
from app.models.catalogue import STATIC

LISTED = Record(STATIC, listed_at=1.0, asked_at=1.0)
FAILED = Record(STATIC, listed_at=1.0, asked_at=2.0, problem="no")


def test_what_one_process_writes_all_read(tmp_path: Path) -> None:
    one, other = FileShelf(tmp_path / "cache"), FileShelf(tmp_path / "cache")
    assert other.read("k") == NOTHING
    one.write("k", LISTED)
    assert other.read("k") == one.read("k") == LISTED
    assert other.read("k") is other.read("k")
    one.write("k", FAILED)
    assert other.read("k") == FAILED
    assert other.read("another") == NOTHING
    assert FileShelf(tmp_path / "cache").read("k") == FAILED


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    FileShelf(tmp_path / "cache").write("k", LISTED)
    (path,) = (tmp_path / "cache").glob("models-*.json")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_one_process_at_a_time_has_its_turn(tmp_path: Path) -> None:
    one, other = FileShelf(tmp_path), FileShelf(tmp_path)
    with one.turn("k") as first, other.turn("k") as second, other.turn("j") as elsewhere:
        assert (first, second, elsewhere) == (True, False, True)
    with other.turn("k") as later:
        assert later


@pytest.mark.parametrize("planted", ["symlink", "directory"])
def test_a_file_that_somebody_planted_is_not_read(tmp_path: Path, planted: str) -> None:
    shelf = FileShelf(tmp_path)
    path = tmp_path / "models-k.json"
    if planted == "symlink":
        shelf.write("j", LISTED)
        path.symlink_to(tmp_path / "models-j.json")
    else:
        path.mkdir()
    assert shelf.read("k") == NOTHING


def test_a_directory_that_cannot_be_written_is_done_without(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    directory = tmp_path / "open"
    directory.mkdir()
    directory.chmod(0o777)
    shelf = FileShelf(directory)
    for record in (LISTED, FAILED):
        shelf.write("k", record)
        assert shelf.read("k") == record
        with shelf.turn("k") as first:
            assert first
    assert list(directory.iterdir()) == []
    (said,) = [one.getMessage() for one in caplog.records]
    assert "everyone can write to it" in said
    directory.chmod(0o700)
    shelf.write("k", LISTED)
    assert FileShelf(directory).read("k") == LISTED


def test_a_damaged_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "models-k.json").write_bytes(b"{")
    shelf = FileShelf(tmp_path)
    assert shelf.read("k") == NOTHING
    shelf.write("k", LISTED)
    assert shelf.read("k") == LISTED
