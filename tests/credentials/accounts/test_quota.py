"""Querying the quota of an account that used it up."""

import threading

import pytest

from app.aws.quota import Quota
from app.common.errors import GatewayError, Kind
from app.credentials.pool import Credentials
from tests.credentials.conftest import Build, Clock, Control, env_tokens, keys, tokens
from tests.credentials.service import AuthService

QUOTA = GatewayError(Kind.QUOTA, "the month is used up")


def eventually(credentials: Credentials, wanted: str) -> None:
    """Wait for the query in the background."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and wanted in thread.name:
            thread.join(5)


def test_the_quota_that_is_used_up_is_asked_for_its_reset(
    build: Build, control: Control, clock: Clock
) -> None:
    control.left = Quota(50, 50, clock.now + 86400)
    credentials = build(keys("ksk_one"), control=control)
    credentials.failed(credentials.token(), QUOTA)
    clock.now += 1.1
    with pytest.raises(GatewayError):
        credentials.token()
    eventually(credentials, "quota")
    clock.now += 7200
    with pytest.raises(GatewayError) as raised:
        credentials.token()
    assert raised.value.retry_after == pytest.approx(86400 - 7201.1)
    assert control.asked.count("quota ksk_one") == 2  # at first, and once more after half an hour
    clock.now += 86400
    assert tokens(credentials) == ["ksk_one"]


def test_a_quota_that_cannot_be_asked_changes_nothing(
    build: Build, control: Control, clock: Clock
) -> None:
    control.left = GatewayError(Kind.UNAVAILABLE, "down")
    credentials = build(keys("ksk_one", "ksk_two"), control=control)
    credentials.failed(credentials.token(), QUOTA)
    clock.now += 1.1
    assert tokens(credentials) == ["ksk_two"]
    eventually(credentials, "quota")
    clock.now += 600
    assert tokens(credentials) == ["ksk_one"]


def test_a_worker_that_served_nothing_asks_with_the_token_that_another_has_refreshed(
    build: Build, control: Control, clock: Clock, service: AuthService
) -> None:
    control.left = Quota(7, 1000, clock.now + 86400)
    worker, idle = (build(env_tokens(), control=control) for _ in range(2))
    idle.ask_quotas(older_than=300)
    assert control.asked == []  # nobody has a token yet, and none is got for it
    [token] = tokens(worker)
    idle.ask_quotas(older_than=300)
    assert f"quota {token}" in control.asked
    [reported] = idle.report()
    assert reported.quota == control.left
    clock.now += 7200
    [token] = tokens(worker)
    idle.ask_quotas(older_than=300)
    assert f"quota {token}" in control.asked  # and not with the one that has expired
    assert len(service.calls) == 2
