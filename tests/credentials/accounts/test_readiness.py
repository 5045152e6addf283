"""When no account can serve, and what is said of that to somebody without a key."""

from typing import Any

import pytest

from app.common.errors import GatewayError, Kind
from tests.credentials.conftest import Build, Clock, env_tokens, keys
from tests.credentials.service import AuthService


def test_an_account_that_nobody_has_tried_may_work(build: Build) -> None:
    assert build(env_tokens()).why_unready() == ""


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (GatewayError(Kind.QUOTA, "alice's month is over"), "quota used up"),
        (GatewayError(Kind.SUSPENDED, "locked by AWS"), "suspended"),
        (GatewayError(Kind.REFUSED_TOKEN, "who?"), "refused"),
        (GatewayError(Kind.THROTTLED, "slow"), ""),
        (GatewayError(Kind.UNAVAILABLE, "down"), ""),
        (GatewayError(Kind.REJECTED, "bad request"), ""),
    ],
)
def test_what_a_request_has_shown(
    build: Build, clock: Clock, error: GatewayError, reason: str
) -> None:
    credentials, other_worker = build(keys("ksk_one")), build(keys("ksk_one"))
    credentials.failed(credentials.token(), error)
    assert credentials.why_unready() == reason
    clock.now += 1.1
    assert other_worker.why_unready() == reason


def test_one_account_is_enough(build: Build) -> None:
    credentials = build(keys("ksk_one", "ksk_two"))
    second = credentials.failed(credentials.token(), GatewayError(Kind.QUOTA, "over"))
    assert credentials.why_unready() == ""
    assert second is not None
    credentials.failed(second, GatewayError(Kind.SUSPENDED, "locked"))
    assert credentials.why_unready() == "quota used up", "that passes, the other does not"


def test_a_parked_account_is_ready_to_be_tried(build: Build, clock: Clock) -> None:
    credentials = build(keys("ksk_one"))
    credentials.failed(credentials.token(), GatewayError(Kind.QUOTA, "over"))
    clock.now += 601
    assert credentials.why_unready() == ""


@pytest.mark.parametrize(
    ("answer", "reason"),
    [((400, {"error": "invalid_grant"}, {}), "login over"), ((500, {}, {}), "unreachable")],
)
def test_a_login_that_cannot_be_refreshed_serves_until_its_token_expires(
    build: Build, service: AuthService, clock: Clock, answer: Any, reason: str
) -> None:
    credentials = build(env_tokens())
    token = credentials.token()
    (account,) = credentials._accounts.values()
    service.fail = [answer] * 9
    clock.now = token.expires_at - 100
    assert credentials.token() == token, "it is refreshed in the background"
    account.finish_refresh(10)
    assert credentials.why_unready() == ""
    clock.now = token.expires_at
    with pytest.raises(GatewayError):
        credentials.token()
    assert credentials.why_unready() == reason
