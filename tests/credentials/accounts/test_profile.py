"""Finding the profile of a login that does not name one."""

import json
from pathlib import Path

import pytest

from app.common.errors import GatewayError, Kind
from tests.credentials.conftest import Build, Clock, Control, env_json, keys, token_file, tokens
from tests.credentials.service import AuthService, access_token, refresh_token

ARN = "arn:aws:codewhisperer:eu-central-1:123456789012:profile/ABCDEFGHIJKL"


def test_a_login_without_a_profile_is_asked_for_it_once(
    build: Build, control: Control, clock: Clock, service: AuthService
) -> None:
    control.profile = ARN
    login = {"auth": "IdC", "refreshToken": refresh_token(0), "clientId": "i", "clientSecret": "s"}
    credentials = build(env_json(login), control=control)
    token = credentials.token()
    assert (token.profile_arn, token.region) == (ARN, "eu-central-1")
    clock.now += 4000
    assert credentials.token().profile_arn == ARN
    assert build(env_json(login), control=control).token().profile_arn == ARN
    assert control.asked == [f"profile {access_token(1)}"]


def test_a_valid_token_without_a_profile_is_asked_for_it_too(
    build: Build, control: Control, clock: Clock, tmp_path: Path
) -> None:
    control.profile = ARN
    path = tmp_path / "token.json"
    login = {
        "authMethod": "IdC", "accessToken": "at-file", "refreshToken": refresh_token(0),
        "expiresAt": clock.now + 3600, "clientId": "i", "clientSecret": "s",
    }  # fmt: skip
    credentials = build(token_file(path, login), control=control)
    assert credentials.token().profile_arn == ARN
    assert credentials.token().access_token == "at-file"
    assert control.asked == ["profile at-file"]
    assert json.loads(path.read_text())["profileArn"] == ARN


@pytest.mark.parametrize(
    "profile",
    [None, GatewayError(Kind.FORBIDDEN, "no"), "arn:aws:codewhisperer:evil.example/:1:profile/X"],
)
def test_not_finding_a_profile_is_no_failure(
    build: Build, control: Control, profile: str | GatewayError | None
) -> None:
    control.profile = profile
    credentials = build(keys("ksk_one"), control=control)
    assert tokens(credentials, 3) == ["ksk_one"] * 3
    assert credentials.token().region is None
    assert control.asked == ["profile ksk_one"]


def test_a_profile_found_for_a_key_is_used_and_its_file_left_alone(
    build: Build, control: Control, tmp_path: Path
) -> None:
    control.profile = ARN
    path = tmp_path / "key.json"
    for _ in range(2):
        credentials = build(token_file(path, {"apiKey": "ksk_one"}), control=control)
        assert credentials.token().profile_arn == ARN
    assert control.asked == ["profile ksk_one"]
    assert json.loads(path.read_text()) == {"apiKey": "ksk_one"}


def test_a_profile_that_the_owner_names_wins_over_what_was_kept(
    build: Build, control: Control, service: AuthService
) -> None:
    service.extra["profileArn"] = "arn:aws:codewhisperer:us-east-1:1:profile/OLD"
    login = {"refreshToken": refresh_token(0)}
    assert build(env_json(login)).token().profile_arn == service.extra["profileArn"]
    assert build(env_json(login | {"profileArn": ARN})).token().profile_arn == ARN


@pytest.mark.parametrize(
    ("login_region", "profile", "region"),
    [
        ("us-east-1", ARN, "eu-central-1"),
        ("eu-west-3", None, None),
        ("us-gov-west-1", None, "us-gov-west-1"),
        ("us-gov-west-1", ARN.replace("eu-central-1", "us-gov-east-1"), "us-gov-east-1"),
    ],
)
def test_the_region_of_the_profile_wins_over_that_of_the_login(
    build: Build, control: Control, login_region: str, profile: str | None, region: str | None
) -> None:
    """docs/upstream.md: A profile exists in one region

    docs/upstream.md: GovCloud has its own hosts
    """
    control.profile = profile
    login = {
        "auth": "IdC", "refreshToken": refresh_token(0), "clientId": "i", "clientSecret": "s",
        "region": login_region,
    }  # fmt: skip
    assert build(env_json(login), control=control).token().region == region
    key = {"apiKey": "ksk_one", "region": "us-east-1"}
    assert build(env_json(key | {"profileArn": ARN})).token().region == "eu-central-1"
