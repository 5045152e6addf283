"""Sign-in services, control plane and web search, in their documented forms."""

import base64
import hashlib
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from app.simulator import Simulator
from app.simulator.service.tokens import PROFILE_ARN
from tests.simulator.client import TOKEN, Client, ClientResponse, chat_body

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
    arn = {"profileArn": PROFILE_ARN}
    assert usage == client.send("POST", "/", arn, target("GetUsageLimits")).json
    refused = client.send("POST", "/", {}, target("GetUsageLimits"))
    assert (refused.status, refused.json["message"]) == (400, "Invalid profileArn.")


def test_the_quota_has_the_members_of_2026_and_can_be_set(
    client: Client, simulator: Simulator
) -> None:
    def credits() -> dict[str, Any]:
        usage = client.send("GET", "/getUsageLimits", headers=AUTHORIZED).json
        [found] = usage["usageBreakdownList"]
        assert usage.keys() >= {"totalUsage", "subscriptionInfo", "overageConfiguration"}
        return dict(found)

    assert credits().keys() >= {"overageCredits", "addOnMetadata", "dimensionType", "bonuses"}
    assert credits()["freeTrialInfo"]["freeTrialExpiry"] > 1e11  # milliseconds
    pack = {"currentUsage": 1, "usageLimit": 500, "expiresAt": 1_800_000_000}
    simulator.configure_quota(
        credits={"overageCredits": [pack]}, subscriptionInfo={"type": "SOMETHING_NEW"}
    )
    assert credits()["overageCredits"] == [pack]
    assert credits()["usageLimit"] == 1000
    simulator.reset()
    assert credits()["overageCredits"] == []
    assert client.send("POST", "/__sim/quota", []).status == 400


def test_the_profile_of_a_key_or_login_is_in_one_region(
    client: Client, simulator: Simulator
) -> None:
    simulator.configure_tokens(regions={"ksk_eu": "eu-central-1", TOKEN: "us-east-1"})
    key = {"authorization": "Bearer ksk_eu", "tokentype": "API_KEY"}

    def ask(operation: str, region: str, who: dict[str, str]) -> ClientResponse:
        host = {"host": f"management.{region}.kiro.dev"}
        return client.send("POST", "/?origin=AI_EDITOR", {}, target(operation) | who | host)

    assert ask("GetProfile", "us-east-1", key).status == 403
    arn = ask("GetProfile", "eu-central-1", key).json["profile"]["arn"]
    assert arn.split(":")[3] == "eu-central-1"
    assert ask("GetProfile", "eu-central-1", key | {"tokentype": ""}).status == 400
    assert ask("ListAvailableProfiles", "eu-central-1", {}).status == 403
    [profile] = ask("ListAvailableProfiles", "us-east-1", {}).json["profiles"]
    assert profile["arn"] == PROFILE_ARN


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


def test_the_newest_target_of_chat(client: Client) -> None:
    headers = target("x") | {"x-amz-target": "KiroRuntimeService.GenerateAssistantResponse"}
    assert client.send("POST", "/", chat_body(), headers).status == 200


@pytest.mark.parametrize("service", ["KiroRuntimeService", "AmazonCodeWhispererStreamingService"])
def test_web_search_over_json_rpc_names_the_profile(client: Client, service: str) -> None:
    headers = target("x") | {"x-amz-target": f"{service}.InvokeMCP"}
    params = {"name": "web_search", "arguments": {"query": "rain"}}
    call = {"id": "1", "jsonrpc": "2.0", "method": "tools/call", "params": params}
    refused = client.send("POST", "/", call, headers)
    assert refused.status == 400
    assert refused.json["message"] == "profileArn is required for this request."
    call["profileArn"] = PROFILE_ARN
    assert client.send("POST", "/", call, headers).json["result"]["isError"] is False
    params["arguments"] = {"query": "r" * 201}
    assert "200" in client.send("POST", "/", call, headers).json["error"]["message"]
    listed = client.send("POST", "/", call | {"method": "tools/list"}, headers).json
    assert [tool["name"] for tool in listed["result"]["tools"]] == ["web_search"]


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
