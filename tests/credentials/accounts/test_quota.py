"""Querying the quota of an account that used it up."""

import threading

import pytest

from app.aws.quota import Quota
from app.common.errors import GatewayError, Kind
from app.credentials.pool import Credentials
from tests.credentials.conftest import Build, Clock, Control, keys, tokens

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
