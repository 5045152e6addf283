"""One account, used through the pool: when it refreshes, and what survives."""

from pathlib import Path

import pytest

from app.common.errors import GatewayError, Kind
from app.credentials.model import Token
from app.credentials.pool import Credentials
from tests.credentials.conftest import Build, Clock, env_json, env_tokens, token_file
from tests.credentials.service import AuthService, access_token, refresh_token

REFUSED = GatewayError(Kind.REFUSED_TOKEN, "refused")


def refused(credentials: Credentials, token: Token) -> str | None:
    """The access token to try after the upstream has refused this one."""
    instead = credentials.refused(token, REFUSED)
    return instead.access_token if instead else None


def settled(credentials: Credentials) -> None:
    """Wait for the refresh in the background."""
    for account in credentials._accounts.values():
        account.finish_refresh(10)


def test_a_refresh_token_alone_is_turned_into_a_token(
    build: Build, service: AuthService, clock: Clock
) -> None:
    token = build(env_tokens()).token()
    assert token.access_token == access_token(1)
    assert token.expires_at == clock.now + 3600
    assert service.calls == [("/refreshToken", {"refreshToken": refresh_token(0)})]


def test_a_token_is_used_while_plenty_is_left(
    build: Build, service: AuthService, clock: Clock
) -> None:
    credentials = build(env_tokens())
    credentials.token()
    clock.now += 3600 - 301
    assert credentials.token().access_token == access_token(1)
    settled(credentials)
    assert len(service.calls) == 1


def test_the_last_five_minutes_refresh_in_the_background(
    build: Build, service: AuthService, clock: Clock
) -> None:
    credentials = build(env_tokens())
    credentials.token()
    clock.now += 3600 - 299
    service.hold.clear()
    assert credentials.token().access_token == access_token(1)  # does not wait
    assert credentials.token().access_token == access_token(1)
    service.hold.set()
    settled(credentials)
    assert credentials.token().access_token == access_token(2)
    assert len(service.calls) == 2


def test_a_failed_refresh_ahead_leaves_the_old_token_in_use(
    build: Build, service: AuthService, clock: Clock
) -> None:
    credentials = build(env_tokens())
    credentials.token()
    clock.now += 3600 - 299
    service.fail = [(503, {}, {})] * 9
    for _ in range(3):
        assert credentials.token().access_token == access_token(1)
        settled(credentials)
    assert len(service.calls) == 2  # the back-off holds


def test_a_restart_goes_on_with_the_rotated_token(
    build: Build, service: AuthService, clock: Clock
) -> None:
    build(env_tokens()).token()
    clock.now += 4000
    assert build(env_tokens()).token().access_token == access_token(2)
    assert service.calls[-1][1] == {"refreshToken": refresh_token(1)}


def test_a_new_login_in_the_environment_wins_over_the_record(
    build: Build, service: AuthService
) -> None:
    build(env_tokens()).token()
    service.valid = refresh_token(77)
    assert build(env_tokens(refresh_token(77))).token().access_token == access_token(2)
    assert service.calls[-1][1] == {"refreshToken": refresh_token(77)}


def test_an_accepted_token_that_is_refused_is_refreshed_at_once(
    build: Build, service: AuthService
) -> None:
    credentials = build(env_tokens())
    token = credentials.token()
    credentials.accepted(token)
    fresh = credentials.refused(token, REFUSED)
    assert fresh
    assert fresh.access_token == access_token(2)
    assert credentials.token() == fresh


def test_what_one_worker_saw_accepted_is_refreshed_by_another(
    build: Build, service: AuthService
) -> None:
    one, two = build(env_tokens()), build(env_tokens())
    one.accepted(one.token())
    assert refused(two, two.token()) == access_token(2)


def test_a_token_that_another_worker_replaced_is_not_refreshed_again(
    build: Build, service: AuthService
) -> None:
    one, two = build(env_tokens()), build(env_tokens())
    old = two.token()
    one.accepted(one.token())
    fresh = one.refused(old, REFUSED)
    assert two.refused(old, REFUSED) == fresh
    assert len(service.calls) == 2


def test_a_fresh_token_refused_at_first_sight_is_not_refreshed_for_a_minute(
    build: Build, service: AuthService, clock: Clock
) -> None:
    credentials = build(env_tokens())
    token = credentials.token()
    assert credentials.refused(token, REFUSED) is None
    clock.now += 59
    assert credentials.refused(token, REFUSED) is None
    assert len(service.calls) == 1
    clock.now += 2
    assert refused(credentials, token) == access_token(2)


def test_a_token_of_the_source_refused_at_first_sight_is_refreshed(
    build: Build, service: AuthService, clock: Clock, tmp_path: Path
) -> None:
    path = tmp_path / "token.json"
    source = token_file(
        path,
        {"accessToken": "at-old", "refreshToken": refresh_token(0), "expiresAt": clock.now + 9999},
    )
    credentials = build(source)
    assert refused(credentials, credentials.token()) == access_token(1)


def test_a_refusal_of_a_token_already_replaced_costs_no_refresh(
    build: Build, service: AuthService
) -> None:
    credentials = build(env_tokens())
    old = credentials.token()
    credentials.accepted(old)
    fresh = credentials.refused(old, REFUSED)
    assert credentials.refused(old, REFUSED) == fresh
    assert len(service.calls) == 2


def test_an_api_key_is_used_as_it_is(build: Build, service: AuthService) -> None:
    credentials = build(env_json({"auth": "api_key", "apiKey": "ksk_abc"}))
    token = credentials.token()
    assert (token.kind, token.access_token) == ("api_key", "ksk_abc")
    assert credentials.refused(token, REFUSED) is None
    assert service.calls == []


def test_nothing_secret_in_a_repr(build: Build) -> None:
    credentials = build(env_tokens())
    token = credentials.token()
    (account,) = credentials._accounts.values()
    for value in (token, account.state.login, account.state.grant):
        assert access_token(1) not in repr(value)
        assert "rt-" not in repr(value)


SKEW = 7200


@pytest.mark.parametrize("skew", [-SKEW, SKEW])
def test_a_clock_that_is_wrong_costs_one_refresh_and_no_loop(
    build: Build, service: AuthService, clock: Clock, tmp_path: Path, skew: int
) -> None:
    """The IDE wrote the file with a correct clock; ours is two hours behind or ahead."""
    path = tmp_path / "token.json"
    login = {"accessToken": "at-old", "refreshToken": refresh_token(0), "expiresAt": clock.now + 60}
    source = token_file(path, login)
    clock.now += skew
    credentials = build(source)
    token = credentials.token()
    if skew < 0:  # the token looks valid for two more hours, but the upstream refuses it
        assert token.access_token == "at-old"
        fresh = credentials.refused(token, REFUSED)
        assert fresh
        token = fresh
    assert token.access_token == access_token(1)
    for _ in range(59):
        credentials.accepted(token)
        clock.now += 50
        assert credentials.token() == token
    assert len(service.calls) == 1


def test_hosts_with_different_clocks_do_not_refresh_in_turns(
    build: Build, service: AuthService, clock: Clock, tmp_path: Path
) -> None:
    one = build(env_tokens())
    one.token()
    clock.now += 3590  # the view of a host whose clock is an hour ahead
    build(env_tokens()).token()
    clock.now -= 3590
    calls = len(service.calls)
    for _ in range(20):
        one.token()
        clock.now += 10
    assert len(service.calls) == calls == 2
