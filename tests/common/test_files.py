"""Atomic replacement of files."""

import os
import struct
import threading
from pathlib import Path

import pytest

from app.common import files


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


def whole(content: bytes) -> bool:
    return content.endswith(b"}")


def left_behind(path: Path, content: bytes) -> Path:
    """What a process that was killed before the rename leaves."""

    def killed(source: str, target: str) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "replace", killed)
        patch.setattr(os, "unlink", lambda name: None)
        with pytest.raises(KeyboardInterrupt):
            files.replace(path, content)
    (left,) = path.parent.glob(f".{path.name}.*.tmp")
    return left


def test_a_replacement_that_was_killed_before_the_rename_is_finished(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"{old}")
    left = left_behind(path, b"{new}")
    assert files.recover(path, whole)
    assert path.read_bytes() == b"{new}"
    assert not left.exists()
    assert not files.recover(path, whole)


def test_a_replacement_is_not_finished_if_the_file_was_changed_or_the_content_is_not_whole(
    tmp_path: Path,
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"{old}")
    left_behind(path, b"{half").chmod(0o600)
    assert not files.recover(path, whole)
    files.sweep(path)
    left_behind(path, b"{new}")
    path.write_bytes(b"{from another program}")
    assert not files.recover(path, whole)
    assert path.read_bytes() == b"{from another program}"


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o400])
def test_the_owner_the_group_and_the_mode_stay(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"{old}")
    owner = (1234, 2345) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    os.chown(path, *owner)
    path.chmod(mode)
    for way in ("replace", "recover"):
        if way == "recover":
            left_behind(path, b"{newer}")
            assert files.recover(path, whole)
        else:
            files.replace(path, b"{new}")
        status = path.stat()
        assert (status.st_uid, status.st_gid) == owner
        assert status.st_mode & 0o777 == mode


def test_a_group_that_cannot_be_kept_gets_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o660)
    real = os.fstat
    strange = lambda fd: os.stat_result((*real(fd)[:5], 77, *real(fd)[6:]))  # noqa: E731
    monkeypatch.setattr(os, "fstat", strange)
    monkeypatch.setattr(os, "fchown", refuse)
    files.replace(path, b"new")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_whose_owner_cannot_be_kept_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    real = os.fstat
    strange = lambda fd: os.stat_result((*real(fd)[:4], 77, *real(fd)[5:]))  # noqa: E731
    monkeypatch.setattr(os, "fstat", strange)
    monkeypatch.setattr(os, "fchown", refuse)
    with pytest.raises(PermissionError, match="belongs to another user"):
        files.replace(path, b"new")
    assert [(entry.name, entry.read_bytes()) for entry in tmp_path.iterdir()] == [("file", b"old")]


def refuse(*args: object) -> None:
    raise PermissionError


def test_an_access_list_stays(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    acl = struct.pack("<I", 2) + b"".join(
        struct.pack("<HHI", tag, permissions, who)
        for tag, permissions, who in (
            (1, 6, 0xFFFFFFFF),
            (2, 4, 1234),
            (4, 0, 0xFFFFFFFF),
            (16, 4, 0xFFFFFFFF),
            (32, 0, 0xFFFFFFFF),
        )
    )
    try:
        os.setxattr(path, "system.posix_acl_access", acl)
    except OSError:
        pytest.skip("needs a file system with access lists")
    files.replace(path, b"new")
    assert os.getxattr(path, "system.posix_acl_access") == acl


def test_a_private_file_replaces_a_planted_link(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("precious")
    link = tmp_path / "state.json"
    link.symlink_to("target")
    with pytest.raises(OSError, match="symbolic links"):
        files.read_own(link)
    files.replace(link, b"new", private=True)
    assert (tmp_path / "target").read_text() == "precious"
    assert files.read_own(link) == b"new"
    assert not link.is_symlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give files away")
def test_a_private_file_of_another_user_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    path.write_text("{}")
    os.chown(path, 1234, 1234)
    with pytest.raises(PermissionError, match="belongs to another user"):
        files.read_own(path)
    files.replace(path, b"new", private=True)
    assert (path.stat().st_uid, path.stat().st_mode & 0o777) == (0, 0o600)
