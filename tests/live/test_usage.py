"""What answers have cost, through gunicorn with two workers: the command, the page, a crash."""

import csv
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from app.simulator import Simulator
from tests.credentials.conftest import require
from tests.credentials.redis_server import RedisServer
from tests.live.servers import KEY, ROOT, Gateway
from tests.live.test_keys import ASKS, Service

ANSWER = {"text": ["Hello"], "credits": 0.1}


class Office(Service):
    """A gateway with keys, and the ways to see what they have used."""

    def usage(self, *arguments: str) -> str:
        """What ``kiro2api usage ...`` prints."""
        command = [sys.executable, "-m", "app", "usage", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self.gateway.settings, capture_output=True, text=True, check=True
        )
        return done.stdout

    def page(self, key: str, **query: str) -> requests.Response:
        return requests.get(
            f"{self.gateway.url}/v1/usage", query, headers={"x-api-key": key}, timeout=20
        )

    def shown(self, key: str = KEY, **query: str) -> dict[str, Any]:
        answer = self.page(key, **query)
        assert answer.status_code == 200, answer.text
        return {one["name"]: one for one in answer.json()["data"]}

    def wait_for(self, name: str, requests: int) -> dict[str, Any]:
        """What a key has used, once so many of its requests are there."""
        end = time.monotonic() + 10
        while (found := self.shown().get(name, {})).get("requests") != requests:
            assert time.monotonic() < end, found
            time.sleep(0.05)
        return dict(found)


@pytest.fixture(scope="module", params=["host", "all hosts"])
def office(
    request: pytest.FixtureRequest, simulator: Simulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Office]:
    work = tmp_path_factory.mktemp("usage")
    store: dict[str, str] = {}
    if request.param == "all hosts":
        require(RedisServer.is_installed(), "redis-server")
        server = RedisServer(work)
        store = {"KIRO_TOKEN_STORE": server.url}
    path = work / "client-keys.json"
    path.write_text('{"keys": []}')
    gateway = Gateway(simulator.url, work, KIRO_CLIENT_KEYS_FILE=str(path), **store)
    yield Office(gateway, path)
    gateway.stop()
    if store:
        server.stop()


@pytest.fixture(autouse=True)
def priced_answers(simulator: Simulator) -> None:
    simulator.reset()
    simulator.script(*[ANSWER] * 40)


def test_every_dialect_streamed_and_whole(office: Office) -> None:
    secret = office.keys("add", "alice")
    for path in ASKS:
        for streamed in (False, True):
            assert office.ask(secret, path, stream=streamed).status_code == 200
    found = office.wait_for("alice", 6)
    assert found["credits"] == 0.6
    assert found["input_tokens"] > 0
    assert found["output_tokens"] > 0
    assert (found["failed"], found["unpriced"]) == (0, 0)


def test_a_key_sees_its_own(office: Office) -> None:
    secret = office.keys("add", "bob")
    office.ask(secret)
    office.ask(KEY)
    office.wait_for("bob", 1)
    own = office.page(secret).json()
    assert own["by"] == "model"
    assert own["total"]["requests"] == 1
    assert [one["name"] for one in own["data"]] == ["claude-sonnet-4-6"]
    assert list(office.shown(secret, by="key")) == ["bob"]
    assert list(office.shown(secret, by="client")) == ["127.0.0.1"]
    refused = office.page(secret, by="account")
    assert refused.status_code == 403
    assert "only the owner's key" in refused.json()["error"]["message"]


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({"by": "prompt"}, "by: 'prompt' is none of key, model"),
        ({"since": "yesterday"}, "since: 'yesterday' is neither"),
    ],
)
def test_what_cannot_be_asked(office: Office, query: dict[str, str], problem: str) -> None:
    refused = office.page(KEY, **query)
    assert refused.status_code == 400
    assert problem in refused.json()["error"]["message"]


def test_a_request_that_failed_is_there(office: Office, simulator: Simulator) -> None:
    secret = office.keys("add", "carol")
    simulator.reset()
    simulator.script({"fail": "too_long"})
    assert office.ask(secret).status_code == 400
    found = office.wait_for("carol", 1)
    assert (found["failed"], found["credits"], found["unpriced"]) == (1, 0.0, 1)
    assert found["input_tokens"] == 0, "nothing was read"


def test_the_command(office: Office) -> None:
    secret = office.keys("add", "dora")
    office.ask(secret)
    office.wait_for("dora", 1)
    [line] = [line for line in office.usage().splitlines() if line.startswith("dora ")]
    assert line.split()[1] == "1"
    assert line.split()[-1] == "0.10"
    told = json.loads(office.usage("--by", "model", "--json", "--since", "1d"))
    assert told["by"] == "model"
    assert told["total"]["requests"] >= 1
    rows = {row["key"]: row for row in csv.DictReader(io.StringIO(office.usage("--csv")))}
    assert (rows["dora"]["requests"], rows["dora"]["credits"]) == ("1", "0.1")
    assert secret not in office.usage()


def test_a_stop_loses_nothing(simulator: Simulator, tmp_path: Path) -> None:
    gateway = Gateway(simulator.url, tmp_path)
    office = Office(gateway, tmp_path / "no-keys")
    for _ in range(5):
        office.ask(KEY)
    gateway.stop()
    assert json.loads(office.usage("--json"))["total"]["requests"] == 5


def test_a_killed_worker_loses_a_second_at_most(simulator: Simulator, tmp_path: Path) -> None:
    gateway = Gateway(simulator.url, tmp_path)
    office = Office(gateway, tmp_path / "no-keys")
    try:
        for _ in range(3):
            office.ask(KEY)
        office.wait_for("KIRO_CLIENT_TOKEN", 3)
        workers = subprocess.run(
            ["pgrep", "-P", str(gateway.process.pid)], capture_output=True, text=True, check=True
        )
        for pid in workers.stdout.split():
            os.kill(int(pid), signal.SIGKILL)
        end = time.monotonic() + 20
        while True:
            try:
                assert office.ask(KEY).status_code == 200
                break
            except requests.RequestException:
                assert time.monotonic() < end
        office.wait_for("KIRO_CLIENT_TOKEN", 4)
    finally:
        gateway.stop()


def test_nothing_is_kept_if_nothing_is_to_be(simulator: Simulator, tmp_path: Path) -> None:
    gateway = Gateway(simulator.url, tmp_path, KIRO_USAGE_DAYS="0")
    office = Office(gateway, tmp_path / "no-keys")
    try:
        assert office.ask(KEY).status_code == 200
        assert office.page(KEY).status_code == 404
    finally:
        gateway.stop()
    assert not [*tmp_path.rglob("usage.db*")]


def test_an_account_agrees_with_its_service(simulator: Simulator, tmp_path: Path) -> None:
    """What the service says it has charged is what is recorded, but for what others have used."""
    gateway = Gateway(simulator.url, tmp_path)
    office = Office(gateway, tmp_path / "no-keys")

    def check(readings: int) -> None:
        """Have the account's quota asked for, and wait until the gateway knows of it."""
        command = [sys.executable, "-m", "app", "accounts", "--check"]
        subprocess.run(command, cwd=ROOT, env=gateway.settings, capture_output=True, check=True)
        end = time.monotonic() + 20
        kept = sqlite3.connect(tmp_path / "tokens" / "usage.db")
        while kept.execute("SELECT count(*) FROM readings").fetchone() != (readings,):
            assert time.monotonic() < end
            time.sleep(0.1)
        kept.close()

    try:
        office.ask(KEY)
        office.wait_for("KIRO_CLIENT_TOKEN", 1)
        check(1)
        for _ in range(3):
            office.ask(KEY)
        office.wait_for("KIRO_CLIENT_TOKEN", 4)
        check(2)
        (account,) = office.page(KEY, by="account").json()["accounts"]
        assert (account["counted"], account["recorded"], account["difference"]) == (0.3, 0.3, 0.0)
        assert "0.30 are recorded here, a difference of 0.00." in office.usage("--by", "account")
    finally:
        gateway.stop()
