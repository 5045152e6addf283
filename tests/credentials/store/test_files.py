"""Records and token files, also while other programs write them."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from app.common.errors import GatewayError
from tests.credentials.conftest import Build, Clock, env_tokens, token_file
from tests.credentials.service import AuthService, access_token, refresh_token


def test_a_login_that_the_ide_writes_at_the_last_moment_is_not_overwritten(
    build: Build, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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


def test_a_start_while_the_ide_writes_waits_for_it(build: Build, tmp_path: Path) -> None:
    path = tmp_path / "token.json"
    path.write_text("")
    login = json.dumps({"refreshToken": refresh_token(0)})
    threading.Timer(0.07, path.write_text, [login]).start()
    assert build(token_file(path)).token().access_token == access_token(1)


def test_a_file_that_the_ide_has_half_written_does_not_cost_the_new_token(
    build: Build, clock: Clock, service: AuthService, tmp_path: Path
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


def test_two_processes_and_the_ide_on_one_file(service: AuthService, tmp_path: Path) -> None:
    """The IDE refreshes without a lock and writes in place; no login is lost."""
    path = tmp_path / "token.json"
    token_file(path, {"refreshToken": refresh_token(0), "provider": "Google"})
    service.extra = {"expiresIn": 0.001}  # every reader must refresh
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


def the_record(directory: Path) -> Path:
    (record,) = (path for path in directory.glob("*.json") if ".state" not in path.name)
    return record


def test_the_token_file_is_written_back_whole(
    build: Build, service: AuthService, clock: Clock, tmp_path: Path
) -> None:
    path = tmp_path / "sso" / "token.json"
    path.parent.mkdir()
    source = token_file(
        path,
        {
            "accessToken": "at-old",
            "refreshToken": refresh_token(0),
            "expiresAt": "2020-01-01T00:00:00.123456789",
            "provider": "Google",
            "somethingNew": {"nested": [1, 2.5, None]},
        },
    )
    service.extra["profileArn"] = (
        "arn:aws:codewhisperer:eu-central-1:123456789012:profile/ABCDEFGHIJKL"
    )
    path.chmod(0o640)
    token = build(source).token()
    assert token.region == "eu-central-1"
    assert json.loads(path.read_text()) == {
        "accessToken": access_token(1),
        "refreshToken": refresh_token(1),
        "expiresAt": "2023-11-14T23:13:20.000Z",
        "provider": "Google",
        "somethingNew": {"nested": [1, 2.5, None]},
        "profileArn": token.profile_arn,
    }
    assert path.stat().st_mode & 0o777 == 0o640
    assert sorted(p.name for p in path.parent.iterdir()) == ["token.json", "token.json.lock"]


def test_a_damaged_record_gives_way_to_the_source(
    build: Build, service: AuthService, clock: Clock, tmp_path: Path
) -> None:
    build(env_tokens()).token()
    record = the_record(tmp_path / "cache")
    record.write_text(record.read_text()[:40])
    service.valid = refresh_token(0)
    assert build(env_tokens()).token().access_token == access_token(2)
    assert json.loads(record.read_text())["refreshToken"] == refresh_token(2)


def test_what_former_logins_left_is_removed_in_time(build: Build, tmp_path: Path) -> None:
    directory = tmp_path / "cache"
    directory.mkdir()
    ages = {"old.json": 91 * 86400, "kept.json": 89 * 86400, ".a.x.tmp": 700, ".b.y.tmp": 500}
    for name, age in ages.items():
        (directory / name).write_text("{}")
        os.utime(directory / name, (time.time() - age,) * 2)
    build(env_tokens()).token()
    assert {name for name in ages if (directory / name).exists()} == {"kept.json", ".b.y.tmp"}


def test_the_record_of_a_later_version_is_left_alone(
    build: Build, service: AuthService, tmp_path: Path
) -> None:
    build(env_tokens()).token()
    record = the_record(tmp_path / "cache")
    later = json.dumps({"version": 99, "tokens": "elsewhere"})
    record.write_text(later)
    with pytest.raises(GatewayError, match="later version"):
        build(env_tokens())
    assert record.read_text() == later
