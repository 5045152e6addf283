"""Which alerts are sent, and when: of accounts that the test makes up, to a real receiver."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from app.alerts import watch as watching
from app.alerts.receiver import Receiver, Undelivered
from app.alerts.watch import Watch
from app.aws.quota import Quota
from app.credentials import CONDITIONS, Condition
from tests.alerts.receiver import AlertReceiver

NOW = 1_795_800_600.0


@dataclass
class Account:
    account: str = "main"
    state: Condition = Condition.READY
    why: str = ""
    quota: Quota | None = None
    quota_at: float = NOW

    @property
    def usable(self) -> bool:
        return not CONDITIONS[self.state].is_bad


@dataclass
class Accounts:
    """In place of the credentials."""

    accounts: list[Account] = field(default_factory=lambda: [Account(), Account("spare")])
    problems: list[str] = field(default_factory=list)
    asked: int = 0

    def report(self) -> list[Account]:
        return self.accounts

    def store_problems(self) -> list[str]:
        return self.problems

    def ask_quotas(self, *, older_than: float) -> None:
        self.asked += 1


@pytest.fixture
def receiver() -> Iterator[AlertReceiver]:
    running = AlertReceiver()
    yield running
    running.close()


@pytest.fixture
def accounts() -> Accounts:
    return Accounts()


def watch_of(
    accounts: Accounts, directory: Path, receiver: AlertReceiver | None, **more: Any
) -> Watch:
    return Watch(
        accounts,  # type: ignore[arg-type]
        directory,
        Receiver(receiver.url, user_agent="kiro2api/test", timeout=5) if receiver else None,
        on_quota=more.get("on_quota", lambda *_: None),
        version="1.2.3",
        clock=lambda: NOW,
    )


def look(watch: Watch, times: int = 2) -> None:
    for _ in range(times):
        watch.look()


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        ({"state": Condition.LOGIN_OVER, "why": "The sign-in service refused it."}, "login_over"),
        ({"state": Condition.SUSPENDED, "why": "Temporarily suspended."}, "account_suspended"),
        ({"quota": Quota(used=950.5, limit=1000)}, "quota_low"),
    ],
)
def test_of_one_account_once_and_once_more_when_it_is_over(
    accounts: Accounts,
    receiver: AlertReceiver,
    tmp_path: Path,
    members: dict[str, Any],
    kind: str,
) -> None:
    watch = watch_of(accounts, tmp_path, receiver)
    look(watch)
    assert receiver.messages == []
    accounts.accounts[0] = Account(**members)
    look(watch, 1)
    assert receiver.messages == [], "it may be over at the next look"
    look(watch, 5)
    (message,) = receiver.messages
    text = message.pop("text")
    assert message.pop("host")
    assert message == {
        "source": "kiro2api",
        "version": "1.2.3",
        "kind": kind,
        "state": "began",
        "account": "main",
        "since": "2026-11-27T17:30:00Z",
        "time": "2026-11-27T17:30:00Z",
    }
    assert "ccount main" in text
    assert members.get("why", "49.50 of its 1000 credits left") in text
    accounts.accounts[0] = Account()
    look(watch, 5)
    assert receiver.seen() == [(kind, "began"), (kind, "over")]
    assert receiver.messages[-1]["text"] == f"Over: {text}"
    watch.close()


def test_all_accounts_parked_and_the_store_away(
    accounts: Accounts, receiver: AlertReceiver, tmp_path: Path
) -> None:
    watch = watch_of(accounts, tmp_path, receiver)
    accounts.accounts[0].state = Condition.QUOTA_USED_UP
    look(watch)
    assert receiver.messages == []
    accounts.accounts[1].state = Condition.UNREACHABLE
    accounts.problems = ["KIRO_TOKEN_STORE cannot be used (refused)"]
    look(watch)
    assert receiver.seen() == [("all_accounts_parked", "began"), ("store_away", "began")]
    assert "main: quota used up; spare: unreachable" in receiver.messages[0]["text"]
    accounts.accounts[0].state = Condition.UNTRIED
    look(watch, 3)
    assert len(receiver.messages) == 2, "the next request may park it again"
    accounts.accounts[0].state = Condition.READY
    look(watch, 3)
    assert receiver.seen()[-1] == ("all_accounts_parked", "over")
    watch.close()


def test_the_last_login_is_gone(
    accounts: Accounts, receiver: AlertReceiver, tmp_path: Path
) -> None:
    watch = watch_of(accounts, tmp_path, receiver)
    accounts.accounts = []
    look(watch)
    assert receiver.seen() == [("all_accounts_parked", "began")]
    assert "(no login)" in receiver.messages[0]["text"]
    accounts.accounts = [Account()]
    look(watch, 3)
    assert receiver.seen()[-1] == ("all_accounts_parked", "over")
    watch.close()


@pytest.mark.parametrize(
    "quota",
    [
        Quota(used=900, limit=1000),
        Quota(used=0, limit=0),
        Quota(used=1000, limit=1000, resets_at=NOW - 1),
    ],
)
def test_a_quota_that_is_not_low(
    accounts: Accounts, receiver: AlertReceiver, tmp_path: Path, quota: Quota
) -> None:
    watch = watch_of(accounts, tmp_path, receiver)
    accounts.accounts[0].quota = quota
    look(watch)
    assert receiver.messages == []
    watch.close()


def test_one_worker_of_a_host_sends_and_another_takes_over(
    accounts: Accounts, receiver: AlertReceiver, tmp_path: Path
) -> None:
    accounts.problems = ["KIRO_TOKEN_STORE cannot be used"]
    first, second = (watch_of(accounts, tmp_path, receiver) for _ in range(2))
    for _ in range(3):
        first.look()
        second.look()
    assert receiver.seen() == [("store_away", "began")]
    first.close()
    look(second, 3)
    assert receiver.seen() == [("store_away", "began")], "the file says that it was sent"
    accounts.problems = []
    look(second, 3)
    assert receiver.seen() == [("store_away", "began"), ("store_away", "over")]
    second.close()


def test_a_directory_that_others_can_write_to_is_not_used(
    accounts: Accounts,
    receiver: AlertReceiver,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    accounts.problems = ["KIRO_TOKEN_CACHE is not written"]
    watch = watch_of(accounts, tmp_path / "open", receiver)
    look(watch, 3)
    assert receiver.seen() == [("store_away", "began")]
    assert "everyone can write to it" in caplog.text
    watch.close()
    assert not (tmp_path / "open" / "alerts.lock").exists()


def test_what_was_not_taken_is_sent_later_if_it_still_holds(
    accounts: Accounts,
    receiver: AlertReceiver,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(watching, "SHORTEST_PAUSE", 0.0)
    watch = watch_of(accounts, tmp_path, receiver)
    watch._pause = 0.0
    receiver.status = 503
    accounts.problems = ["KIRO_TOKEN_STORE cannot be used"]
    look(watch, 3)
    assert len(receiver.paths) == 2
    assert receiver.paths[0] == "/hook?token=s3cret"
    assert "it answered with status 503" in caplog.text
    assert "s3cret" not in caplog.text
    receiver.status = 200
    look(watch, 3)
    assert receiver.seen() == [("store_away", "began")]
    watch.close()


def test_a_receiver_that_is_not_there_or_slow() -> None:
    with pytest.raises(Undelivered, match="ConnectionRefusedError"):
        Receiver("http://127.0.0.1:1/hook?secret", user_agent="x").send({})
    slow = AlertReceiver()
    slow.delay = 3.0
    with pytest.raises(Undelivered, match=r"TimeoutError|timed out"):
        Receiver(slow.url, user_agent="x", timeout=0.2).send({})
    slow.close()


def test_quotas_are_asked_for_and_given_on_once(
    accounts: Accounts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    accounts.accounts[0].quota = Quota(used=1, limit=9)
    watch = watch_of(accounts, tmp_path, None, on_quota=lambda *each: told.append(each))
    look(watch, 3)
    assert told == [("main", NOW, Quota(used=1, limit=9))]
    assert accounts.asked == 1
    monkeypatch.setattr(watching, "QUOTA_AGAIN", 0.0)
    accounts.accounts[1].state = Condition.UNREACHABLE  # a moment later it may be known better
    look(watch, 3)
    assert accounts.asked == 3
    accounts.accounts[1].state = Condition.READY
    look(watch, 3)
    assert accounts.asked == 4
    watch.close()
