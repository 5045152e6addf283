"""SIGKILL at random instants of a refresh: what was promised is stored completely.

``CRASH_ROUNDS`` (20) sets the number of kills; ``make crash`` uses 200. One window cannot be
closed: the service has replaced the refresh token and we have not written the new one. Then the old
record is found, complete, but with a refresh token that was already used; the test logs how often.
"""

import json
import logging
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.credentials.model import Login, fingerprint
from app.credentials.sources.source import Source
from app.credentials.sources.token_files import FileSource
from app.credentials.store.files import FileStore
from tests.credentials.conftest import env_tokens
from tests.credentials.service import AuthService, refresh_token

log = logging.getLogger(__name__)

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "20"))
SEED = int(os.environ.get("CRASH_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
ROOT = Path(__file__).parents[2]
POINTS = (
    "after refresh",
    "before mkstemp",
    "after mkstemp",
    "before fsync",
    "after fsync",
    "before replace",
    "after replace",
    "after sweep",
)


class Workers:
    """The process that forks a worker for each job."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.credentials.crash_worker"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run_until_killed(self, job: dict[str, Any], after: float | None) -> int:
        """The number of the last refresh token that the worker promised to keep, -1 for none.

        ``after``: seconds from its first promise at which it is killed, None if it does so itself.
        """
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        pid, promised = int(self._process.stdout.readline()), -1
        for line in self._process.stdout:
            if line == "end\n":
                return promised
            if promised < 0 and after is not None:
                threading.Timer(after, os.kill, (pid, signal.SIGKILL)).start()
            promised = int(line)
        raise AssertionError("the workers ended")

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(10)


@pytest.fixture
def workers() -> Iterator[Workers]:
    running = Workers()
    yield running
    running.close()


class Place:
    """The place where one kind of login is stored, from the view of its owner and of the checks."""

    def __init__(self, directory: Path, *, from_file: bool) -> None:
        directory.mkdir()
        self.directory = directory
        self.from_file = from_file
        self.source = ""

    def log_in(self, token: str) -> None:
        self.source = token
        if self.from_file:
            login = {"refreshToken": token, "provider": "Google"}
            (self.directory / "token.json").write_text(json.dumps(login))

    def kept(self) -> str:
        """The refresh token that the next start uses."""
        store = FileStore(self.directory / "cache", shared_memory=self.directory / "none")
        with store.lease(self._login()):
            return store.load(self._login()).refresh_token

    def _login(self) -> Login:
        source: Source = env_tokens(self.source)
        if self.from_file:
            path = self.directory / "token.json"
            source = FileSource("the token file", path, is_explicit=True)
        (login,) = source.read().logins
        return login

    @property
    def record(self) -> Path:
        if self.from_file:
            return self.directory / "token.json"
        return self.directory / "cache" / f"{fingerprint(self.source)}.json"

    def temporary(self) -> list[Path]:
        return list(self.record.parent.glob(f".{self.record.name}.*.tmp"))


@pytest.mark.timeout(60 + 2 * ROUNDS)
def test_whenever_a_worker_is_killed_its_promise_is_kept(
    workers: Workers, service: AuthService, tmp_path: Path
) -> None:
    chance = random.Random(SEED)
    service.extra = {"expiresIn": 0.001}
    places = [Place(tmp_path / str(kind), from_file=kind) for kind in (True, False)]
    spent = 0
    for number in range(ROUNDS):
        place = places[number % 2]
        if not place.source or place.kept() != service.valid:
            place.log_in(service.valid)
        point = chance.choice(POINTS) if number % 4 < 2 else ""
        job = {
            "directory": str(place.directory),
            "from_file": place.from_file,
            "refresh_token": place.source,
            "url": service.url,
            "point": point,
            "count": chance.randrange(1, 6),
        }
        before = place.kept()
        promised = workers.run_until_killed(job, None if point else chance.uniform(0, 0.03))
        where = f"round {number}, {point or 'random instant'}, CRASH_SEED={SEED}"
        assert len(place.temporary()) <= 1, where
        kept = place.kept()  # raises if it is incomplete
        assert kept >= (refresh_token(promised) if promised >= 0 else before), where
        assert kept in (service.valid, refresh_token(service.used - 1)), where
        assert not place.temporary(), where
        spent += kept != service.valid
    log.info("%d of %d kills fell between the service's answer and the write", spent, ROUNDS)


@pytest.mark.parametrize("from_file", [True, False], ids=["file", "environment"])
@pytest.mark.parametrize("point", ["before fsync", "after fsync", "before replace"])
def test_a_token_that_was_written_but_not_renamed_is_not_lost(
    workers: Workers, service: AuthService, tmp_path: Path, point: str, from_file: bool
) -> None:
    service.extra = {"expiresIn": 0.001}
    place = Place(tmp_path / "host", from_file=from_file)
    place.log_in(service.valid)
    job = {
        "directory": str(place.directory),
        "from_file": from_file,
        "refresh_token": place.source,
        "url": service.url,
        "point": point,
        "count": 1,
    }
    assert workers.run_until_killed(job, None) == -1
    assert len(place.temporary()) == 1
    assert place.kept() == service.valid == refresh_token(1)
    assert not place.temporary()
