"""Disks that are full or read-only, files that others write, clocks that are wrong."""

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app import files
from app.credentials.model import token_id
from app.errors import GatewayError, Kind
from tests.credentials.conftest import env_tokens, require, token_file
from tests.credentials.service import AuthService, access_token, refresh_token

REFUSED = GatewayError(Kind.REFUSED_TOKEN, "refused")


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
def disk(tmp_path) -> Iterator[Disk]:
    path = tmp_path / "disk"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "kiro2api-test", path]
    mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    require(mounted, "root, to mount a small tmpfs")
    yield Disk(path)
    subprocess.run(["umount", path], check=True)


@pytest.fixture
def shared_memory(tmp_path) -> Path:
    path = tmp_path / "shm"
    path.mkdir()
    return path


def test_on_a_full_disk_the_workers_go_on_in_shared_memory(
    build, service, clock, disk, shared_memory, caplog
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


def test_on_a_full_disk_the_token_file_stays_whole(build, clock, disk, shared_memory) -> None:
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


def test_a_token_file_on_a_read_only_disk_is_kept_up_in_the_cache(build, clock, disk) -> None:
    source = token_file(disk.path / "token.json", {"refreshToken": refresh_token(0)})
    disk.make_read_only()
    for number in (1, 2):
        credentials = build(source)
        assert credentials.token().access_token == access_token(number)
        assert credentials.problems() == []
        clock.now += 4000


def test_with_nowhere_to_write_a_process_goes_on_by_itself(build, clock, disk) -> None:
    disk.make_read_only()
    credentials = build(env_tokens(), cache=disk.path / "cache")
    for number in (1, 2, 3):
        assert credentials.token().access_token == access_token(number)
        clock.now += 4000
    assert "lost when it ends" in credentials.problems()[0]


def test_shared_memory_that_another_user_prepared_is_not_used(
    build, clock, shared_memory, tmp_path
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
    assert build(env_tokens(), cache=tmp_path / "file" / "cache").report()[0].state == "ready"


def test_a_file_is_never_seen_half_written(tmp_path) -> None:
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


def test_a_symbolic_link_stays_one(tmp_path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    files.replace(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_a_login_that_the_ide_writes_at_the_last_moment_is_not_overwritten(
    build, clock, tmp_path, monkeypatch
) -> None:
    path = tmp_path / "token.json"
    login = {
        "accessToken": "at-ide",
        "refreshToken": refresh_token(9),
        "expiresAt": clock.now + 999,
    }
    flush = os.fsync

    def flush_while_the_ide_writes(descriptor: int) -> None:
        flush(descriptor)
        path.write_text(json.dumps(login))

    credentials = build(token_file(path, {"refreshToken": refresh_token(0)}))
    monkeypatch.setattr(os, "fsync", flush_while_the_ide_writes)
    assert credentials.token().access_token == "at-ide"
    assert json.loads(path.read_text()) == login


def test_a_start_while_the_ide_writes_waits_for_it(build, tmp_path) -> None:
    path = tmp_path / "token.json"
    path.write_text("")
    login = json.dumps({"refreshToken": refresh_token(0)})
    threading.Timer(0.07, path.write_text, [login]).start()
    assert build(token_file(path)).token().access_token == access_token(1)


def test_a_file_that_the_ide_has_half_written_does_not_cost_the_new_token(
    build, clock, service, tmp_path
) -> None:
    path = tmp_path / "token.json"
    credentials = build(token_file(path, {"refreshToken": refresh_token(0)}))
    service.hold.clear()
    got: list[Any] = []
    thread = threading.Thread(target=lambda: got.append(credentials.token()))
    thread.start()
    service.arrived.wait(5)
    path.write_text('{"refreshTok')
    service.hold.set()
    thread.join(10)
    assert got[0].access_token == access_token(1)
    clock.now += 4000
    assert credentials.token().access_token == access_token(2)


WORKER = """
import json, sys
from pathlib import Path
from app.credentials.refresh.client import ServiceClient
from app.credentials.pool import Credentials
from app.credentials.refresh.refresher import Refresher
from app.credentials.sources.token_files import FileSource
from app.credentials.store.files import FileStore
directory, url, times = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
credentials = Credentials(
    [FileSource("the token file", directory / "token.json", is_explicit=True)],
    store=FileStore(directory / "cache"),
    refresher=Refresher(ServiceClient(user_agent="test"), auth_url=url),
)
for _ in range(times):
    print(credentials.token().access_token[:7])
"""


def test_two_processes_and_the_ide_on_one_file(service: AuthService, tmp_path) -> None:
    """The IDE refreshes without a lock and writes in place; nobody's login is lost by it."""
    path = tmp_path / "token.json"
    token_file(path, {"refreshToken": refresh_token(0), "provider": "Google"})
    service.extra = {"expiresIn": 0.001}  # whoever looks must refresh
    command = [sys.executable, "-c", WORKER, str(tmp_path), service.url, "30"]
    workers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3])
        for _ in range(2)
    ]
    service.arrived.wait(20)
    for _ in range(20):
        _refresh_as_the_ide(path, service)
        threading.Event().wait(0.02)
    said = [worker.communicate(timeout=60)[0].split() for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0]
    assert [len(words) for words in said] == [30, 30]
    assert json.loads(path.read_text())["provider"] == "Google"


def _refresh_as_the_ide(path: Path, service: AuthService) -> None:
    try:
        document = json.loads(path.read_text())
    except ValueError:
        return
    status, answer, _ = service.answer("/refreshToken", {"refreshToken": document["refreshToken"]})
    if status == 200:
        path.write_text(json.dumps(document | answer))


SKEW = 7200


@pytest.mark.parametrize("skew", [-SKEW, SKEW])
def test_a_clock_that_is_wrong_costs_one_refresh_and_no_loop(
    build, service, clock, tmp_path, skew
) -> None:
    """The IDE wrote the file by a right clock; ours is two hours behind or ahead."""
    path = tmp_path / "token.json"
    login = {"accessToken": "at-old", "refreshToken": refresh_token(0), "expiresAt": clock.now + 60}
    source = token_file(path, login)
    clock.now += skew
    credentials = build(source)
    token = credentials.token()
    if skew < 0:  # it looks good for two hours more; the upstream knows better
        assert token.access_token == "at-old"
        token = credentials.refused(token, REFUSED)
    assert token.access_token == access_token(1)
    for _ in range(59):
        credentials.accepted(token)
        clock.now += 50
        assert credentials.token() == token
    assert len(service.calls) == 1


def test_hosts_with_different_clocks_do_not_refresh_in_turns(
    build, service, clock, tmp_path
) -> None:
    one = build(env_tokens())
    one.token()
    clock.now += 3590  # as a host whose clock is an hour ahead sees it
    build(env_tokens()).token()
    clock.now -= 3590
    calls = len(service.calls)
    for _ in range(20):
        one.token()
        clock.now += 10
    assert len(service.calls) == calls == 2
