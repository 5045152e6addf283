"""One refresh at a time, and its races with other workers and programs."""

import json
import re
import threading
from pathlib import Path
from typing import Any

import pytest

from app.common.errors import GatewayError, Kind
from app.common.program import command
from app.credentials.model import Token
from tests.credentials.conftest import Build, Clock, env_tokens, token_file
from tests.credentials.service import Answer, AuthService, access_token, refresh_token


def test_all_who_wait_share_one_refresh(build: Build, service: AuthService) -> None:
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


def test_workers_of_a_host_share_one_refresh(build: Build, service: AuthService) -> None:
    workers = [build(env_tokens()) for _ in range(4)]
    got: list[Token] = []
    threads = [threading.Thread(target=lambda w=w: got.append(w.token())) for w in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert [token.access_token for token in got] == [access_token(1)] * 4
    assert len(service.calls) == 1


def test_a_dead_login_is_final_and_says_what_to_run(
    build: Build, service: AuthService, clock: Clock
) -> None:
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
        ((401, {}, {}), Kind.UPSTREAM_ERROR),
        ((401, "<html>Log in to the proxy</html>", {}), Kind.UPSTREAM_ERROR),
        ((401, {"error": "unauthorized"}, {}), Kind.UPSTREAM_ERROR),
        ((401, {"message": "Bad credentials"}, {}), Kind.UPSTREAM_ERROR),
        ((400, {"message": "Invalid refresh token provided"}, {}), Kind.LOGIN_OVER),
        ((400, {"__type": "com.amazonaws#InvalidGrantException"}, {}), Kind.LOGIN_OVER),
        ((503, {"error": "invalid_grant"}, {}), Kind.UNAVAILABLE),
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
    build: Build, service: AuthService, answer: Any, kind: Kind
) -> None:
    """docs/upstream.md: What ends a social login"""
    service.fail = [answer]
    credentials = build(env_tokens())
    with pytest.raises(GatewayError) as raised:
        credentials.token()
    assert raised.value.kind is kind


def test_a_401_of_a_proxy_does_not_end_the_login(
    build: Build, service: AuthService, clock: Clock
) -> None:
    credentials = build(env_tokens())
    service.fail = [(401, "<html>Log in to the proxy</html>", {})]
    with pytest.raises(GatewayError, match="a proxy may have answered") as raised:
        credentials.token()
    assert raised.value.kind is Kind.UPSTREAM_ERROR
    clock.now += 2
    assert credentials.token().access_token == access_token(1)


def test_bad_credentials_are_tried_again(build: Build, service: AuthService, clock: Clock) -> None:
    credentials = build(env_tokens())
    service.fail = [(401, {"message": "Bad credentials"}, {})] * 3
    for wait in (0, 2, 3):
        clock.now += wait
        with pytest.raises(GatewayError) as raised:
            credentials.token()
        assert raised.value.kind is Kind.UPSTREAM_ERROR
        assert credentials.report()[0].state == "unreachable"
    clock.now += 5
    assert credentials.token().access_token == access_token(1)
    assert len(service.calls) == 4


def test_a_token_that_another_program_stored_is_used_after_a_401_without_a_reason(
    build: Build, service: AuthService, tmp_path: Path
) -> None:
    path = tmp_path / "token.json"
    credentials = build(token_file(path, {"refreshToken": refresh_token(5)}))
    by_the_rules = service.answer

    def spent_meanwhile(url_path: str, body: dict[str, Any]) -> Answer:
        path.write_text(json.dumps({"refreshToken": service.valid}))
        service.answer = by_the_rules
        return 401, {"message": "Unauthorized"}, {}

    service.answer = spent_meanwhile
    assert credentials.token().access_token == access_token(1)


def test_a_failed_refresh_backs_off_and_then_succeeds(
    build: Build, service: AuthService, clock: Clock
) -> None:
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


def test_a_login_written_during_our_refresh_is_not_overwritten(
    build: Build, service: AuthService, clock: Clock, tmp_path: Path
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
    build: Build, service: AuthService, clock: Clock, tmp_path: Path
) -> None:
    path = tmp_path / "token.json"
    credentials = build(token_file(path, {"refreshToken": refresh_token(5)}))
    real = service.answer

    def spent_meanwhile(url_path: str, body: dict[str, Any]) -> Answer:
        path.write_text(json.dumps({"refreshToken": service.valid}))
        service.answer = real
        return 400, {"error": "invalid_grant"}, {}

    service.answer = spent_meanwhile
    assert credentials.token().access_token == access_token(1)
