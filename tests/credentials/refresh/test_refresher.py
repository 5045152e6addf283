"""The calls: what is sent where, and what is made of every answer."""

import pytest

from app.credentials.model import AuthKind, Grant, Login
from app.credentials.refresh.client import ServiceClient
from app.credentials.refresh.refresher import AUTH_URL, OIDC_URL, Refresher, in_region
from app.errors import GatewayError, Kind

NOW = 1_700_000_000.0
BEFORE = Grant(refresh_token="rt-old", profile_arn="arn:old", generation=4)


def refresh(service, **settings: str) -> Grant:
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


def answered(service, **members: object) -> Grant:
    service.fail = [(200, {"accessToken": "at"} | members, {})]
    return refresh(service)


def test_what_the_answer_leaves_out_stays(service) -> None:
    grant = answered(service)
    assert grant == Grant("at", "rt-old", NOW + 3600, "arn:old", NOW, 5)


def test_what_the_answer_has_is_taken(service) -> None:
    grant = answered(service, refreshToken="rt-new", profileArn="arn:new", expiresIn=60)
    assert grant == Grant("at", "rt-new", NOW + 60, "arn:new", NOW, 5)


def test_a_profile_in_no_region_is_not_taken(service) -> None:
    """Its region would be part of the host that the token is sent to; the token itself is good."""
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
def test_how_long_a_token_lives(service, members, lifetime) -> None:
    assert answered(service, **members).expires_at == pytest.approx(NOW + lifetime)


@pytest.mark.parametrize("answer", [{}, [], "text", {"accessToken": None}, {"accessToken": 5}])
def test_an_answer_without_a_token_is_no_grant(service, answer) -> None:
    service.fail = [(200, answer, {})]
    with pytest.raises(GatewayError) as raised:
        refresh(service)
    assert raised.value.kind is Kind.UPSTREAM_ERROR


def test_the_calls_go_through_the_proxy_that_is_set(service) -> None:
    """The service stands in for a proxy, which is sent the whole URL."""
    proxy, service.url = service.url, "http://auth.invalid"
    service.valid = "rt-old"
    assert refresh(service, proxy=proxy).access_token.startswith("at-0001")
    assert service.calls[0][0] == "http://auth.invalid/refreshToken"


def test_nothing_of_the_environment_is_read(service, monkeypatch, tmp_path) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login user password secret")
    monkeypatch.setenv("HOME", str(tmp_path))
    service.valid = "rt-old"
    assert refresh(service).access_token.startswith("at-0001")
    assert "Authorization" not in service.headers[0]


def test_a_service_that_does_not_answer_in_time(service) -> None:
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
