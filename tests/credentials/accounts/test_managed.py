"""One account through the door of the package: when it refreshes, and what survives."""

import json
import logging
import os
import re
import threading
import time
from pathlib import Path

import pytest

from app.credentials.model import Token
from app.errors import GatewayError, Kind
from app.program import command
from tests.credentials.conftest import env_json, env_tokens, token_file
from tests.credentials.service import access_token, refresh_token

REFUSED = GatewayError(Kind.REFUSED_TOKEN, "refused")


def settled(credentials) -> None:
    """Until the background refresh is done."""
    for account in credentials._accounts.values():
        account.finish_refresh(10)


def the_record(directory: Path) -> Path:
    (record,) = (path for path in directory.glob("*.json") if ".state" not in path.name)
    return record


def test_a_refresh_token_alone_is_turned_into_a_token(build, service, clock) -> None:
    token = build(env_tokens()).token()
    assert token.access_token == access_token(1)
    assert token.expires_at == clock.now + 3600
    assert service.calls == [("/refreshToken", {"refreshToken": refresh_token(0)})]


def test_a_token_is_used_while_plenty_is_left(build, service, clock) -> None:
    credentials = build(env_tokens())
    credentials.token()
    clock.now += 3600 - 301
    assert credentials.token().access_token == access_token(1)
    settled(credentials)
    assert len(service.calls) == 1


def test_the_last_five_minutes_refresh_in_the_background(build, service, clock) -> None:
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


def test_a_failed_refresh_ahead_leaves_the_old_token_in_use(build, service, clock) -> None:
    credentials = build(env_tokens())
    credentials.token()
    clock.now += 3600 - 299
    service.fail = [(503, {}, {})] * 9
    for _ in range(3):
        assert credentials.token().access_token == access_token(1)
        settled(credentials)
    assert len(service.calls) == 2  # the back-off holds


def test_all_who_wait_share_one_refresh(build, service) -> None:
    credentials = build(env_tokens())
    service.hold.clear()
    got: list[Token] = []
    threads = [threading.Thread(target=lambda: got.append(credentials.token())) for _ in range(20)]
    for thread in threads:
        thread.start()
    service.arrived.wait(5)
    service.hold.set()
    for thread in threads:
        thread.join(10)
    assert [token.access_token for token in got] == [access_token(1)] * 20
    assert len(service.calls) == 1


def test_workers_of_a_host_share_one_refresh(build, service) -> None:
    workers = [build(env_tokens()) for _ in range(4)]
    got: list[Token] = []
    threads = [threading.Thread(target=lambda w=w: got.append(w.token())) for w in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert [token.access_token for token in got] == [access_token(1)] * 4
    assert len(service.calls) == 1


def test_a_restart_goes_on_with_the_rotated_token(build, service, clock) -> None:
    build(env_tokens()).token()
    clock.now += 4000
    assert build(env_tokens()).token().access_token == access_token(2)
    assert service.calls[-1][1] == {"refreshToken": refresh_token(1)}


def test_a_new_login_in_the_environment_wins_over_the_record(build, service) -> None:
    build(env_tokens()).token()
    service.valid = refresh_token(77)
    assert build(env_tokens(refresh_token(77))).token().access_token == access_token(2)
    assert service.calls[-1][1] == {"refreshToken": refresh_token(77)}


def test_an_accepted_token_that_is_refused_is_refreshed_at_once(build, service) -> None:
    credentials = build(env_tokens())
    token = credentials.token()
    credentials.accepted(token)
    fresh = credentials.refused(token, REFUSED)
    assert fresh.access_token == access_token(2)
    assert credentials.token() == fresh


def test_what_one_worker_saw_accepted_is_refreshed_by_another(build, service) -> None:
    one, two = build(env_tokens()), build(env_tokens())
    one.accepted(one.token())
    assert two.refused(two.token(), REFUSED).access_token == access_token(2)


def test_a_token_that_another_worker_replaced_is_not_refreshed_again(build, service) -> None:
    one, two = build(env_tokens()), build(env_tokens())
    old = two.token()
    one.accepted(one.token())
    fresh = one.refused(old, REFUSED)
    assert two.refused(old, REFUSED) == fresh
    assert len(service.calls) == 2


def test_a_fresh_token_refused_at_first_sight_is_not_refreshed_for_a_minute(
    build, service, clock
) -> None:
    credentials = build(env_tokens())
    token = credentials.token()
    assert credentials.refused(token, REFUSED) is None
    clock.now += 59
    assert credentials.refused(token, REFUSED) is None
    assert len(service.calls) == 1
    clock.now += 2
    assert credentials.refused(token, REFUSED).access_token == access_token(2)


def test_a_token_of_the_source_refused_at_first_sight_is_refreshed(
    build, service, clock, tmp_path
) -> None:
    path = tmp_path / "token.json"
    source = token_file(
        path,
        {"accessToken": "at-old", "refreshToken": refresh_token(0), "expiresAt": clock.now + 9999},
    )
    credentials = build(source)
    assert credentials.refused(credentials.token(), REFUSED).access_token == access_token(1)


def test_a_refusal_of_a_token_already_replaced_costs_no_refresh(build, service) -> None:
    credentials = build(env_tokens())
    old = credentials.token()
    credentials.accepted(old)
    fresh = credentials.refused(old, REFUSED)
    assert credentials.refused(old, REFUSED) == fresh
    assert len(service.calls) == 2


def test_a_dead_login_is_final_and_says_what_to_run(build, service, clock) -> None:
    credentials = build(env_tokens(refresh_token(55)))
    for _ in range(3):
        with pytest.raises(
            GatewayError, match=re.escape(f"log in again (`{command()} login`")
        ) as raised:
            credentials.token()
        assert raised.value.kind is Kind.LOGIN_OVER
        assert refresh_token(55) not in raised.value.message
        clock.now += 3600
    assert len(service.calls) == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ((401, {}, {}), Kind.LOGIN_OVER),
        ((400, {"error": "invalid_grant"}, {}), Kind.LOGIN_OVER),
        ((401, {"error": "invalid_client"}, {}), Kind.LOGIN_OVER),
        ((400, {"error": "invalid_request"}, {}), Kind.UPSTREAM_ERROR),
        ((403, {}, {}), Kind.UPSTREAM_ERROR),
        ((429, {}, {"Retry-After": "7"}), Kind.THROTTLED),
        ((500, {}, {}), Kind.UNAVAILABLE),
        ((200, {}, {}), Kind.UPSTREAM_ERROR),
        ((302, {}, {"Location": "http://127.0.0.1:9/"}), Kind.UPSTREAM_ERROR),
    ],
)
def test_what_the_service_says_decides_whether_the_login_is_over(
    build, service, answer, kind
) -> None:
    service.fail = [answer]
    credentials = build(env_tokens())
    with pytest.raises(GatewayError) as raised:
        credentials.token()
    assert raised.value.kind is kind


def test_a_failed_refresh_backs_off_and_then_succeeds(build, service, clock) -> None:
    service.fail = [(500, {}, {}), (429, {}, {"Retry-After": "30"})]
    credentials = build(env_tokens())
    for wait, calls in ((0, 1), (0.5, 1), (0.6, 2), (29, 2)):
        clock.now += wait
        with pytest.raises(GatewayError) as raised:
            credentials.token()
        assert len(service.calls) == calls
    assert raised.value.retry_after == pytest.approx(1)
    clock.now += 1.1
    assert credentials.token().access_token == access_token(1)


def test_the_token_file_is_written_back_whole(build, service, clock, tmp_path) -> None:
    path = tmp_path / "sso" / "token.json"
    path.parent.mkdir()
    source = token_file(
        path,
        {
            "accessToken": "at-old",
            "refreshToken": refresh_token(0),
            "expiresAt": "2020-01-01T00:00:00.123456789",
            "provider": "Google",
            "somethingNew": {"nested": [1, 2.5, None]},
        },
    )
    service.extra["profileArn"] = (
        "arn:aws:codewhisperer:eu-central-1:123456789012:profile/ABCDEFGHIJKL"
    )
    path.chmod(0o644)
    token = build(source).token()
    assert token.region == "eu-central-1"
    assert json.loads(path.read_text()) == {
        "accessToken": access_token(1),
        "refreshToken": refresh_token(1),
        "expiresAt": "2023-11-14T23:13:20.000Z",
        "provider": "Google",
        "somethingNew": {"nested": [1, 2.5, None]},
        "profileArn": token.profile_arn,
    }
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(p.name for p in path.parent.iterdir()) == ["token.json", "token.json.lock"]


def test_a_login_written_meanwhile_by_another_program_is_taken_up(
    build, service, clock, tmp_path
) -> None:
    path = tmp_path / "token.json"
    source = token_file(path, {"refreshToken": refresh_token(0)})
    credentials = build(source)
    credentials.token()
    login = {
        "accessToken": "at-ide",
        "refreshToken": refresh_token(9),
        "expiresAt": clock.now + 3600,
    }
    path.write_text(json.dumps(login))
    clock.now += 1.1
    assert credentials.token().access_token == "at-ide"


def test_a_login_written_during_our_refresh_is_not_overwritten(
    build, service, clock, tmp_path
) -> None:
    path = tmp_path / "token.json"
    credentials = build(token_file(path, {"refreshToken": refresh_token(0)}))
    service.hold.clear()
    got: list[Token] = []
    thread = threading.Thread(target=lambda: got.append(credentials.token()))
    thread.start()
    service.arrived.wait(5)
    login = {
        "accessToken": "at-ide",
        "refreshToken": refresh_token(9),
        "expiresAt": clock.now + 3600,
    }
    path.write_text(json.dumps(login))
    service.hold.set()
    thread.join(10)
    assert got[0].access_token == "at-ide"
    assert json.loads(path.read_text()) == login


def test_a_refresh_token_spent_by_another_program_is_looked_up_once_more(
    build, service, clock, tmp_path
) -> None:
    path = tmp_path / "token.json"
    credentials = build(token_file(path, {"refreshToken": refresh_token(5)}))
    real = service.answer

    def spent_meanwhile(*args):
        path.write_text(json.dumps({"refreshToken": service.valid}))
        service.answer = real
        return 400, {"error": "invalid_grant"}, {}

    service.answer = spent_meanwhile
    assert credentials.token().access_token == access_token(1)


def test_oidc_and_external_logins_use_their_own_calls(build, service) -> None:
    idc = {"auth": "IdC", "refreshToken": refresh_token(0), "clientId": "id", "clientSecret": "cs"}
    token = build(env_json(idc)).token()
    assert (token.kind, token.access_token) == ("idc", access_token(1))
    assert service.calls[-1] == (
        "/token",
        {
            "clientId": "id",
            "clientSecret": "cs",
            "grantType": "refresh_token",
            "refreshToken": refresh_token(0),
        },
    )
    external = {
        "authMethod": "external_idp",
        "refreshToken": refresh_token(1),
        "clientId": "id",
        "scopes": ["a", "b"],
        "tokenEndpoint": f"{service.url}/oauth2/token",
    }
    token = build(env_json(external)).token()
    assert (token.kind, token.access_token) == ("external_idp", access_token(2))
    assert service.calls[-1] == (
        "/oauth2/token",
        {
            "grant_type": "refresh_token",
            "client_id": "id",
            "refresh_token": refresh_token(1),
            "scope": "a b",
        },
    )


def test_an_api_key_is_used_as_it_is(build, service) -> None:
    credentials = build(env_json({"auth": "api_key", "apiKey": "ksk_abc"}))
    token = credentials.token()
    assert (token.kind, token.access_token) == ("api_key", "ksk_abc")
    assert credentials.refused(token, REFUSED) is None
    assert service.calls == []


def test_the_request_says_who_calls_and_carries_no_cookie(build, service) -> None:
    service.fail = [(500, {}, {"Set-Cookie": "session=1; Path=/"})]
    credentials = build(env_tokens())
    with pytest.raises(GatewayError):
        credentials.token()
    credentials.close()
    assert service.headers[0]["User-Agent"] == "kiro2api/test"
    assert "Cookie" not in service.headers[-1]


def test_a_directory_that_cannot_be_made_leaves_the_tokens_in_memory(
    build, service, clock, tmp_path, caplog
) -> None:
    (tmp_path / "file").write_text("")
    credentials = build(env_tokens(), cache=tmp_path / "file" / "cache")
    assert credentials.problems() == []
    assert credentials.token().access_token == access_token(1)
    clock.now += 4000
    assert credentials.token().access_token == access_token(2)
    assert "cannot be written (Not a directory)" in credentials.problems()[0]
    assert sum("cannot be written" in line for line in caplog.messages) == 1


def test_a_damaged_record_gives_way_to_the_source(build, service, clock, tmp_path) -> None:
    build(env_tokens()).token()
    record = the_record(tmp_path / "cache")
    record.write_text(record.read_text()[:40])
    service.valid = refresh_token(0)
    assert build(env_tokens()).token().access_token == access_token(2)
    assert json.loads(record.read_text())["refreshToken"] == refresh_token(2)


def test_what_former_logins_left_is_removed_in_time(build, tmp_path) -> None:
    directory = tmp_path / "cache"
    directory.mkdir()
    ages = {"old.json": 91 * 86400, "kept.json": 89 * 86400, ".a.x.tmp": 700, ".b.y.tmp": 500}
    for name, age in ages.items():
        (directory / name).write_text("{}")
        os.utime(directory / name, (time.time() - age,) * 2)
    build(env_tokens()).token()
    assert {name for name in ages if (directory / name).exists()} == {"kept.json", ".b.y.tmp"}


def test_the_record_of_a_later_version_is_left_alone(build, service, tmp_path) -> None:
    build(env_tokens()).token()
    record = the_record(tmp_path / "cache")
    later = json.dumps({"version": 99, "tokens": "elsewhere"})
    record.write_text(later)
    with pytest.raises(GatewayError, match="later version"):
        build(env_tokens())
    assert record.read_text() == later


def test_without_any_credential_the_ways_to_give_one_are_named(build, tmp_path) -> None:
    with pytest.raises(GatewayError) as raised:
        build(token_file(tmp_path / "absent.json"))
    assert raised.value.kind is Kind.NO_CREDENTIAL
    for way in ("Kiro IDE", "KIRO_AUTH_TOKEN", "AWS_REFRESHTOKEN"):
        assert way in raised.value.message


def test_nothing_secret_in_a_repr(build) -> None:
    credentials = build(env_tokens())
    token = credentials.token()
    (account,) = credentials._accounts.values()
    for value in (token, account.state.login, account.state.grant):
        assert access_token(1) not in repr(value)
        assert "rt-" not in repr(value)


def test_a_short_refresh_token_is_doubted_and_used(build, service, caplog) -> None:
    service.valid = "short"
    caplog.set_level(logging.WARNING)
    assert build(env_tokens("short")).token().access_token == access_token(1)
    assert any("copied completely" in line for line in caplog.messages)
