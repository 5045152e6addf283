"""The lists of the accounts over time: when they are asked for, by whom, and what answers else."""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import gevent
import pytest

from app.catalogue.choice import ModelChoice
from app.catalogue.live import PATIENCE, LiveLists
from app.catalogue.record import KEEP, RETRY
from app.catalogue.shelf import FileShelf
from app.common.errors import GatewayError, Kind
from app.credentials import AuthKind, Credentials, Token
from app.models.catalogue import STATIC, Catalogue
from app.models.table import MODELS

REFUSED = GatewayError(Kind.REFUSED_TOKEN, "no")
BUSY = GatewayError(Kind.UNAVAILABLE, "busy")
PAID = Catalogue(MODELS[:5], "claude-opus-5.5")
FREE = Catalogue(MODELS[11:14], "auto")


def token(account: str, access: str = "t", arn: str | None = None) -> Token:
    return Token(access, AuthKind.SOCIAL, arn or f"arn:of:{account}", "us-east-1", account, 0.0)


class Logins:
    """Accounts with a present token each. ``renewed`` replaces a refused one."""

    def __init__(self, *accounts: str) -> None:
        self.present = {account: token(account) for account in accounts}
        self.renewed: dict[str, Token] = {}
        self.failures: dict[str, GatewayError] = {}

    def tokens(self) -> list[Token]:
        return list(self.present.values())

    def usable(self, account: str, instead_of: Token | None = None) -> Token:
        if account in self.failures:
            raise self.failures[account]
        if instead_of is not None:
            self.present[account] = self.renewed.get(account, instead_of)
        return self.present[account]


class Service:
    """Answers by account, which is the end of the ARN; notes what it was asked."""

    def __init__(self, **answers: Catalogue | GatewayError) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str]] = []
        self.name = "KIRO_CLI"
        self.meanwhile: Callable[[], object] = lambda: None

    def models(
        self, access_token: str, kind: str, profile_arn: str | None, region: str | None
    ) -> Catalogue:
        account = (profile_arn or "").rpartition(":")[2]
        self.asked.append((account, access_token))
        self.meanwhile()
        answer = self.answers[account]
        if isinstance(answer, GatewayError):
            raise answer
        return answer

    def origin(self, region: str | None) -> str:
        return self.name


class Worker:
    """One worker of several, at a time of the test's own."""

    now = 1_800_000_000.0

    def __init__(self, logins: Logins, service: Service, directory: Path, **given: Any) -> None:
        self.models = ModelChoice(default="", aliases={})
        self.shelf = FileShelf(directory)
        self.lists = LiveLists(
            self.models,
            cast(Credentials, logins),
            service,
            self.shelf,
            **{
                "refresh": 1800.0,
                "egress": "",
                "since": Worker.now,
                "clock": lambda: Worker.now,
                **given,
            },
        )

    def ids(self) -> list[str]:
        return [model.id for model in self.models.names.catalogue.models]


@pytest.fixture(autouse=True)
def now() -> None:
    Worker.now = 1_800_000_000.0


def pass_time(seconds: float) -> None:
    Worker.now += seconds


def test_until_a_list_is_read_the_table_answers(tmp_path: Path) -> None:
    service = Service(a=BUSY)
    worker = Worker(Logins("a"), service, tmp_path)
    worker.lists.look()
    assert worker.models.names.catalogue is STATIC
    service.answers["a"] = FREE
    pass_time(RETRY - 1)
    worker.lists.look()
    assert len(service.asked) == 1
    pass_time(1)
    worker.lists.look()
    assert worker.models.names.catalogue == FREE
    assert worker.models.resolve("nothing like it").model.current_id == "claude-sonnet-4.5"


def test_a_list_is_asked_for_again_when_it_is_old(tmp_path: Path) -> None:
    service = Service(a=FREE)
    worker = Worker(Logins("a"), service, tmp_path)
    for _ in range(3):
        worker.lists.look()
        pass_time(599)
    assert len(service.asked) == 1
    service.answers["a"] = PAID
    pass_time(3)
    worker.lists.look()
    assert (len(service.asked), worker.models.names.catalogue) == (2, PAID)


def test_never_means_at_the_start_only(tmp_path: Path) -> None:
    service = Service(a=FREE)
    worker = Worker(Logins("a"), service, tmp_path, refresh=0)
    for _ in range(20):
        worker.lists.look()
        pass_time(4000)
    assert len(service.asked) == 1
    assert worker.models.names.catalogue == FREE


def test_all_workers_of_a_host_ask_once(tmp_path: Path) -> None:
    logins, service = Logins("a"), Service(a=FREE)
    workers = [Worker(logins, service, tmp_path) for _ in range(4)]

    def others_look() -> None:
        service.meanwhile = lambda: None
        for worker in workers[1:]:
            worker.lists.look()
            assert worker.models.names.catalogue is STATIC

    service.meanwhile = others_look
    for worker in workers:
        worker.lists.look()
    assert len(service.asked) == 1
    assert all(worker.models.names.catalogue == FREE for worker in workers)


def test_a_worker_that_starts_later_asks_again_and_has_the_last_list_at_once(
    tmp_path: Path,
) -> None:
    """So a reload reads the lists again: SIGHUP starts new workers."""
    logins, service = Logins("a"), Service(a=FREE)
    Worker(logins, service, tmp_path).lists.look()
    pass_time(60)
    late = Worker(logins, service, tmp_path)
    service.meanwhile = lambda: seen.append(late.models.names.catalogue)
    seen: list[Catalogue] = []
    service.answers["a"] = PAID
    late.lists.look()
    assert seen == [FREE]
    assert late.models.names.catalogue == PAID


def test_the_last_good_list_is_kept_for_a_day_over_a_restart(tmp_path: Path) -> None:
    logins, service = Logins("a"), Service(a=FREE)
    Worker(logins, service, tmp_path).lists.look()
    service.answers["a"] = BUSY
    pass_time(KEEP - 100)
    worker = Worker(logins, service, tmp_path)
    worker.lists.look()
    assert worker.models.names.catalogue == FREE
    pass_time(101)
    worker.lists.look()
    assert worker.models.names.catalogue is STATIC


def test_a_refused_token_is_replaced_once(tmp_path: Path) -> None:
    logins, service = Logins("a"), Service(a=REFUSED)
    logins.renewed["a"] = token("a", "fresh")
    worker = Worker(logins, service, tmp_path)
    worker.lists.look()
    assert service.asked == [("a", "t"), ("a", "fresh")]
    pass_time(RETRY)
    worker.lists.look()
    assert service.asked[2:] == [("a", "fresh")]


@pytest.mark.parametrize("kind", [Kind.FORBIDDEN, Kind.LOGIN_OVER])
def test_what_will_not_change_soon_is_not_asked_every_minute(tmp_path: Path, kind: Kind) -> None:
    service = Service(a=GatewayError(kind, "Your subscription does not support this application"))
    worker = Worker(Logins("a"), service, tmp_path)
    for _ in range(29):
        worker.lists.look()
        pass_time(RETRY)
    assert len(service.asked) == 1
    pass_time(RETRY)
    worker.lists.look()
    assert len(service.asked) == 2


def test_an_account_that_cannot_be_used_does_not_stop_the_others(tmp_path: Path) -> None:
    logins, service = Logins("a", "b"), Service(b=PAID)
    logins.failures["a"] = GatewayError(Kind.LOGIN_OVER, "log in again")
    worker = Worker(logins, service, tmp_path)
    worker.lists.look()
    assert worker.models.merged.lists == {"a": None, "b": PAID}


def test_a_doubted_list_is_asked_for_again_at_most_once_a_minute(tmp_path: Path) -> None:
    """docs/upstream.md: The list is that of the origin that asks"""
    service = Service(a=PAID)
    worker = Worker(Logins("a"), service, tmp_path)
    worker.models.on_doubt = worker.lists.doubt
    worker.lists.look()
    opus = worker.models.resolve("opus").model
    pass_time(1)
    worker.models.doubt("a", opus)
    worker.lists.look()
    assert len(service.asked) == 1
    pass_time(RETRY)
    worker.lists.look()  # the doubt of a minute ago
    assert len(service.asked) == 2
    pass_time(RETRY)
    service.answers["a"] = Catalogue(MODELS[1:3])
    for _ in range(3):
        worker.models.doubt("a", opus)
        worker.lists.look()
        pass_time(1)
    assert len(service.asked) == 3
    assert "claude-opus-5-5" not in worker.ids()
    pass_time(RETRY)
    worker.lists.look()
    worker.models.doubt("a", opus)  # it is not listed any more
    worker.lists.look()
    assert len(service.asked) == 3


def test_another_origin_or_egress_has_another_list(tmp_path: Path) -> None:
    logins, service = Logins("a"), Service(a=PAID)
    worker = Worker(logins, service, tmp_path)
    worker.lists.look()
    abroad = Worker(logins, service, tmp_path, egress="http://proxy:1")
    abroad.lists.look()
    service.name = "AI_EDITOR"
    worker.lists.look()
    assert len(service.asked) == 3
    assert len(list(tmp_path.glob("models-*.json"))) == 3


def test_accounts_of_one_profile_have_a_list_each(tmp_path: Path) -> None:
    """The profile of all social logins says nothing of an account's plan."""
    logins, service = Logins("a", "b"), Service(a=PAID)
    logins.present["b"] = token("b", "other", "arn:of:a")
    worker = Worker(logins, service, tmp_path)
    worker.lists.look()
    assert service.asked == [("a", "t"), ("a", "other")]


def test_a_profile_that_is_found_with_the_first_token(tmp_path: Path) -> None:
    logins, service = Logins("a"), Service(a=PAID)
    known = logins.present["a"]
    logins.present["a"] = Token("", AuthKind.SOCIAL, None, None, "a", 0.0)
    logins.renewed["a"] = known
    worker = Worker(logins, service, tmp_path)
    logins.usable = lambda account, instead_of=None: (  # type: ignore[method-assign]
        logins.present.update(a=known) or known
    )
    worker.lists.look()
    worker.lists.look()
    assert len(service.asked) == 1
    assert worker.models.names.catalogue == PAID


def test_what_is_logged_is_said_once_and_holds_no_secret(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    service = Service(a=BUSY)
    worker = Worker(Logins("a"), service, tmp_path)
    with caplog.at_level(logging.INFO, "kiro2api.models"):
        for _ in range(3):
            worker.lists.look()
            pass_time(RETRY)
        service.answers["a"] = PAID
        worker.lists.look()
        worker.lists.look()
    assert [record.getMessage() for record in caplog.records] == [
        "account a: the list of its models was not read: busy",
        "account a: the service lists 5 models",
    ]
    (kept,) = tmp_path.glob("models-*.json")
    assert "arn:of" not in kept.read_text() + kept.name


def test_it_looks_by_itself_and_can_be_stopped_in_the_middle_of_a_call(tmp_path: Path) -> None:
    service = Service(a=PAID)
    worker = Worker(Logins("a"), service, tmp_path)
    service.meanwhile = lambda: gevent.sleep(60)
    worker.lists.start()
    gevent.sleep(0.01)
    assert len(service.asked) == 1
    worker.lists.close()
    gevent.sleep(0)
    service.meanwhile = lambda: None
    again = Worker(Logins("a"), service, tmp_path)
    again.lists.start()
    gevent.sleep(0.05)
    assert again.models.names.catalogue == PAID
    again.lists.close()


def test_the_shelf_is_closed_after_the_look_that_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client whose connection is closed under a read of its own fails there, which was logged."""
    happened: list[str] = []

    def read(key: str) -> Any:
        try:
            gevent.sleep(60)
        finally:
            happened.append("read")

    worker = Worker(Logins("a"), Service(a=PAID), tmp_path)
    monkeypatch.setattr(worker.shelf, "read", read)
    monkeypatch.setattr(worker.shelf, "close", lambda: happened.append("closed"))
    worker.lists.start()
    gevent.sleep(0.01)
    worker.lists.close()
    assert happened == ["read", "closed"]


def test_an_expired_token_is_left_to_the_first_request_for_a_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.catalogue.live.LOOK_EVERY", 0.01)
    logins, service = Logins("a", "b"), Service(a=PAID, b=PAID)
    logins.present["b"] = replace(token("b"), expires_at=Worker.now)
    worker = Worker(logins, service, tmp_path)
    worker.lists.start()
    gevent.sleep(0.05)
    assert [account for account, _ in service.asked] == ["a"]
    pass_time(PATIENCE)
    gevent.sleep(0.05)
    assert [account for account, _ in service.asked] == ["a", "b"]
    worker.lists.close()


def test_a_mistake_does_not_end_the_look_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.catalogue.live.LOOK_EVERY", 0.01)
    service = Service()  # it fails with a KeyError
    worker = Worker(Logins("a"), service, tmp_path)
    worker.lists.start()
    gevent.sleep(0.02)
    service.answers["a"] = PAID
    gevent.sleep(0.1)
    assert worker.models.names.catalogue == PAID
    worker.lists.close()
