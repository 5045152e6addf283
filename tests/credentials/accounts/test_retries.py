"""A login that is over is tried once more when something has changed; no wait outlives a clock."""

import os
from pathlib import Path

import pytest

from app.common.errors import GatewayError, Kind
from app.credentials import health
from app.credentials.boot import Boot, this_boot
from app.credentials.health import AccountHealth
from app.credentials.pool import Credentials
from tests.credentials.conftest import Build, Clock, env_tokens, keys, token_file
from tests.credentials.service import AuthService, access_token, refresh_token

YEAR = 365 * 86400.0


def fails(credentials: Credentials) -> GatewayError:
    with pytest.raises(GatewayError) as raised:
        credentials.token()
    return raised.value


@pytest.fixture
def over(build: Build, service: AuthService) -> Credentials:
    """A login from the environment that is over."""
    service.fail = [(400, {"error": "invalid_grant"}, {})]
    credentials = build(env_tokens())
    error = fails(credentials)
    assert error.kind is Kind.LOGIN_OVER
    assert "accounts --clear" in error.message
    return credentials


def test_a_login_that_is_over_is_tried_once_more_after_a_restart(
    over: Credentials, build: Build, service: AuthService, clock: Clock
) -> None:
    clock.now += 7200
    assert fails(over).kind is Kind.LOGIN_OVER
    assert len(service.calls) == 1
    assert build(env_tokens()).token().access_token == access_token(1)


def test_all_workers_of_a_restart_try_a_login_once(
    over: Credentials, build: Build, service: AuthService, clock: Clock
) -> None:
    clock.now += 7200
    service.fail = [(400, {"error": "invalid_grant"}, {})] * 9
    workers = [build(env_tokens()) for _ in range(4)]
    clock.now += 1
    for worker in workers * 2:
        assert fails(worker).kind is Kind.LOGIN_OVER
    assert len(service.calls) == 2


def test_a_login_that_is_over_is_tried_once_more_when_its_file_is_touched(
    build: Build, service: AuthService, clock: Clock, tmp_path: Path
) -> None:
    path = tmp_path / "token.json"
    service.fail = [(400, {"error": "invalid_grant"}, {})] * 2
    credentials = build(token_file(path, {"refreshToken": refresh_token(0)}))
    for attempt in range(1, 3):
        for _ in range(3):
            assert fails(credentials).kind is Kind.LOGIN_OVER
            clock.now += 10
        assert len(service.calls) == attempt
        os.utime(path, (clock.now, clock.now))
        clock.now += 10
    assert credentials.token().access_token == access_token(1)


def test_a_file_of_the_future_is_no_reason_to_try_for_ever(
    build: Build, service: AuthService, clock: Clock, tmp_path: Path
) -> None:
    path = tmp_path / "token.json"
    source = token_file(path, {"refreshToken": refresh_token(0)})
    os.utime(path, (clock.now + YEAR, clock.now + YEAR))
    service.fail = [(400, {"error": "invalid_grant"}, {})] * 9
    credentials = build(source)
    for _ in range(5):
        assert fails(credentials).kind is Kind.LOGIN_OVER
        clock.now += 10
    assert len(service.calls) == 1


def test_a_cleared_login_is_tried_again(over: Credentials, clock: Clock) -> None:
    assert over.clear(over.report()[0].account)
    assert over.token().access_token == access_token(1)


@pytest.mark.parametrize("kind", [Kind.QUOTA, Kind.THROTTLED])
def test_a_clock_that_was_a_year_ahead_leaves_no_wait(
    build: Build, clock: Clock, kind: Kind
) -> None:
    clock.now += YEAR
    credentials = build(keys("ksk_1"))
    credentials.failed(credentials.token(), GatewayError(kind, "no", retry_after=60))
    assert 59 <= (fails(credentials).retry_after or 0) <= 60
    clock.now -= YEAR
    assert credentials.token().access_token == "ksk_1"
    clock.now += 61  # a parked account is probed by one request in a minute
    assert build(keys("ksk_1")).token().access_token == "ksk_1"


def test_a_clock_that_was_a_year_ahead_leaves_no_back_off(
    build: Build, service: AuthService, clock: Clock
) -> None:
    clock.now += YEAR
    service.fail = [(429, {}, {"Retry-After": "60"})]
    credentials = build(env_tokens())
    assert fails(credentials).retry_after == pytest.approx(60)
    clock.now -= YEAR
    assert credentials.token().access_token == access_token(1)


@pytest.mark.parametrize("seconds", [1e9, 1e300])
def test_no_wait_is_longer_than_an_hour(build: Build, clock: Clock, seconds: float) -> None:
    credentials = build(keys("ksk_1"))
    error = GatewayError(Kind.THROTTLED, "later", retry_after=seconds)
    credentials.failed(credentials.token(), error)
    assert fails(credentials).retry_after == 3600
    clock.now += 3600
    assert credentials.token().access_token == "ksk_1"


def test_within_a_boot_a_wait_keeps_its_length_when_the_clock_is_set(
    build: Build, clock: Clock
) -> None:
    uptime = 1000.0
    boot = Boot("this", lambda: uptime)
    workers = [build(keys("ksk_1"), boot=boot) for _ in range(2)]
    workers[0].failed(workers[0].token(), GatewayError(Kind.THROTTLED, "later", retry_after=100))
    clock.now += 1800  # half an hour ahead, in no time
    for worker in [*workers, build(keys("ksk_1"), boot=boot)]:
        assert fails(worker).retry_after == pytest.approx(100)
    clock.now, uptime = clock.now + 99, uptime + 99
    assert fails(workers[1]).retry_after == pytest.approx(1)
    clock.now, uptime = clock.now + 2, uptime + 2
    assert [worker.token().access_token for worker in workers] == ["ksk_1"] * 2


def test_the_clock_of_another_boot_moves_nothing() -> None:
    known = AccountHealth(mode="paused", until=500.0, boot="one", offset=100.0)
    assert health.rebased(known, "two", 900.0) is known
    assert health.rebased(known, "one", 100.4) is known
    assert health.rebased(known, "one", 90.0).until == 490.0


def test_all_processes_of_a_machine_agree_on_its_boot() -> None:
    boot, again = this_boot(), this_boot()
    if boot and again:
        assert boot.name == again.name
        earlier = boot.seconds()
        assert 0 <= again.seconds() - earlier < 10


def test_a_wait_that_was_stored_by_a_wrong_clock_is_over(clock: Clock) -> None:
    known = AccountHealth(mode="paused", until=clock.now + YEAR)
    assert health.seconds_left(known, clock.now) == 0.0
