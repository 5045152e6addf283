"""Every worker says the same of an account, whichever of them has found it out; a worker that
serves nothing knows what the others know.
"""

import threading
from collections.abc import Callable
from itertools import count
from time import sleep

import pytest

from app.aws.quota import Quota
from app.common.errors import GatewayError, Kind
from app.credentials import Condition
from app.credentials.accounts.report import AccountReport
from app.credentials.pool import Credentials
from tests.credentials.conftest import Build, Clock, Control, env_tokens, keys
from tests.credentials.service import AuthService, access_token, refresh_token

Look = Callable[[Credentials], AccountReport]

BLIP = GatewayError(Kind.CONNECTION, "no route")
LOCKED = GatewayError(Kind.SUSPENDED, "locked")


@pytest.fixture
def look(clock: Clock) -> Look:
    """What a worker says once it has looked at what the others know."""

    def look(credentials: Credentials) -> AccountReport:
        for _ in range(2):  # at the first look it fetches a token beside it
            clock.now += 2
            [found] = credentials.report()
            sleep(0.1)
        return found

    return look


@pytest.mark.parametrize("refreshes", [1, 12])  # more than a health remembers
def test_of_a_token_that_another_worker_has_got(
    build: Build, clock: Clock, look: Look, refreshes: int
) -> None:
    worker, idle = (build(env_tokens()) for _ in range(2))
    for _ in range(refreshes):
        worker.accepted(worker.token())
        clock.now += 3601
    worker.accepted(worker.token())
    found = look(idle)
    [known] = worker.report()
    assert (found.state, found.expires_at) == (Condition.READY, known.expires_at)


def test_of_a_token_whose_refresh_token_stays_the_same(
    build: Build, clock: Clock, service: AuthService, look: Look
) -> None:
    issued = count(1)
    service.answer = lambda *_: (
        200,
        {
            "accessToken": access_token(next(issued)),
            "refreshToken": refresh_token(0),
            "expiresIn": 3600,
        },
        {},
    )
    worker, idle = (build(env_tokens()) for _ in range(2))
    idle.token()
    for _ in range(2):
        clock.now += 3601
        worker.accepted(worker.token())
    found = look(idle)
    [known] = worker.report()
    assert (found.state, found.expires_at) == (Condition.READY, known.expires_at)
    assert next(issued) == 4


def test_nobody_looks_again_and_again_for_a_token_that_nobody_has_got(
    build: Build, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = build(env_tokens())
    credentials.accepted(credentials.token())
    clock.now += 3601
    monkeypatch.setattr(threading, "Thread", None)
    for _ in range(3):
        clock.now += 2
        assert credentials.report()[0].state is Condition.UNTRIED


def test_of_a_login_that_another_worker_has_found_to_be_over(
    build: Build, clock: Clock, service: AuthService, look: Look
) -> None:
    worker, idle = (build(env_tokens()) for _ in range(2))
    worker.accepted(worker.token())
    clock.now += 3601
    service.valid = "of a new login"
    with pytest.raises(GatewayError, match="is over"):
        worker.token()
    found = look(idle)
    assert (found.state, found.usable) == (Condition.LOGIN_OVER, False)
    assert idle.why_unready() == worker.why_unready() == "login over"


@pytest.mark.parametrize("proved", ["here", "elsewhere", "by a quota", "by its owner"])
@pytest.mark.parametrize("problem", [BLIP, LOCKED])
def test_of_a_quota_that_could_not_be_asked_until_something_proves_otherwise(
    build: Build,
    clock: Clock,
    control: Control,
    look: Look,
    problem: GatewayError,
    proved: str,
) -> None:
    one, other = (build(env_tokens(), control=control) for _ in range(2))
    one.token()
    look(other)
    control.left = problem
    one.ask_quotas(older_than=0)
    assert look(one).state in (Condition.UNREACHABLE, Condition.SUSPENDED)
    control.left = Quota(1, 50)
    if proved == "here":
        one.accepted(one.token())
    elif proved == "elsewhere":
        other.accepted(other.token())
    elif proved == "by a quota":
        other.ask_quotas(older_than=0)
    else:
        assert other.clear(other.report()[0].account)
    found = look(one)
    assert (found.state, found.usable) == (Condition.READY, True)
    assert not one.why_unready()
    assert found.quota_problem == ("" if proved == "by a quota" else problem.message)


def test_of_a_key_that_is_refused_after_it_has_worked(build: Build, control: Control) -> None:
    credentials = build(keys("ksk_one"), control=control)
    credentials.accepted(credentials.token())
    control.left = GatewayError(Kind.REFUSED_TOKEN, "The token is refused.")
    credentials.ask_quotas(older_than=0)
    assert credentials.report()[0].state is Condition.REFUSED
