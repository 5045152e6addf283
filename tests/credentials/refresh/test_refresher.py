"""What is sent to each sign-in service, and how each response is interpreted."""

from pathlib import Path
from typing import Any

import pytest

from app.common.errors import GatewayError, Kind
from app.credentials.model import AuthKind, Grant, Login
from app.credentials.refresh.client import ServiceClient
from app.credentials.refresh.refresher import AUTH_URL, OIDC_URL, Refresher, in_region
from tests.credentials.conftest import Build, env_json, env_tokens
from tests.credentials.service import AuthService, access_token, refresh_token

NOW = 1_700_000_000.0

BEFORE = Grant(refresh_token="rt-old", profile_arn="arn:old", generation=4)


def refresh(service: AuthService, **settings: str) -> Grant:
    login = Login("account", "the source", AuthKind.SOCIAL, BEFORE)
    refresher = Refresher(
        ServiceClient(user_agent="test", response_timeout=5, **settings),  # type: ignore[arg-type]
        auth_url=service.url,
        clock=lambda: NOW,
    )
    try:
        return refresher.refresh(login, BEFORE)
    finally:
        refresher.close()


def answered(service: AuthService, **members: object) -> Grant:
    service.fail = [(200, {"accessToken": "at"} | members, {})]
    return refresh(service)


def test_what_the_answer_leaves_out_stays(service: AuthService) -> None:
    grant = answered(service)
    assert grant == Grant("at", "rt-old", NOW + 3600, "arn:old", NOW, 5)


def test_what_the_answer_has_is_taken(service: AuthService) -> None:
    grant = answered(service, refreshToken="rt-new", profileArn="arn:new", expiresIn=60)
    assert grant == Grant("at", "rt-new", NOW + 60, "arn:new", NOW, 5)


def test_a_profile_in_no_region_is_not_taken(service: AuthService) -> None:
    """Its region would become part of the host name that the token is sent to."""
    grant = answered(service, profileArn="arn:aws:codewhisperer:evil.example/:1:profile/X")
    assert (grant.access_token, grant.profile_arn) == ("at", "arn:old")


@pytest.mark.parametrize(
    ("members", "lifetime"),
    [
        ({"expiresIn": 28800}, 28800),
        ({"expiresIn": 0.5}, 0.5),
        ({"expiresIn": "60"}, 3600),
        ({"expiresIn": True}, 3600),
        ({"expiresIn": -5}, 3600),
        ({"expiresIn": 10**30}, 10 * 365 * 86400),
        ({"expiresAt": "2023-11-14T23:13:20Z"}, 3600),
        ({"expiresAt": "2023-11-14T22:13:30Z", "expiresIn": 7}, 7),
        ({"expiresAt": "soon"}, 3600),
    ],
)
def test_how_long_a_token_lives(
    service: AuthService, members: dict[str, Any], lifetime: float
) -> None:
    assert answered(service, **members).expires_at == pytest.approx(NOW + lifetime)


@pytest.mark.parametrize("answer", [{}, [], "text", {"accessToken": None}, {"accessToken": 5}])
def test_an_answer_without_a_token_is_no_grant(service: AuthService, answer: Any) -> None:
    service.fail = [(200, answer, {})]
    with pytest.raises(GatewayError) as raised:
        refresh(service)
    assert raised.value.kind is Kind.UPSTREAM_ERROR


def test_the_calls_go_through_the_proxy_that_is_set(service: AuthService) -> None:
    """The service acts as a proxy, which receives the complete URL."""
    proxy, service.url = service.url, "http://auth.invalid"
    service.valid = "rt-old"
    assert refresh(service, proxy=proxy).access_token.startswith("at-0001")
    assert service.calls[0][0] == "http://auth.invalid/refreshToken"


def test_nothing_of_the_environment_is_read(
    service: AuthService, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login user password secret")
    monkeypatch.setenv("HOME", str(tmp_path))
    service.valid = "rt-old"
    assert refresh(service).access_token.startswith("at-0001")
    assert "Authorization" not in service.headers[0]


def test_a_service_that_does_not_answer_in_time(service: AuthService) -> None:
    service.hold.clear()
    login = Login("account", "the source", AuthKind.SOCIAL, BEFORE)
    refresher = Refresher(
        ServiceClient(user_agent="test", response_timeout=0.1), auth_url=service.url
    )
    with pytest.raises(GatewayError) as raised:
        refresher.refresh(login, BEFORE)
    assert raised.value.kind is Kind.TIMEOUT


def test_the_services_of_a_region() -> None:
    assert in_region(AUTH_URL, None) == "https://prod.us-east-1.auth.desktop.kiro.dev"
    assert in_region(OIDC_URL, "eu-west-3") == "https://oidc.eu-west-3.amazonaws.com"
    assert in_region("http://127.0.0.1:9001", "eu-west-3") == "http://127.0.0.1:9001"


def test_oidc_and_external_logins_use_their_own_calls(build: Build, service: AuthService) -> None:
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


def test_the_request_says_who_calls_and_carries_no_cookie(
    build: Build, service: AuthService
) -> None:
    service.fail = [(500, {}, {"Set-Cookie": "session=1; Path=/"})]
    credentials = build(env_tokens())
    with pytest.raises(GatewayError):
        credentials.token()
    credentials.close()
    assert service.headers[0]["User-Agent"] == "kiro2api/test"
    assert "Cookie" not in service.headers[-1]
