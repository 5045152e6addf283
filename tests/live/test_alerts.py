"""Alerts of a gateway with two workers, to a real receiver."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.simulator import Simulator
from tests.alerts.receiver import AlertReceiver
from tests.credentials.conftest import require
from tests.credentials.redis_server import RedisServer
from tests.live.servers import KEY, ROOT, Gateway
from tests.live.test_keys import Service

Seen = list[tuple[str, str]]


class Guarded(Service):
    """A gateway whose login is in a file, its receiver, and its Redis."""

    def __init__(
        self, gateway: Gateway, login: Path, receiver: AlertReceiver, store: RedisServer
    ) -> None:
        super().__init__(gateway, login)
        self.login = login
        self.receiver = receiver
        self.store = store

    def accounts(self, *arguments: str) -> str:
        """What ``kiro2api accounts ...`` prints."""
        command = [sys.executable, "-m", "app", "accounts", *arguments]
        return subprocess.run(
            command,
            cwd=ROOT,
            env=self.gateway.settings,
            capture_output=True,
            text=True,
            check=False,
        ).stdout


def log_in(path: Path, number: int) -> str:
    token = f"refresh-{number}".ljust(120, "x")
    path.write_text(json.dumps({"refreshToken": token, "authMethod": "social"}))
    return token


@pytest.fixture
def guarded(simulator: Simulator, tmp_path: Path) -> Iterator[Guarded]:
    require(RedisServer.is_installed(), "redis-server")
    simulator.reset()
    receiver, store = AlertReceiver(), RedisServer(tmp_path)
    login = tmp_path / "token.json"
    log_in(login, 1)
    gateway = Gateway(
        simulator.url,
        tmp_path,
        AWS_REFRESHTOKEN="",
        KIRO_TOKEN_FILE=str(login),
        KIRO_ALERT_URL=receiver.url,
        KIRO_TOKEN_STORE=store.url,
    )
    yield Guarded(gateway, login, receiver, store)
    gateway.stop()
    store.stop()
    receiver.close()


def test_each_alert_comes_once_and_once_more_when_it_is_over(
    guarded: Guarded, simulator: Simulator
) -> None:
    receiver = guarded.receiver
    assert guarded.ask(KEY).status_code == 200
    guarded.store.stop()
    simulator.script({"fail": "suspended"})
    assert guarded.ask(KEY).status_code == 403
    receiver.wait(
        lambda seen: {("store_away", "began"), ("all_accounts_parked", "began")} < {*seen}
    )
    (account,) = {one["account"] for one in receiver.messages} - {None}

    guarded.store.start()
    receiver.wait(lambda seen: ("store_away", "over") in seen)
    simulator.configure_quota(credits={"currentUsageWithPrecision": 950.0, "currentUsage": 950})
    guarded.accounts("--clear", account)  # which asks for the quota, too
    receiver.wait(lambda seen: ("all_accounts_parked", "over") in seen)
    receiver.wait(lambda seen: ("quota_low", "began") in seen)

    simulator.configure_tokens(dead=[json.loads(guarded.login.read_text())["refreshToken"]])
    simulator.configure_tokens(expire="all")
    assert guarded.ask(KEY).status_code == 403
    receiver.wait(lambda seen: ("login_over", "began") in seen)
    log_in(guarded.login, 2)
    receiver.wait(lambda seen: ("login_over", "over") in seen)

    for kind in ("store_away", "account_suspended", "quota_low", "login_over"):
        states = [state for seen, state in receiver.seen() if seen == kind]
        assert states in (["began"], ["began", "over"])
    assert "s3cret" not in guarded.gateway.log_text()
    assert "refresh-1" not in json.dumps(receiver.messages)
