"""Several accounts: who serves, and what an error means for each."""

import json
import threading

import pytest

from app.aws.quota import Quota
from app.credentials.health import CONSEQUENCES
from app.credentials.model import Token
from app.errors import GatewayError, Kind
from tests.credentials.conftest import env_json, token_file
from tests.credentials.service import access_token, refresh_token

KEYS = ("ksk_one", "ksk_two", "ksk_three")
QUOTA = GatewayError(Kind.QUOTA, "the month is used up")


def keys(*names: str, **members: object):
    return env_json([{"apiKey": name} | members for name in names])


def tokens(credentials, times: int = 1, session: str = "") -> list[str]:
    return [credentials.token(session).access_token for _ in range(times)]


def key_of(token: Token | None) -> str | None:
    return token.access_token if token else None


def test_accounts_are_used_in_the_order_given(build) -> None:
    assert tokens(build(keys(*KEYS)), 3) == ["ksk_one"] * 3


def test_a_disabled_entry_is_left_out(build) -> None:
    entries = [{"apiKey": "ksk_one", "disabled": True}, {"apiKey": "ksk_two"}]
    assert tokens(build(env_json(entries))) == ["ksk_two"]


@pytest.mark.parametrize(
    ("kind", "goes_on", "next_request"),
    [
        (Kind.QUOTA, "ksk_two", "ksk_two"),
        (Kind.THROTTLED, "ksk_two", "ksk_two"),
        (Kind.SUSPENDED, "ksk_two", "ksk_two"),
        (Kind.UNAVAILABLE, "ksk_two", "ksk_one"),
        (Kind.UPSTREAM_ERROR, "ksk_two", "ksk_one"),
        (Kind.CAPACITY, "ksk_two", "ksk_one"),
        (Kind.INVALID_REQUEST, None, "ksk_one"),
        (Kind.REJECTED, None, "ksk_one"),
        (Kind.CONTEXT_TOO_LONG, None, "ksk_one"),
        (Kind.TIMEOUT, None, "ksk_one"),
    ],
)
def test_what_an_error_means(build, kind, goes_on, next_request) -> None:
    credentials = build(keys("ksk_one", "ksk_two"))
    instead = credentials.failed(credentials.token(), GatewayError(kind, "why"))
    assert key_of(instead) == goes_on
    assert tokens(credentials) == [next_request]


def test_every_kind_of_the_table_says_for_how_long() -> None:
    for row in CONSEQUENCES.values():
        assert row.mode in ("", "out") or row.seconds > 0


def test_a_used_up_quota_tries_every_other_account_once(build) -> None:
    credentials = build(keys(*KEYS))
    token = credentials.token()
    seen = []
    while token:
        seen.append(token.access_token)
        token = credentials.failed(token, QUOTA)
    assert seen == list(KEYS)


def test_a_failing_service_is_tried_with_one_other_account_only(build) -> None:
    credentials = build(keys(*KEYS))
    down = GatewayError(Kind.UNAVAILABLE, "down")
    second = credentials.failed(credentials.token(), down)
    assert key_of(second) == "ksk_two"
    assert credentials.failed(second, down) is None


def test_all_parked_is_a_429_with_the_earliest_reset(build, clock) -> None:
    credentials = build(keys("ksk_one", "ksk_two"))
    one = credentials.token()
    two = credentials.failed(one, GatewayError(Kind.QUOTA, "used up", retry_after=5000))
    credentials.failed(two, GatewayError(Kind.QUOTA, "used up too", retry_after=3000))
    with pytest.raises(GatewayError, match="used up too") as raised:
        credentials.token()
    assert raised.value.status == 429
    assert raised.value.retry_after == pytest.approx(3000)
    clock.now += 3001
    assert tokens(credentials) == ["ksk_two"]


def test_a_quota_without_a_reset_is_tried_again_after_ten_minutes(build, clock) -> None:
    credentials = build(keys("ksk_one"))
    credentials.failed(credentials.token(), QUOTA)
    clock.now += 599
    with pytest.raises(GatewayError):
        credentials.token()
    clock.now += 2
    assert tokens(credentials) == ["ksk_one"]


def test_a_parked_account_is_tried_by_one_request_at_a_time(build, clock) -> None:
    first, second = build(keys("ksk_one", "ksk_two")), build(keys("ksk_one", "ksk_two"))
    first.failed(first.token(), QUOTA)
    clock.now += 601
    probe = first.token()
    assert probe.access_token == "ksk_one"
    assert tokens(first, 2) + tokens(second, 2) == ["ksk_two"] * 4
    first.accepted(probe)
    clock.now += 1.1
    assert tokens(first) + tokens(second) == ["ksk_one"] * 2


def test_a_probe_that_fails_parks_again(build, clock) -> None:
    credentials = build(keys("ksk_one", "ksk_two"))
    credentials.failed(credentials.token(), QUOTA)
    clock.now += 601
    assert key_of(credentials.failed(credentials.token(), QUOTA)) == "ksk_two"
    clock.now += 599
    assert tokens(credentials) == ["ksk_two"]


def test_a_probe_that_never_reports_back_is_repeated(build, clock) -> None:
    credentials = build(keys("ksk_one", "ksk_two"))
    credentials.failed(credentials.token(), QUOTA)
    clock.now += 601
    assert tokens(credentials, 2) == ["ksk_one", "ksk_two"]
    clock.now += 61
    assert tokens(credentials) == ["ksk_one"]


def test_throttling_honours_retry_after_even_for_a_lone_account(build, clock) -> None:
    credentials = build(keys("ksk_one"))
    token = credentials.token()
    credentials.failed(token, GatewayError(Kind.THROTTLED, "slow down", retry_after=20))
    with pytest.raises(GatewayError) as raised:
        credentials.token()
    assert (raised.value.status, raised.value.retry_after) == (429, pytest.approx(20))
    clock.now += 21
    assert tokens(credentials) == ["ksk_one"]


def test_after_throttling_all_requests_go_at_once(build, clock) -> None:
    credentials = build(keys("ksk_one"))
    token = credentials.token()
    credentials.failed(token, GatewayError(Kind.THROTTLED, "slow down", retry_after=2))
    clock.now += 2.1
    assert tokens(credentials, 5) == ["ksk_one"] * 5


def test_while_a_parked_account_is_tried_others_come_back_soon(build, clock) -> None:
    credentials = build(keys("ksk_one"))
    credentials.failed(credentials.token(), QUOTA)
    clock.now += 601
    assert credentials.token().is_probe
    with pytest.raises(GatewayError) as raised:
        credentials.token()
    assert raised.value.retry_after == 1


def test_throttling_without_a_time_only_puts_others_first(build, clock) -> None:
    throttled = GatewayError(Kind.THROTTLED, "slow down")
    lone = build(keys("ksk_lone"))
    lone.failed(lone.token(), throttled)
    assert tokens(lone) == ["ksk_lone"]
    two = build(keys("ksk_one", "ksk_two"))
    two.failed(two.token(), throttled)
    assert tokens(two) == ["ksk_two"]
    clock.now += 31
    assert tokens(two) == ["ksk_one"]


def test_a_suspended_account_is_never_tried_again(build, clock) -> None:
    credentials = build(keys("ksk_one"))
    credentials.failed(credentials.token(), GatewayError(Kind.SUSPENDED, "suspended, says AWS"))
    clock.now += 10 * 365 * 86400
    with pytest.raises(GatewayError, match="suspended, says AWS") as raised:
        credentials.token()
    assert raised.value.kind is Kind.SUSPENDED
    with pytest.raises(GatewayError, match="suspended"):
        build(keys("ksk_one")).token()  # nor after a restart


def test_a_new_login_in_the_source_brings_the_account_back(build, clock, tmp_path) -> None:
    path = tmp_path / "key.json"
    credentials = build(token_file(path, {"apiKey": "ksk_one"}))
    credentials.failed(credentials.token(), GatewayError(Kind.SUSPENDED, "suspended"))
    path.write_text(json.dumps({"apiKey": "ksk_new"}))
    clock.now += 1.1
    assert tokens(credentials) == ["ksk_new"]


def test_workers_share_what_is_held_against_an_account(build, clock) -> None:
    first, second = build(keys("ksk_one", "ksk_two")), build(keys("ksk_one", "ksk_two"))
    first.failed(first.token(), QUOTA)
    clock.now += 1.1
    assert tokens(second) == ["ksk_two"]


def test_a_conversation_stays_with_its_account(build, clock) -> None:
    credentials = build(keys("ksk_one", "ksk_two"))
    old = credentials.token("old")
    credentials.failed(old, GatewayError(Kind.THROTTLED, "slow down"))
    assert tokens(credentials, session="moved") == ["ksk_two"]
    clock.now += 31
    assert tokens(credentials, session="moved") == ["ksk_two"]
    assert tokens(credentials, session="new") == ["ksk_one"]


def test_a_failing_service_does_not_move_a_conversation(build) -> None:
    credentials = build(keys("ksk_one", "ksk_two"))
    credentials.failed(credentials.token("s"), GatewayError(Kind.UNAVAILABLE, "down"))
    assert tokens(credentials, session="s") == ["ksk_one"]


def test_an_account_whose_login_is_over_gives_way_to_the_next(build, service) -> None:
    credentials = build(env_json([{"refreshToken": "rt-" + "x" * 120}, {"apiKey": "ksk_two"}]))
    assert tokens(credentials, 3) == ["ksk_two"] * 3
    assert len(service.calls) == 1


def test_a_refused_token_that_no_refresh_cures_gives_way_to_the_next(build) -> None:
    credentials = build(keys("ksk_one", "ksk_two"))
    refused = GatewayError(Kind.REFUSED_TOKEN, "bearer token invalid")
    assert key_of(credentials.refused(credentials.token(), refused)) == "ksk_two"
    assert tokens(credentials) == ["ksk_two"]


def test_a_lone_account_with_a_refused_token_is_not_locked_out(build) -> None:
    credentials = build(keys("ksk_one"))
    refused = GatewayError(Kind.REFUSED_TOKEN, "bearer token invalid")
    assert credentials.refused(credentials.token(), refused) is None
    assert tokens(credentials) == ["ksk_one"]


class Control:
    """A control plane that answers from memory."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.left: Quota | GatewayError | None = None
        self.profile: str | GatewayError | None = None

    def quota(
        self, access_token: str, kind: str, profile_arn: str | None, region: str | None
    ) -> Quota | None:
        self.asked.append(f"quota {access_token}")
        return _answer(self.left)

    def find_profile(self, access_token: str, kind: str) -> str | None:
        self.asked.append(f"profile {access_token}")
        return _answer(self.profile)


def _answer(value):
    if isinstance(value, GatewayError):
        raise value
    return value


ARN = "arn:aws:codewhisperer:eu-central-1:123456789012:profile/ABCDEFGHIJKL"


@pytest.fixture
def control() -> Control:
    return Control()


def eventually(credentials, wanted: str) -> None:
    """Until the question asked in the background is answered."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and wanted in thread.name:
            thread.join(5)


def test_the_quota_that_is_used_up_is_asked_for_its_reset(build, control, clock) -> None:
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
    assert control.asked.count("quota ksk_one") == 2  # at first, and half an hour later at most
    clock.now += 86400
    assert tokens(credentials) == ["ksk_one"]


def test_a_quota_that_cannot_be_asked_changes_nothing(build, control, clock) -> None:
    control.left = GatewayError(Kind.UNAVAILABLE, "down")
    credentials = build(keys("ksk_one", "ksk_two"), control=control)
    credentials.failed(credentials.token(), QUOTA)
    clock.now += 1.1
    assert tokens(credentials) == ["ksk_two"]
    eventually(credentials, "quota")
    clock.now += 600
    assert tokens(credentials) == ["ksk_one"]


def test_a_login_without_a_profile_is_asked_for_it_once(build, control, clock, service) -> None:
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
    build, control, clock, tmp_path
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
def test_not_finding_a_profile_is_no_failure(build, control, profile) -> None:
    control.profile = profile
    credentials = build(keys("ksk_one"), control=control)
    assert tokens(credentials, 3) == ["ksk_one"] * 3
    assert credentials.token().region is None
    assert control.asked == ["profile ksk_one"]


def test_a_profile_found_for_a_key_is_used_and_its_file_left_alone(
    build, control, tmp_path
) -> None:
    control.profile = ARN
    path = tmp_path / "key.json"
    for _ in range(2):
        credentials = build(token_file(path, {"apiKey": "ksk_one"}), control=control)
        assert credentials.token().profile_arn == ARN
    assert control.asked == ["profile ksk_one"]
    assert json.loads(path.read_text()) == {"apiKey": "ksk_one"}


def test_a_profile_that_the_owner_names_wins_over_what_was_kept(build, control, service) -> None:
    service.extra["profileArn"] = "arn:aws:codewhisperer:us-east-1:1:profile/OLD"
    login = {"refreshToken": refresh_token(0)}
    assert build(env_json(login)).token().profile_arn == service.extra["profileArn"]
    assert build(env_json(login | {"profileArn": ARN})).token().profile_arn == ARN
