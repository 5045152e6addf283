"""The report on an account in each state."""

from typing import Any

import pytest

from app.aws.quota import Quota, Share
from app.credentials import health
from app.credentials.accounts.report import line
from app.errors import GatewayError, Kind
from tests.credentials.conftest import Build, Clock, env_json, env_tokens
from tests.credentials.service import AuthService, access_token, refresh_token

KEY = env_json({"apiKey": "ksk_one", "description": "the team's"})


@pytest.mark.parametrize(
    ("error", "state", "why", "seconds"),
    [
        (None, "ready", "", 0),
        (
            GatewayError(Kind.QUOTA, "the month is over", retry_after=900),
            "parked",
            "the month",
            900,
        ),
        (GatewayError(Kind.THROTTLED, "too fast", retry_after=9), "paused", "too fast", 9),
        (GatewayError(Kind.THROTTLED, "too fast"), "used last", "too fast", 30),
        (GatewayError(Kind.SUSPENDED, "locked by AWS"), "out", "locked by AWS", 0),
        (GatewayError(Kind.REJECTED, "bad request"), "ready", "", 0),
    ],
)
def test_what_is_held_against_an_account(
    build: Build,
    clock: Clock,
    error: GatewayError | None,
    state: str,
    why: str,
    seconds: float,
) -> None:
    credentials = build(KEY)
    if error:
        credentials.failed(credentials.token(), error)
    (one,) = credentials.report()
    assert (one.state, one.until) == (state, clock.now + seconds if seconds else 0)
    assert one.why.startswith(why)


def test_an_account_whose_time_has_come(build: Build, clock: Clock) -> None:
    credentials = build(KEY)
    credentials.failed(credentials.token(), GatewayError(Kind.QUOTA, "over"))
    clock.now += 601
    assert credentials.report()[0].state == "to be tried"


@pytest.mark.parametrize(
    ("answer", "state"),
    [((400, {"error": "invalid_grant"}, {}), "login over"), ((500, {}, {}), "refresh fails")],
)
def test_a_login_that_cannot_be_refreshed(
    build: Build, service: AuthService, answer: Any, state: str
) -> None:
    service.fail = [answer]
    credentials = build(env_tokens())
    with pytest.raises(GatewayError):
        credentials.token()
    assert credentials.report()[0].state == state


def test_one_line_says_it_all_and_nothing_secret(build: Build, clock: Clock) -> None:
    credentials = build(KEY)
    (account,) = credentials._accounts.values()
    quota = Quota(12.5, 50, clock.now + 86400)
    account.state.update_health(lambda known: health.with_quota(known, quota, clock.now))
    (one,) = credentials.report()
    assert line(one, clock.now) == (
        f"{one.account}  KIRO_AUTH_TOKEN (the team's)  api_key  does not expire  no profile  "
        "12.5 of 50 used, resets 2023-11-15 22:13Z  ready"
    )


def test_the_expiry_of_a_token(build: Build, clock: Clock) -> None:
    credentials = build(env_tokens())
    assert "not refreshed yet" in line(credentials.report()[0], clock.now)
    credentials.token()
    said = line(credentials.report()[0], clock.now)
    assert "expires 2023-11-14 23:13Z (in 60 min)" in said
    assert "expired 2023-11-14 23:13Z" in line(credentials.report()[0], clock.now + 7200)
    assert access_token(1) not in said
    assert refresh_token(1) not in said


def test_the_line_says_what_a_quota_consists_of(build: Build, clock: Clock) -> None:
    """docs/upstream.md: What an account may use has several parts"""
    credentials = build(KEY)
    (account,) = credentials._accounts.values()
    shares = (Share("plan", 1000, 1000), Share("overage", 5.25, 20))
    quota = Quota(1005.25, 1020, 0, "KIRO PRO", shares, "0.21 USD")
    account.state.update_health(lambda known: health.with_quota(known, quota, clock.now))
    (one,) = build(KEY).report()  # another worker reads what was stored
    assert (
        "KIRO PRO: 1005.25 of 1020 used (plan 1000 of 1000, overage 5.25 of 20), "
        "overage has cost 0.21 USD"
    ) in line(one, clock.now)
