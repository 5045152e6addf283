"""What becomes of an account whose API key is refused.

docs/upstream.md: An API key is known in one region
"""

from pathlib import Path

import pytest

from app.common.errors import GatewayError, Kind
from app.credentials.pool import Credentials
from tests.credentials.conftest import Build, Clock, Control, env_json, token_file, tokens

ARN = "arn:aws:codewhisperer:eu-central-1:123456789012:profile/ABCDEFGHIJKL"
REFUSED = GatewayError(Kind.REFUSED_TOKEN, "refused")
OVER = GatewayError(Kind.LOGIN_OVER, "The API key was refused in every region.")
DOWN = GatewayError(Kind.CONNECTION, "no answer")


def build_key(build: Build, control: Control, *names: str) -> Credentials:
    return build(env_json([{"apiKey": name} for name in names or ["ksk_one"]]), control=control)


def test_a_key_that_every_region_refuses_is_over_and_asked_for_once(
    build: Build, control: Control
) -> None:
    control.profile = OVER
    for _ in range(2):  # two workers
        credentials = build_key(build, control)
        for _ in range(3):
            with pytest.raises(GatewayError, match="in every region") as raised:
                credentials.token()
            assert raised.value.kind is Kind.LOGIN_OVER
        (report,) = credentials.report()
        assert (report.state, report.why) == ("login over", OVER.message)
    assert control.asked == ["profile ksk_one"]


def test_a_key_that_is_revoked_later_is_over_too(build: Build, control: Control) -> None:
    control.profile = ARN
    credentials = build_key(build, control)
    token = credentials.token()
    credentials.accepted(token)
    control.profile = OVER
    with pytest.raises(GatewayError, match="in every region"):
        credentials.refused(token, REFUSED)
    with pytest.raises(GatewayError, match="in every region"):
        credentials.token()
    assert control.asked == ["profile ksk_one"] * 2


class Revoking(Control):
    """Refuses the keys that were revoked."""

    def __init__(self) -> None:
        super().__init__()
        self.profile = ARN
        self.revoked: set[str] = set()

    def find_profile(self, access_token: str, kind: str, region: str | None) -> str | None:
        if access_token in self.revoked:
            raise OVER
        return super().find_profile(access_token, kind, region)


def test_another_account_serves_when_a_key_is_over(build: Build) -> None:
    control = Revoking()
    credentials = build_key(build, control, "ksk_one", "ksk_two")
    token = credentials.token()
    control.revoked.add("ksk_one")
    instead = credentials.refused(token, REFUSED)
    assert instead is not None
    assert instead.access_token == "ksk_two"
    assert tokens(credentials, 2) == ["ksk_two"] * 2


def test_a_failed_look_up_ends_nothing(build: Build, control: Control) -> None:
    control.profile = DOWN
    credentials = build_key(build, control)
    assert credentials.token().region is None
    assert tokens(credentials, 2) == ["ksk_one"] * 2


def test_a_refused_key_is_sent_once_more_where_it_is_found_to_be_known(
    build: Build, control: Control
) -> None:
    control.profile = DOWN
    credentials = build_key(build, control)
    token = credentials.token()
    control.profile = ARN
    again = credentials.refused(token, REFUSED)
    assert again is not None
    assert (again.access_token, again.region) == ("ksk_one", "eu-central-1")
    assert credentials.refused(again, REFUSED) is None


def test_a_key_that_works_again_is_over_no_longer(
    build: Build, control: Control, clock: Clock, tmp_path: Path
) -> None:
    control.profile = OVER
    path = tmp_path / "key.json"
    credentials = build(token_file(path, {"apiKey": "ksk_one"}), control=control)
    with pytest.raises(GatewayError, match="in every region"):
        credentials.token()
    control.profile = ARN
    clock.now += 60
    restarted = build(token_file(path), control=control)
    token = restarted.token()
    assert token.region == "eu-central-1"
    restarted.accepted(token)
    assert restarted.report()[0].state == "ready"
