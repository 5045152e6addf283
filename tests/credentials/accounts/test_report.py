"""The report on an account in each condition."""

import json
from typing import Any

import pytest

from app.aws.quota import Quota, Share
from app.common.errors import GatewayError, Kind
from app.credentials import CONDITIONS, Condition, health
from app.credentials.accounts.condition import advice
from app.credentials.accounts.report import document, table
from app.credentials.pool import Credentials
from tests.credentials.conftest import Build, Clock, Control, env_json, env_tokens
from tests.credentials.service import AuthService, access_token, refresh_token

KEY = env_json({"apiKey": "ksk_one", "description": "the team's"})


def proved(credentials: Credentials) -> Credentials:
    credentials.accepted(credentials.token())
    return credentials


def text(credentials: Credentials, clock: Clock) -> str:
    return "\n".join(table(credentials.report(), clock.now))


def test_every_condition_has_a_meaning_and_a_bad_one_an_advice() -> None:
    assert CONDITIONS.keys() == set(Condition)
    for condition, row in CONDITIONS.items():
        assert not row.is_bad or advice(condition, "one")
        assert "{" not in advice(condition, "one")


@pytest.mark.parametrize(
    ("error", "state", "why", "seconds", "usable"),
    [
        (None, "ready", "", 0, True),
        (
            GatewayError(Kind.QUOTA, "the month is over", retry_after=900),
            "quota used up",
            "the month",
            900,
            False,
        ),
        (GatewayError(Kind.THROTTLED, "too fast", retry_after=9), "throttled", "too fast", 9, True),
        (GatewayError(Kind.THROTTLED, "too fast"), "throttled", "too fast", 30, True),
        (GatewayError(Kind.SUSPENDED, "locked by AWS"), "suspended", "locked by AWS", 0, False),
        (GatewayError(Kind.REFUSED_TOKEN, "no plan"), "refused", "no plan", 60, False),
        (GatewayError(Kind.REJECTED, "bad request"), "ready", "", 0, True),
    ],
)
def test_what_is_held_against_an_account(
    build: Build,
    clock: Clock,
    error: GatewayError | None,
    state: str,
    why: str,
    seconds: float,
    usable: bool,
) -> None:
    credentials = proved(build(KEY))
    if error:
        credentials.failed(credentials.token(), error)
    (one,) = credentials.report()
    assert (one.state, one.until) == (state, clock.now + seconds if seconds else 0)
    assert one.why.startswith(why)
    assert one.usable is usable


def test_an_account_whose_time_has_come(build: Build, clock: Clock) -> None:
    credentials = build(KEY)
    credentials.failed(credentials.token(), GatewayError(Kind.QUOTA, "over"))
    clock.now += 601
    (one,) = credentials.report()
    assert (one.state, one.usable) == ("untried", True)
    assert "the next request tries it again" in one.why


def test_an_account_is_refused_until_a_request_succeeds(build: Build, clock: Clock) -> None:
    """But after a minute somebody may find out."""
    credentials = proved(build(KEY))
    credentials.failed(credentials.token(), GatewayError(Kind.REFUSED_TOKEN, "no plan"))
    clock.now += 61
    (one,) = credentials.report()
    assert (one.state, one.until, one.usable) == ("refused", 0, True)
    assert build(KEY).report()[0].state == "refused"  # another worker knows it too
    credentials.accepted(credentials.token())
    assert credentials.report()[0].state == "ready"


@pytest.mark.parametrize("source", [KEY, env_tokens()])
def test_a_login_that_nobody_tried_is_not_ready(build: Build, source: Any) -> None:
    (one,) = build(source).report()
    assert (one.state, one.usable) == ("untried", True)


def test_a_login_is_ready_while_its_token_lasts(build: Build, clock: Clock) -> None:
    credentials = build(env_tokens())
    credentials.token()
    assert credentials.report()[0].state == "ready"  # the sign-in service gave the token
    clock.now += 3601
    (one,) = credentials.report()
    assert (one.state, one.why) == ("untried", "its token has expired; the next request renews it")


def test_a_token_that_nothing_can_renew(build: Build, clock: Clock) -> None:
    expires = "2023-11-14T22:13:30Z"  # ten seconds from now
    credentials = build(env_json({"accessToken": access_token(1), "expiresAt": expires}))
    assert credentials.report()[0].state == "untried"
    clock.now += 60
    (one,) = credentials.report()
    assert (one.state, one.usable) == ("login over", False)


@pytest.mark.parametrize(
    ("answer", "state"),
    [((400, {"error": "invalid_grant"}, {}), "login over"), ((500, {}, {}), "unreachable")],
)
def test_a_login_that_cannot_be_refreshed(
    build: Build, service: AuthService, clock: Clock, answer: Any, state: str
) -> None:
    service.fail = [answer]
    credentials = build(env_tokens())
    with pytest.raises(GatewayError):
        credentials.token()
    (one,) = credentials.report()
    assert (one.state, one.usable) == (state, False)
    assert one.why
    clock.now += 600
    (later,) = credentials.report()
    assert (later.state, later.usable) == (state, state == "unreachable")  # it would be tried


def test_a_token_that_still_works_outlives_its_login(
    build: Build, service: AuthService, clock: Clock
) -> None:
    credentials = proved(build(env_tokens()))
    service.fail = [(400, {"error": "invalid_grant"}, {})]
    token = credentials.token()
    with pytest.raises(GatewayError):
        credentials.refused(token, GatewayError(Kind.REFUSED_TOKEN, "expired"))
    (one,) = credentials.report()
    assert one.state == "login over"
    clock.now += 3601
    assert not credentials.report()[0].usable


@pytest.mark.parametrize(
    ("quota", "state"),
    [
        (Quota(1, 50), "ready"),
        (GatewayError(Kind.REFUSED_TOKEN, "The token is refused."), "refused"),
        (GatewayError(Kind.SUSPENDED, "locked"), "suspended"),
        (GatewayError(Kind.CONNECTION, "no route"), "unreachable"),
        (GatewayError(Kind.REJECTED, "no such operation"), "untried"),
    ],
)
def test_a_check_finds_out(
    build: Build, control: Control, quota: Quota | GatewayError, state: str
) -> None:
    control.left = quota
    credentials = build(KEY, control=control)
    credentials.check()
    (one,) = credentials.report()
    assert one.state == state
    if isinstance(quota, GatewayError):
        assert one.quota_problem == quota.message


def test_a_check_refreshes_first(build: Build, control: Control, service: AuthService) -> None:
    credentials = build(env_tokens(), control=control)
    control.left = GatewayError(Kind.REJECTED, "no such operation")
    credentials.check()
    assert credentials.report()[0].state == "ready"
    service.fail = [(400, {"error": "invalid_grant"}, {})]
    other = build(env_tokens(refresh_token(5)), control=control)
    other.check()
    assert other.report()[0].state == "login over"


def test_a_quota_that_is_used_up_is_said_before_a_request_fails(
    build: Build, control: Control, clock: Clock
) -> None:
    control.left = Quota(50, 50, clock.now + 86400)
    credentials = build(KEY, control=control)
    credentials.check()
    (one,) = credentials.report()
    assert (one.said, one.usable) == ("quota used up until 2023-11-15 22:13Z", True)


def test_why_a_quota_is_unknown(build: Build) -> None:
    (one,) = build(env_tokens()).report()
    assert one.quota_problem == "it cannot be asked without a token that works; --check gets one"


def test_the_table_says_it_all_and_nothing_secret(build: Build, clock: Clock) -> None:
    credentials = proved(build(KEY))
    (account,) = credentials._accounts.values()
    quota = Quota(12.5, 50, clock.now + 86400)
    account.state.update_health(lambda known: health.with_quota(known, quota, clock.now))
    reports = credentials.report()
    head, row = table(reports, clock.now)
    assert head.split() == ["ACCOUNT", "STATE", "KIND", "TOKEN", "QUOTA", "SOURCE", "PROFILE"]
    assert row.split("  ") == [
        reports[0].account,
        "ready",
        "api_key",
        "does not expire",
        "12.5 of 50 used, resets 2023-11-15 22:13Z",
        "KIRO_AUTH_TOKEN (the team's)",
        "none",
    ]
    (members,) = document(reports, [])["accounts"]
    assert (members["state"], members["quota"]["used"]) == ("ready", 12.5)
    assert "ksk_one" not in row + json.dumps(members)


def test_the_expiry_of_a_token(build: Build, clock: Clock) -> None:
    credentials = build(env_tokens())
    assert "not refreshed yet" in text(credentials, clock)
    credentials.token()
    said = text(credentials, clock)
    assert "expires in 60 min" in said
    assert access_token(1) not in said
    assert refresh_token(1) not in said
    clock.now += 7200
    assert "expired 2023-11-14 23:13Z" in text(credentials, clock)


def test_the_table_says_what_a_quota_consists_of(build: Build, clock: Clock) -> None:
    """docs/upstream.md: What an account may use has several parts"""
    credentials = build(KEY)
    (account,) = credentials._accounts.values()
    shares = (Share("plan", 1000, 1000), Share("overage", 5.25, 20))
    quota = Quota(1005.25, 1020, 0, "KIRO PRO", shares, "0.21 USD")
    account.state.update_health(lambda known: health.with_quota(known, quota, clock.now))
    assert (
        "KIRO PRO: 1005.25 of 1020 used (plan 1000 of 1000, overage 5.25 of 20), "
        "overage has cost 0.21 USD"
    ) in text(build(KEY), clock)  # another worker reads what was stored
