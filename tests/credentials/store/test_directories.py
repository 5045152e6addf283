"""Disks that are full or read-only."""

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.credentials.model import token_id
from tests.credentials.conftest import Build, Clock, env_tokens, require, token_file
from tests.credentials.service import AuthService, access_token, refresh_token


class Disk:
    """A small file system of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fill(self) -> None:
        ballast = (self.path / "ballast").open("wb", buffering=0)
        with ballast, contextlib.suppress(OSError):
            while True:
                ballast.write(b"x" * 4096)

    def empty(self) -> None:
        (self.path / "ballast").unlink()

    def make_read_only(self) -> None:
        subprocess.run(["mount", "-o", "remount,ro", self.path], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    path = tmp_path / "disk"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "kiro2api-test", str(path)]
    mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    require(mounted, "root, to mount a small tmpfs")
    yield Disk(path)
    subprocess.run(["umount", path], check=True)


@pytest.fixture
def shared_memory(tmp_path: Path) -> Path:
    path = tmp_path / "shm"
    path.mkdir()
    return path


def test_on_a_full_disk_the_workers_go_on_in_shared_memory(
    build: Build,
    service: AuthService,
    clock: Clock,
    disk: Disk,
    shared_memory: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    workers = [build(env_tokens(), cache=disk.path / "cache") for _ in range(3)]
    workers[0].token()
    disk.fill()
    clock.now += 4000
    assert {worker.token().access_token for worker in workers} == {access_token(2)}
    assert len(service.calls) == 2
    for worker in workers:
        assert "lost at the next restart of the host" in worker.problems()[0]
    assert "No space left" in caplog.text

    disk.empty()
    clock.now += 4000
    assert {worker.token().access_token for worker in workers} == {access_token(3)}
    assert [worker.problems() for worker in workers] == [[], [], []]
    restarted = build(env_tokens(), cache=disk.path / "cache")
    assert restarted.token().access_token == access_token(3)
    assert list(shared_memory.rglob("9*.json")) == []


def test_on_a_full_disk_the_token_file_stays_whole(
    build: Build, clock: Clock, disk: Disk, shared_memory: Path
) -> None:
    path = disk.path / "token.json"
    login = {"refreshToken": refresh_token(0), "provider": "Google"}
    source = token_file(path, login)
    disk.fill()
    assert build(source, cache=disk.path / "cache").token().access_token == access_token(1)
    assert json.loads(path.read_text()) == login
    clock.now += 4000
    assert build(source, cache=disk.path / "cache").token().access_token == access_token(2)
    disk.empty()
    clock.now += 4000
    assert build(source, cache=disk.path / "cache").token().access_token == access_token(3)
    assert json.loads(path.read_text())["refreshToken"] == refresh_token(3)


def test_a_token_file_on_a_read_only_disk_is_kept_up_in_the_cache(
    build: Build, clock: Clock, disk: Disk
) -> None:
    source = token_file(disk.path / "token.json", {"refreshToken": refresh_token(0)})
    disk.make_read_only()
    for number in (1, 2):
        credentials = build(source)
        assert credentials.token().access_token == access_token(number)
        assert credentials.problems() == []
        clock.now += 4000


def test_with_nowhere_to_write_a_process_goes_on_by_itself(
    build: Build, clock: Clock, disk: Disk
) -> None:
    disk.make_read_only()
    credentials = build(env_tokens(), cache=disk.path / "cache")
    for number in (1, 2, 3):
        assert credentials.token().access_token == access_token(number)
        clock.now += 4000
    assert "lost when it ends" in credentials.problems()[0]


def test_shared_memory_that_another_user_prepared_is_not_used(
    build: Build, clock: Clock, shared_memory: Path, tmp_path: Path
) -> None:
    prepared = shared_memory / f"kiro2api-{os.geteuid()}"
    prepared.mkdir(mode=0o755)
    (tmp_path / "file").write_text("")
    credentials = build(env_tokens(), cache=tmp_path / "file" / "cache")
    account = credentials.token().account
    assert "the memory of one process" in credentials.problems()[0]
    assert list(prepared.iterdir()) == []
    suspended = {"lineage": [token_id(refresh_token(0))], "mode": "out", "kind": "suspended"}
    (prepared / f"{account}.state.json").write_text(json.dumps(suspended))
    assert build(env_tokens(), cache=tmp_path / "file" / "cache").report()[0].state == "untried"


def test_a_directory_that_cannot_be_made_leaves_the_tokens_in_memory(
    build: Build,
    service: AuthService,
    clock: Clock,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "file").write_text("")
    credentials = build(env_tokens(), cache=tmp_path / "file" / "cache")
    assert credentials.problems() == []
    assert credentials.token().access_token == access_token(1)
    clock.now += 4000
    assert credentials.token().access_token == access_token(2)
    assert "cannot be written (Not a directory)" in credentials.problems()[0]
    assert sum("cannot be written" in line for line in caplog.messages) == 1


def test_a_directory_that_everyone_can_write_to_is_not_used(
    build: Build, tmp_path: Path, shared_memory: Path
) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    cache.chmod(0o777)
    credentials = build(env_tokens(), cache=cache)
    assert credentials.token().access_token == access_token(1)
    assert not list(cache.iterdir())
    assert list(shared_memory.rglob("*.json"))
    assert "everyone can write to it; run chmod o-w" in " ".join(credentials.problems())
    cache.chmod(0o700)
    assert build(env_tokens(), cache=cache).token().access_token == access_token(1)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give files away")
def test_a_record_of_another_user_is_not_used(
    build: Build, service: AuthService, clock: Clock, tmp_path: Path
) -> None:
    build(env_tokens()).token()
    cache = tmp_path / "cache"
    (record,) = (path for path in cache.glob("*.json") if ".state" not in path.name)
    planted = json.loads(record.read_text()) | {"accessToken": "planted"}
    record.write_text(json.dumps(planted))
    os.chown(record, 1234, 1234)
    service.valid = refresh_token(0)
    assert build(env_tokens()).token().access_token == access_token(2)


def test_a_planted_link_costs_its_target_nothing(build: Build, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir(mode=0o700)
    target = tmp_path / "target"
    target.write_text("precious")
    credentials = build(env_tokens())
    account = credentials.report()[0].account
    (cache / f"{account}.state.json").symlink_to(target)
    (cache / f"{account}.lock").symlink_to(target)
    credentials.accepted(credentials.token())
    assert target.read_text() == "precious"
    assert not (cache / f"{account}.state.json").is_symlink()
