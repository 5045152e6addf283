"""Sign-in services in their documented forms, and the control endpoint."""

import base64
import hashlib
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from app.simulator import Simulator
from tests.simulator.client import TOKEN, Client, ClientResponse

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
CLIENT = {"clientId": "c", "clientSecret": "s"}
AUTHORIZED = {"authorization": f"Bearer {TOKEN}"}


def social(client: Client, token: str) -> ClientResponse:
    return client.send("POST", "/refreshToken", {"refreshToken": token})


def oidc(client: Client, **members: Any) -> ClientResponse:
    return client.send("POST", "/token", {**CLIENT, **members})


def test_a_social_refresh_token_is_valid_once(client: Client, simulator: Simulator) -> None:
    first = social(client, "r" * 120)
    assert first.status == 200
    assert first.json.keys() == {"accessToken", "refreshToken", "expiresIn", "profileArn"}
    assert (first.json["accessToken"], first.json["expiresIn"]) == ("sim-access-1", 3600)
    assert len(first.json["refreshToken"]) >= 100
    again = social(client, "r" * 120)
    assert again.status == 401
    assert "refresh token" in again.json["message"]
    assert social(client, first.json["refreshToken"]).json["accessToken"] == "sim-access-2"
    assert simulator.stats["refreshes"] == 2


def test_the_log_masks_secrets_of_a_sign_in(client: Client, simulator: Simulator) -> None:
    fresh = social(client, "a-real-one").json["refreshToken"]
    social(client, fresh)
    oidc(client, grantType="refresh_token", refreshToken="another-real-one", clientSecret="hush!")
    logged = json.dumps([seen.to_json() for seen in simulator.requests])
    assert not any(secret in logged for secret in ("a-real-one", "another-real-one", "hush!"))
    assert simulator.requests[1].body == {"refreshToken": fresh}


def test_an_access_token_is_valid_for_its_lifetime(simulator: Simulator) -> None:
    simulator.configure_tokens(lifetime=0.0)
    token = social(Client(simulator), "r").json["accessToken"]
    assert Client(simulator, token).chat().status == 403
    simulator.configure_tokens(lifetime=60)
    grant = social(Client(simulator), "r2").json
    assert grant["expiresIn"] == 60
    assert Client(simulator, grant["accessToken"]).chat().status == 200
    simulator.configure_tokens(expire="all")
    assert Client(simulator, grant["accessToken"]).chat().status == 403


def test_concurrent_uses_of_one_refresh_token_succeed_once(simulator: Simulator) -> None:
    barrier = threading.Barrier(8)

    def refresh(_: int) -> int:
        barrier.wait()
        return social(Client(simulator), "shared").status

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(refresh, range(8))) == [200] + [401] * 7


def test_dead_and_spent_tokens_can_be_declared(client: Client) -> None:
    form = {"dead": ["d"], "spent": ["s"]}
    assert client.send("POST", "/__sim/tokens", form).status == 200
    assert [social(client, token).status for token in ("d", "s")] == [401, 401]
    assert client.send("POST", "/refreshToken", {}).status == 400


def test_without_rotation_the_old_refresh_token_stays_valid(client: Client) -> None:
    client.send("POST", "/__sim/tokens", {"rotate": False})
    answers = [social(client, "keep").json for _ in range(2)]
    assert [answer.get("refreshToken") for answer in answers] == [None, None]
    assert answers[0]["accessToken"] != answers[1]["accessToken"]


@pytest.mark.parametrize("form", [{"deed": []}, [], {"lifetime": "x"}, {"expired_status": 500}])
def test_a_wrong_token_setting_is_refused(client: Client, form: Any) -> None:
    answer = client.send("POST", "/__sim/tokens", form)
    assert answer.status == 400
    assert answer.json["message"]


def test_oidc_refresh_is_json_and_gives_no_profile(client: Client) -> None:
    answer = oidc(client, grantType="refresh_token", refreshToken="r")
    assert answer.json.keys() == {"accessToken", "refreshToken", "expiresIn", "tokenType"}
    again = oidc(client, grantType="refresh_token", refreshToken="r")
    assert (again.status, again.json["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("members", "status", "error"),
    [
        ({"grantType": "password"}, 400, "unsupported_grant_type"),
        ({"grantType": "refresh_token"}, 400, "invalid_grant"),
        ({"grantType": "refresh_token", "clientSecret": None}, 400, "invalid_request"),
        ({"grantType": "refresh_token", "clientId": "gone"}, 401, "invalid_client"),
        ({"grantType": DEVICE_GRANT, "deviceCode": "nope"}, 400, "expired_token"),
        ({"grantType": DEVICE_GRANT, "deviceCode": ["x"]}, 400, "expired_token"),
    ],
)
def test_oidc_errors(
    client: Client, simulator: Simulator, members: dict[str, Any], status: int, error: str
) -> None:
    simulator.configure_tokens(dead=["gone"])
    answer = oidc(client, **members)
    assert (answer.status, answer.json["error"]) == (status, error)
    assert answer.json["error_description"]


def test_a_device_login_from_registration_to_chat(client: Client, simulator: Simulator) -> None:
    form = {"clientName": "test", "clientType": "public", "scopes": ["codewhisperer:completions"]}
    registered = client.send("POST", "/client/register", form).json
    assert registered["clientSecretExpiresAt"] > registered["clientIdIssuedAt"]
    known = {key: registered[key] for key in ("clientId", "clientSecret")}
    start = {**known, "startUrl": "https://view.awsapps.com/start"}
    device = client.send("POST", "/device_authorization", start).json
    assert device["verificationUriComplete"].startswith(simulator.url)
    assert device.keys() >= {"deviceCode", "userCode", "verificationUri", "expiresIn", "interval"}
    poll = {**known, "grantType": DEVICE_GRANT, "deviceCode": device["deviceCode"]}
    first = client.send("POST", "/token", poll)
    assert (first.status, first.json["error"]) == (400, "authorization_pending")
    granted = client.send("POST", "/token", poll)
    assert granted.status == 200
    assert client.send("POST", "/token", poll).json["error"] == "expired_token"
    assert Client(simulator, granted.json["accessToken"]).chat().status == 200


def browser_login(client: Client, **members: str) -> tuple[dict[str, str], dict[str, str]]:
    """Sign in on the page. Return the form that exchanges the code, and the callback's query."""
    digest = hashlib.sha256(b"verifier").digest()
    query = {
        "state": "abc",
        "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "code_challenge_method": "S256",
        "redirect_uri": "http://localhost:3128",
        "redirect_from": "kirocli",
        **members,
    }
    answer = client.send("GET", f"/signin?{urlencode(query)}")
    assert answer.status == 302
    address, _, back = answer.headers["location"].partition("?")
    callback = dict(parse_qsl(back))
    return {
        "code": callback["code"],
        "code_verifier": "verifier",
        "redirect_uri": f"{address}?login_option={callback['login_option']}",
    }, callback


def test_a_browser_login_from_the_page_to_chat(client: Client, simulator: Simulator) -> None:
    form, callback = browser_login(client, signin_methods="github")
    assert (callback["state"], callback["login_option"]) == ("abc", "github")
    answer = client.send("POST", "/oauth/token", form)
    assert answer.json.keys() == {"accessToken", "refreshToken", "expiresIn", "profileArn"}
    assert Client(simulator, answer.json["accessToken"]).chat().status == 200
    assert social(client, answer.json["refreshToken"]).status == 200
    assert client.send("POST", "/oauth/token", form).status == 400
    assert simulator.requests[1].body["code_verifier"] == "veri***"


def test_a_code_is_burnt_by_a_wrong_address_or_verifier(client: Client) -> None:
    for wrong, status in (
        ({"redirect_uri": "http://localhost:3128"}, 500),
        ({"code_verifier": "x"}, 400),
    ):
        form, _ = browser_login(client)
        assert client.send("POST", "/oauth/token", form | wrong).status == status
        assert client.send("POST", "/oauth/token", form).status == 400
    assert client.send("GET", "/signin?state=abc").status == 400


def test_an_external_idp_is_form_encoded_and_needs_its_token_type(simulator: Simulator) -> None:
    client = Client(simulator)
    form = b"grant_type=refresh_token&client_id=c&refresh_token=r"
    encoded = {"content-type": "application/x-www-form-urlencoded"}
    answer = client.send("POST", "/idp/token", form, encoded)
    assert answer.json.keys() >= {"access_token", "refresh_token", "expires_in"}
    again = client.send("POST", "/idp/token", form, encoded)
    assert (again.status, again.json["error"]) == (400, "invalid_grant")
    caller = Client(simulator, answer.json["access_token"])
    assert caller.chat().status == 403
    assert caller.chat(TokenType="EXTERNAL_IDP").status == 200


def test_the_control_endpoint_returns_the_logged_requests(client: Client) -> None:
    client.chat()
    [seen] = client.send("GET", "/__sim/requests").json
    assert (seen["operation"], seen["status"]) == ("GenerateAssistantResponse", 200)
    assert seen["headers"]["authorization"] == "Bearer ***"
    assert seen["body"]["conversationState"]
    assert client.send("GET", "/__sim/stats").json["status.200"] == 1
    assert client.send("POST", "/__sim/reset").status == 200
    assert client.send("GET", "/__sim/requests").json == []
    assert client.send("GET", "/__sim/nothing").status == 404
