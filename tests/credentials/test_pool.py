"""Several accounts: which one serves, and what an error means for each."""

import json
import tracemalloc
from pathlib import Path

import pytest

from app.common.errors import GatewayError, Kind
from app.credentials import Credentials
from app.credentials.health import CONSEQUENCES
from app.credentials.model import Token
from tests.credentials.conftest import Build, Clock, env_json, keys, token_file, tokens
from tests.credentials.service import AuthService

KEYS = ("ksk_one", "ksk_two", "ksk_three")

QUOTA = GatewayError(Kind.QUOTA, "the month is used up")


def key_of(token: Token | None) -> str | None:
    return token.access_token if token else None


def test_accounts_are_used_in_the_order_given(build: Build) -> None:
    assert tokens(build(keys(*KEYS)), 3) == ["ksk_one"] * 3


def test_a_disabled_entry_is_left_out(build: Build) -> None:
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
        (Kind.INVALID_MODEL, "ksk_two", "ksk_one"),
        (Kind.CAPACITY, None, "ksk_one"),
        (Kind.INVALID_REQUEST, None, "ksk_one"),
        (Kind.REJECTED, None, "ksk_one"),
        (Kind.CONTEXT_TOO_LONG, None, "ksk_one"),
        (Kind.TIMEOUT, None, "ksk_one"),
    ],
)
def test_what_an_error_means(
    build: Build, kind: Kind, goes_on: str | None, next_request: str
) -> None:
    credentials = build(keys("ksk_one", "ksk_two"))
    instead = credentials.failed(credentials.token(), GatewayError(kind, "why"))
    assert key_of(instead) == goes_on
    assert tokens(credentials) == [next_request]


def test_every_kind_of_the_table_says_for_how_long() -> None:
    for row in CONSEQUENCES.values():
        assert row.mode in ("", "out") or row.seconds > 0


def test_a_used_up_quota_tries_every_other_account_once(build: Build) -> None:
    credentials = build(keys(*KEYS))
    token: Token | None = credentials.token()
    seen = []
    while token:
        seen.append(token.access_token)
        token = credentials.failed(token, QUOTA)
    assert seen == list(KEYS)


def test_a_failing_service_is_tried_with_one_other_account_only(build: Build) -> None:
    credentials = build(keys(*KEYS))
    down = GatewayError(Kind.UNAVAILABLE, "down")
    second = credentials.failed(credentials.token(), down)
    assert second
    assert second.access_token == "ksk_two"
    assert credentials.failed(second, down) is None


def test_all_parked_is_a_429_with_the_earliest_reset(build: Build, clock: Clock) -> None:
    credentials = build(keys("ksk_one", "ksk_two"))
    one = credentials.token()
    two = credentials.failed(one, GatewayError(Kind.QUOTA, "used up", retry_after=5000))
    assert two
    credentials.failed(two, GatewayError(Kind.QUOTA, "used up too", retry_after=3000))
    with pytest.raises(GatewayError, match="used up too") as raised:
        credentials.token()
    assert raised.value.status == 429
    assert raised.value.retry_after == pytest.approx(3000)
    clock.now += 3001
    assert tokens(credentials) == ["ksk_two"]


def test_a_quota_without_a_reset_is_tried_again_after_ten_minutes(
    build: Build, clock: Clock
) -> None:
    credentials = build(keys("ksk_one"))
    credentials.failed(credentials.token(), QUOTA)
    clock.now += 599
    with pytest.raises(GatewayError):
        credentials.token()
    clock.now += 2
    assert tokens(credentials) == ["ksk_one"]


def test_a_parked_account_is_tried_by_one_request_at_a_time(build: Build, clock: Clock) -> None:
    first, second = build(keys("ksk_one", "ksk_two")), build(keys("ksk_one", "ksk_two"))
    first.failed(first.token(), QUOTA)
    clock.now += 601
    probe = first.token()
    assert probe.access_token == "ksk_one"
    assert tokens(first, 2) + tokens(second, 2) == ["ksk_two"] * 4
    first.accepted(probe)
    clock.now += 1.1
    assert tokens(first) + tokens(second) == ["ksk_one"] * 2


def test_a_request_that_is_not_sent_claims_nothing(build: Build, clock: Clock) -> None:
    credentials = build(keys("ksk_one", "ksk_two"))
    assert key_of(credentials.preview("old")) == "ksk_one"
    credentials.failed(credentials.token(), QUOTA)
    assert key_of(credentials.preview("old")) == "ksk_two"
    clock.now += 601
    assert {key_of(credentials.preview()) for _ in range(3)} == {"ksk_one"}
    assert credentials.token().is_probe
    assert key_of(credentials.preview()) == "ksk_two"
    assert key_of(credentials.preview("old")) == "ksk_two"


def test_a_probe_that_fails_parks_again(build: Build, clock: Clock) -> None:
    credentials = build(keys("ksk_one", "ksk_two"))
    credentials.failed(credentials.token(), QUOTA)
    clock.now += 601
    assert key_of(credentials.failed(credentials.token(), QUOTA)) == "ksk_two"
    clock.now += 599
    assert tokens(credentials) == ["ksk_two"]


def test_a_probe_that_never_reports_back_is_repeated(build: Build, clock: Clock) -> None:
    credentials = build(keys("ksk_one", "ksk_two"))
    credentials.failed(credentials.token(), QUOTA)
    clock.now += 601
    assert tokens(credentials, 2) == ["ksk_one", "ksk_two"]
    clock.now += 61
    assert tokens(credentials) == ["ksk_one"]


def test_throttling_honours_retry_after_even_for_a_lone_account(build: Build, clock: Clock) -> None:
    credentials = build(keys("ksk_one"))
    token = credentials.token()
    credentials.failed(token, GatewayError(Kind.THROTTLED, "slow down", retry_after=20))
    with pytest.raises(GatewayError) as raised:
        credentials.token()
    assert raised.value.status == 429
    assert raised.value.retry_after == pytest.approx(20)
    clock.now += 21
    assert tokens(credentials) == ["ksk_one"]


def test_after_throttling_all_requests_go_at_once(build: Build, clock: Clock) -> None:
    credentials = build(keys("ksk_one"))
    token = credentials.token()
    credentials.failed(token, GatewayError(Kind.THROTTLED, "slow down", retry_after=2))
    clock.now += 2.1
    assert tokens(credentials, 5) == ["ksk_one"] * 5


def test_while_a_parked_account_is_tried_others_come_back_soon(build: Build, clock: Clock) -> None:
    credentials = build(keys("ksk_one"))
    credentials.failed(credentials.token(), QUOTA)
    clock.now += 601
    assert credentials.token().is_probe
    with pytest.raises(GatewayError) as raised:
        credentials.token()
    assert raised.value.retry_after == 1


def test_throttling_without_a_time_only_puts_others_first(build: Build, clock: Clock) -> None:
    throttled = GatewayError(Kind.THROTTLED, "slow down")
    lone = build(keys("ksk_lone"))
    lone.failed(lone.token(), throttled)
    assert tokens(lone) == ["ksk_lone"]
    two = build(keys("ksk_one", "ksk_two"))
    two.failed(two.token(), throttled)
    assert tokens(two) == ["ksk_two"]
    clock.now += 31
    assert tokens(two) == ["ksk_one"]


def test_a_suspended_account_is_never_tried_again(build: Build, clock: Clock) -> None:
    credentials = build(keys("ksk_one"))
    credentials.failed(credentials.token(), GatewayError(Kind.SUSPENDED, "suspended, says AWS"))
    clock.now += 10 * 365 * 86400
    with pytest.raises(GatewayError, match="suspended, says AWS") as raised:
        credentials.token()
    assert raised.value.kind is Kind.SUSPENDED
    with pytest.raises(GatewayError, match="suspended"):
        build(keys("ksk_one")).token()  # nor after a restart


def test_a_new_login_in_the_source_brings_the_account_back(
    build: Build, clock: Clock, tmp_path: Path
) -> None:
    path = tmp_path / "key.json"
    credentials = build(token_file(path, {"apiKey": "ksk_one"}))
    credentials.failed(credentials.token(), GatewayError(Kind.SUSPENDED, "suspended"))
    path.write_text(json.dumps({"apiKey": "ksk_new"}))
    clock.now += 1.1
    assert tokens(credentials) == ["ksk_new"]


def test_workers_share_what_is_held_against_an_account(build: Build, clock: Clock) -> None:
    first, second = build(keys("ksk_one", "ksk_two")), build(keys("ksk_one", "ksk_two"))
    first.failed(first.token(), QUOTA)
    clock.now += 1.1
    assert tokens(second) == ["ksk_two"]


def test_a_conversation_stays_with_its_account(build: Build, clock: Clock) -> None:
    credentials = build(keys("ksk_one", "ksk_two"))
    old = credentials.token("old")
    credentials.failed(old, GatewayError(Kind.THROTTLED, "slow down"))
    assert tokens(credentials, session="moved") == ["ksk_two"]
    clock.now += 31
    assert tokens(credentials, session="moved") == ["ksk_two"]
    assert tokens(credentials, session="new") == ["ksk_one"]


def test_a_conversation_is_remembered_in_a_few_bytes(build: Build) -> None:
    """Clients choose the length of its name."""
    credentials = build(keys("ksk_one", "ksk_two"))
    tracemalloc.start()
    try:
        for number in range(50):
            credentials.token(f"{number}" + "s" * 1_000_000)
        assert tracemalloc.get_traced_memory()[0] < 2_000_000
    finally:
        tracemalloc.stop()


def test_a_failing_service_does_not_move_a_conversation(build: Build) -> None:
    credentials = build(keys("ksk_one", "ksk_two"))
    credentials.failed(credentials.token("s"), GatewayError(Kind.UNAVAILABLE, "down"))
    assert tokens(credentials, session="s") == ["ksk_one"]


def test_an_account_whose_login_is_over_gives_way_to_the_next(
    build: Build, service: AuthService
) -> None:
    credentials = build(env_json([{"refreshToken": "rt-" + "x" * 120}, {"apiKey": "ksk_two"}]))
    assert tokens(credentials, 3) == ["ksk_two"] * 3
    assert len(service.calls) == 1


def test_a_refused_token_that_no_refresh_cures_gives_way_to_the_next(build: Build) -> None:
    credentials = build(keys("ksk_one", "ksk_two"))
    refused = GatewayError(Kind.REFUSED_TOKEN, "bearer token invalid")
    assert key_of(credentials.refused(credentials.token(), refused)) == "ksk_two"
    assert tokens(credentials) == ["ksk_two"]


def test_a_lone_account_with_a_refused_token_is_not_locked_out(build: Build) -> None:
    credentials = build(keys("ksk_one"))
    refused = GatewayError(Kind.REFUSED_TOKEN, "bearer token invalid")
    assert credentials.refused(credentials.token(), refused) is None
    assert tokens(credentials) == ["ksk_one"]


def names(credentials: Credentials) -> list[str]:
    return [token.account for token in credentials.tokens()]


def test_an_account_that_lacks_the_model_is_not_asked(build: Build) -> None:
    """docs/upstream.md: Plans differ in their models"""
    credentials = build(keys(*KEYS))
    first, second, third = names(credentials)
    token = credentials.token(lacking=frozenset({first}))
    assert token.account == second
    assert key_of(credentials.failed(token, QUOTA)) == "ksk_three"
    last = credentials.token(lacking=frozenset({first}))
    assert last.account == third
    assert credentials.failed(last, QUOTA) is None
    with pytest.raises(GatewayError, match="All 2 accounts that have the model") as failure:
        credentials.token(lacking=frozenset({first}))
    assert failure.value.kind is Kind.QUOTA
    assert tokens(credentials) == ["ksk_one"]


def test_where_all_lack_the_model_any_may_be_asked(build: Build) -> None:
    credentials = build(keys(*KEYS))
    assert credentials.token(lacking=frozenset(names(credentials))).access_token == "ksk_one"


def test_a_conversation_returns_to_its_account_after_a_model_that_it_lacks(build: Build) -> None:
    credentials = build(keys(*KEYS))
    first = names(credentials)[0]
    assert credentials.token("session").account == first
    assert credentials.token("session", frozenset({first})).access_token == "ksk_two"
    assert credentials.token("session").account == first
    assert credentials.token("other", frozenset({first})).access_token == "ksk_two"
    assert credentials.token("other").access_token == "ksk_two"


def test_a_token_for_the_control_plane(build: Build) -> None:
    credentials = build(keys(*KEYS))
    (token, *_) = credentials.tokens()
    assert credentials.usable(token.account) == token
    assert credentials.usable(token.account, instead_of=token) == token
    assert tokens(credentials) == ["ksk_one"]
    with pytest.raises(GatewayError, match="no account nobody"):
        credentials.usable("nobody")
