"""Signing in with Google or GitHub through a browser, which the test plays.

docs/upstream.md: The page that signs in sends the browser to this machine
"""

import base64
import hashlib
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests

from app.common.errors import GatewayError, Kind
from app.credentials.refresh.client import ServiceClient
from app.credentials.sign_in import browser
from app.credentials.sign_in.browser import BrowserFlow, Callback, device_login
from tests.credentials.service import Answer, AuthService
from tests.live.servers import free_port

CODE = "CANARY-code"
ARN = "arn:aws:codewhisperer:us-east-1:699475941385:profile/EHGA3GRVQMUK"
GRANTED: Answer = (
    200,
    {"accessToken": "at", "refreshToken": "rt" * 60, "expiresIn": 3600, "profileArn": ARN},
    {},
)


class Portal:
    """Kiro's page: reads its address as the service does, and sends the browser back."""

    def __init__(self, page: str) -> None:
        parts = urlsplit(page)
        assert (parts.scheme, parts.netloc, parts.path) == ("https", "app.kiro.dev", "/signin")
        self.query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        assert self.query["code_challenge_method"] == "S256"

    def send_back(self, path: str = "/oauth/callback", **members: str) -> requests.Response:
        query = urlencode({"state": self.query["state"]} | members)
        return requests.get(f"{self.query['redirect_uri']}{path}?{query}", timeout=5)


class TokenService:
    """Accepts the code once, with the right verifier and address; a wrong address spends it."""

    def __init__(self, service: AuthService) -> None:
        self.portal: Portal | None = None
        self.spent = False
        self.redirect_uri = ""
        self.asked: list[dict[str, Any]] = []
        service.answer = self._answer

    def _answer(self, path: str, body: dict[str, Any]) -> Answer:
        assert path == "/oauth/token"
        assert self.portal
        self.asked.append(body)
        digest = hashlib.sha256(body["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        is_right = body["code"] == CODE and challenge == self.portal.query["code_challenge"]
        good = is_right and body["redirect_uri"] == self.redirect_uri and not self.spent
        self.spent = True
        return GRANTED if good else (500, {"message": f"no {body}"}, {})


@pytest.fixture
def flow(service: AuthService) -> Iterator[BrowserFlow]:
    client = ServiceClient(user_agent="kiro2api/test")
    with BrowserFlow(client, service.url, ports=[free_port()], clock=lambda: 1000.0) as running:
        yield running


@pytest.mark.parametrize("path", ["/oauth/callback", "/signin/callback", "/"])
@pytest.mark.parametrize("option", ["google", "github"])
def test_the_code_is_exchanged_with_the_address_that_was_called(
    flow: BrowserFlow, service: AuthService, path: str, option: str
) -> None:
    tokens = TokenService(service)
    portal = tokens.portal = Portal(flow.page)
    tokens.redirect_uri = f"http://localhost:{flow.port}{path}?login_option={option}"
    assert portal.query["redirect_uri"] == f"http://localhost:{flow.port}"
    page = portal.send_back(path, code=CODE, login_option=option)
    assert (page.status_code, page.headers["Cache-Control"]) == (200, "no-store")
    callback = flow.wait(5)
    assert callback.login_option == option
    grant = flow.exchange(callback)
    assert (grant.access_token, grant.refresh_token) == ("at", "rt" * 60)
    assert (grant.expires_at, grant.profile_arn) == (4600, ARN)
    assert CODE not in repr(callback) + page.text


def test_a_code_that_is_refused_is_not_sent_again(flow: BrowserFlow, service: AuthService) -> None:
    tokens = TokenService(service)
    tokens.portal = Portal(flow.page)
    tokens.portal.send_back(code=CODE, login_option="google")
    with pytest.raises(GatewayError, match=r"status 500\. Run the login again") as raised:
        flow.exchange(flow.wait(5))
    assert len(tokens.asked) == 1
    assert CODE not in raised.value.message


@pytest.mark.parametrize(
    ("path", "members", "status"),
    [
        ("/oauth/callback", {"state": "another", "code": CODE, "login_option": "google"}, 400),
        ("/oauth/callback", {"state": "another", "error": "access_denied"}, 400),
        ("/oauth/callback", {"state": "\u00e9", "code": CODE}, 400),
        ("/oauth/callback", {"login_option": "google"}, 400),
        ("/elsewhere", {"code": CODE, "login_option": "google"}, 404),
        ("/favicon.ico", {}, 404),
    ],
)
def test_what_does_not_belong_to_this_login_is_passed_over(
    flow: BrowserFlow, path: str, members: dict[str, str], status: int
) -> None:
    portal = Portal(flow.page)
    assert portal.send_back(path, **members).status_code == status
    assert requests.get(f"http://127.0.0.1:{flow.port}/", timeout=5).status_code == 404
    portal.send_back(code=CODE, login_option="google")
    assert flow.wait(5).code == CODE


def test_a_connection_that_sends_nothing_holds_nothing_up(flow: BrowserFlow) -> None:
    with socket.create_connection(("127.0.0.1", flow.port)):
        Portal(flow.page).send_back(code=CODE, login_option="google")
        assert flow.wait(5).code == CODE


@pytest.mark.parametrize(
    ("error", "told"), [("access_denied", "access_denied"), ("CANARY\x1b[31m", "an unknown error")]
)
@pytest.mark.parametrize("has_state", [True, False])
def test_an_error_of_the_page_is_told(
    flow: BrowserFlow, error: str, told: str, has_state: bool
) -> None:
    portal = Portal(flow.page)
    if has_state:
        portal.send_back(error=error)
    else:
        query = urlencode({"error": error})
        requests.get(f"http://127.0.0.1:{flow.port}/oauth/callback?{query}", timeout=5)
    with pytest.raises(GatewayError) as raised:
        flow.wait(5)
    assert (raised.value.kind, raised.value.message) == (
        Kind.LOGIN_OVER, f"The page reported {told}.",
    )  # fmt: skip


def test_nobody_signs_in(flow: BrowserFlow) -> None:
    with pytest.raises(GatewayError, match="in time"):
        flow.wait(0.05)
    assert browser.TIME_LIMIT == 600


def test_the_first_free_port_is_used(service: AuthService) -> None:
    client = ServiceClient(user_agent="kiro2api/test")
    taken, free = free_port(), free_port()
    with socket.socket() as other:
        other.bind(("127.0.0.1", taken))
        other.listen()
        with BrowserFlow(client, service.url, ports=[taken, free]) as flow:
            assert flow.port == free
        with pytest.raises(GatewayError, match=rf"None of the ports .*\({taken}\)"):
            BrowserFlow(client, service.url, ports=[taken])


@pytest.mark.parametrize(
    ("callback", "found"),
    [
        (Callback("builderid", ""), ("https://view.awsapps.com/start", "us-east-1")),
        (
            Callback("awsidc", "", "", "https://example.awsapps.com/start", "eu-west-3"),
            ("https://example.awsapps.com/start", "eu-west-3"),
        ),
    ],
)
def test_a_login_of_aws_goes_on_with_the_device_flow(
    callback: Callback, found: tuple[str, str]
) -> None:
    assert device_login(callback) == found


@pytest.mark.parametrize(
    ("callback", "told"),
    [
        (Callback("awsidc", ""), "login --start-url URL --region REGION"),
        (Callback("awsidc", "", "", "https://x", "evil.example/"), "or no region of IAM"),
        (Callback("awsidc", "", "", "https://x\x1b[31m", "eu-west-3"), "named no start URL"),
        (Callback("external_idp", ""), "kiro-cli"),
        (Callback("internal", ""), "kiro-cli"),
        (Callback("", ""), "kiro-cli"),
    ],
)  # fmt: skip
def test_a_login_that_cannot_be_completed_is_told(callback: Callback, told: str) -> None:
    with pytest.raises(GatewayError) as raised:
        device_login(callback)
    assert told in raised.value.message
    assert "\x1b" not in raised.value.message


def test_the_state_and_the_verifier_are_new_each_time(service: AuthService) -> None:
    pages = set()
    for _ in range(2):
        client = ServiceClient(user_agent="kiro2api/test")
        with BrowserFlow(client, service.url, ports=[free_port()]) as flow:
            query = Portal(flow.page).query
            assert len(query["state"]) >= 43
            pages |= {query["state"], query["code_challenge"]}
    assert len(pages) == 4
