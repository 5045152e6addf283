"""The decisions of the refresh policy."""

import pytest

from app.aws.regions import region_of
from app.credentials.model import AuthKind, Grant, Login
from app.credentials.refresh import policy
from app.credentials.refresh.policy import Action

NOW = 1_000_000.0


def action(kind: AuthKind = AuthKind.SOCIAL, **grant: object) -> Action:
    found = Grant(**({"access_token": "at", "refresh_token": "rt"} | grant))  # type: ignore[arg-type]
    return policy.next_action(Login("account", "source", kind, found), found, NOW)


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (3600, Action.USE), (301, Action.USE), (299, Action.REFRESH_AHEAD),
        (16, Action.REFRESH_AHEAD), (14, Action.REFRESH_FIRST), (0, Action.REFRESH_FIRST),
        (-9999, Action.REFRESH_FIRST),
    ],
)  # fmt: skip
def test_the_time_that_is_left_decides(left: float, expected: Action) -> None:
    assert action(expires_at=NOW + left) is expected


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (16, Action.USE), (14, Action.REFRESH_AHEAD), (7, Action.REFRESH_AHEAD),
        (5, Action.REFRESH_FIRST),
    ],
)  # fmt: skip
def test_a_token_of_one_minute_is_not_refreshed_all_the_time(left: float, expected: Action) -> None:
    assert action(expires_at=NOW + left, refreshed_at=NOW + left - 60) is expected


def test_what_cannot_be_refreshed_is_used_to_its_end() -> None:
    assert action(refresh_token="", expires_at=NOW - 1) is Action.USE
    assert action(AuthKind.API_KEY, refresh_token="") is Action.USE


def test_a_token_whose_end_nobody_knows_is_used() -> None:
    assert action(expires_at=0.0) is Action.USE


def test_without_a_token_there_is_nothing_to_use() -> None:
    assert action(access_token="") is Action.REFRESH_FIRST


def test_pauses_grow_to_a_minute_and_the_service_has_the_last_word() -> None:
    assert [policy.backoff(failures, None) for failures in (1, 2, 3, 6, 7, 500)] == [
        1, 2, 4, 32, 60, 60,
    ]  # fmt: skip
    assert policy.backoff(5, 7.0) == 7


@pytest.mark.parametrize(
    ("arn", "region"),
    [
        ("arn:aws:codewhisperer:eu-central-1:123456789012:profile/ABC", "eu-central-1"),
        (None, None),
        ("nonsense", None),
        ("arn:aws:codewhisperer::1:x", None),
    ],
)
def test_the_profile_names_the_region_of_the_api(arn: str | None, region: str | None) -> None:
    assert region_of(arn) == region
