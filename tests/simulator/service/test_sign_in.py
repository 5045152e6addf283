"""Sign-in services, control plane and web search, in their documented forms."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

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


def target(name: str) -> dict[str, str]:
    return AUTHORIZED | {
        "x-amz-target": f"AmazonCodeWhispererService.{name}",
        "content-type": "application/x-amz-json-1.0",
    }


def test_usage_counts_the_credits_of_answers(client: Client, simulator: Simulator) -> None:
    simulator.script({"text": "x", "credits": 1.25})
    client.chat()
    path = "/getUsageLimits?origin=AI_EDITOR&resourceType=AGENTIC_REQUEST"
    usage = client.send("GET", path, headers=AUTHORIZED).json
    [credits] = usage["usageBreakdownList"]
    assert credits["currentUsageWithPrecision"] == 1.25
    assert usage == client.send("POST", "/", {}, target("GetUsageLimits")).json


def test_profiles(client: Client) -> None:
    listed = client.send("POST", "/ListAvailableProfiles", {}, AUTHORIZED).json["profiles"]
    one = client.send("POST", "/GetProfile", {}, AUTHORIZED).json["profile"]
    assert listed == [one]
    key = {"authorization": "Bearer ksk_1", "tokentype": "API_KEY"}
    refused = client.send("POST", "/ListAvailableProfiles", {}, key)
    assert (refused.status, refused.json["message"]) == (403, "Unsupported token type")
    assert client.send("POST", "/GetProfile", {}, key).status == 200


def test_the_control_plane_requires_a_token(client: Client) -> None:
    assert client.send("GET", "/ListAvailableModels?origin=AI_EDITOR").status == 403


def test_web_search_is_json_in_json(client: Client) -> None:
    params = {"name": "web_search", "arguments": {"query": "simulated rain"}}
    call = {"id": "1", "jsonrpc": "2.0", "method": "tools/call", "params": params}
    answer = client.send("POST", "/mcp", call, AUTHORIZED).json
    assert (answer["id"], answer["result"]["isError"]) == ("1", False)
    [content] = answer["result"]["content"]
    found = json.loads(content["text"])
    assert "simulated rain" in found["results"][0]["title"]
    invalid: tuple[Any, ...] = ({}, [], {"name": "web_search", "arguments": 3})
    for other_params in invalid:
        answer = client.send("POST", "/mcp", {**call, "params": other_params}, AUTHORIZED)
        assert answer.json["error"]["code"] < 0


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
