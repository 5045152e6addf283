"""ListAvailableModels over both bindings, and which models chat then serves."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from app.simulator import Simulator
from app.simulator.catalogue.models import LISTS
from app.simulator.service.tokens import PROFILE_ARN
from tests.simulator.client import TOKEN, Client, ClientResponse, chat_body, user

ARN = PROFILE_ARN
OTHER_ARN = "arn:aws:codewhisperer:eu-central-1:123456789012:profile/ABCDEFGHIJKL"


def by_rest(client: Client, query: str = "origin=AI_EDITOR", **headers: str) -> ClientResponse:
    authorization = {"authorization": f"Bearer {client.token}", **headers}
    return client.send("GET", f"/ListAvailableModels?{query}", headers=authorization)


def by_rpc(
    client: Client, form: Any = None, service: str = "KiroControlPlaneBearerService"
) -> ClientResponse:
    headers = {
        "authorization": f"Bearer {client.token}",
        "x-amz-target": f"{service}.ListAvailableModels",
        "content-type": "application/x-amz-json-1.0",
    }
    return client.send(
        "POST", "/", {"origin": "KIRO_CLI", "profileArn": ARN} | (form or {}), headers
    )


def ids(answer: ClientResponse) -> list[str]:
    assert answer.status == 200
    return [row["modelId"] for row in answer.json["models"]]


def pages(client: Client, form: dict[str, Any], most: int = 50) -> Iterator[ClientResponse]:
    for _ in range(most):
        answer = by_rpc(client, form)
        yield answer
        if "nextToken" not in answer.json:
            return
        form = form | {"nextToken": answer.json["nextToken"]}


def chat_status(client: Client, model: str, **headers: str) -> tuple[int, str | None]:
    answer = client.chat(chat_body(user(modelId=model)), **headers)
    return answer.status, None if answer.status == 200 else answer.json["reason"]


def test_both_bindings_list_the_same_rows(client: Client, simulator: Simulator) -> None:
    rest, rpc = by_rest(client), by_rpc(client)
    assert rest.json == rpc.json == by_rpc(client, service="AmazonCodeWhispererService").json
    assert rpc.headers["content-type"] == "application/x-amz-json-1.0"
    assert rest.json["defaultModel"] == {"modelId": "auto"}
    assert simulator.stats["operation.ListAvailableModels"] == 3
    assert simulator.requests[0].query == {"origin": "AI_EDITOR"}


def test_a_row_states_limits_rate_inputs_and_fields(client: Client) -> None:
    rows = {row["modelId"]: row for row in by_rest(client).json["models"]}
    assert rows["kimi-k3"] == {"modelId": "kimi-k3", "modelName": "kimi-k3"}
    assert "additionalModelRequestFieldsSchema" not in rows["claude-sonnet-4.5"]
    newest = rows["claude-opus-5.5"]
    assert newest["tokenLimits"] == {"maxInputTokens": 1_000_000, "maxOutputTokens": 128_000}
    assert newest["refusalFallbackModels"] == [{"modelId": "claude-opus-4.8"}]
    assert newest["rateMultiplier"] == 2.0
    properties = newest["additionalModelRequestFieldsSchema"]["properties"]
    assert properties["thinking"]["properties"]["type"]["enum"] == ["adaptive"]
    assert properties["output_config"]["properties"]["effort"]["default"] == "medium"


@pytest.mark.parametrize(
    ("name", "count", "has", "lacks"),
    [
        ("2026-11", 23, "claude-haiku-5.5", "claude-fable-5.1"),
        ("2026-07", 18, "claude-sonnet-5", "claude-opus-5"),
        ("free", 9, "glm-5", "claude-opus-4.5"),
        ("enterprise", 24, "claude-fable-5.1", "gpt-6.1-sol"),
    ],
)
def test_the_list_can_be_chosen(name: str, count: int, has: str, lacks: str) -> None:
    with Simulator(tokens=(TOKEN,), models=name) as simulator:
        client = Client(simulator)
        listed = ids(by_rest(client))
        assert (len(listed), has in listed, lacks in listed) == (count, True, False)
        assert chat_status(client, has) == (200, None)
        assert chat_status(client, lacks) == (400, "INVALID_MODEL_ID")


@pytest.mark.parametrize("ask", [by_rest, by_rpc])
def test_the_origin_is_required(client: Client, ask: Any) -> None:
    refused = by_rest(client, "") if ask is by_rest else by_rpc(client, {"origin": None})
    assert refused.status == 400
    assert by_rest(client, "origin=KIRO").status == 400


@pytest.mark.parametrize("arn", [None, "", "arn:aws:iam::1:role/x"])
def test_management_requires_a_profile_arn(client: Client, arn: str | None) -> None:
    refused = by_rpc(client, {"profileArn": arn})
    assert (refused.status, refused.json["message"]) == (400, "Invalid profileArn.")
    assert refused.json["__type"] == "com.amazon.kiro.controlplane#ValidationException"
    assert by_rest(client).status == 200


def test_a_bad_bearer_is_a_400_on_management_and_a_403_elsewhere(simulator: Simulator) -> None:
    stranger = Client(simulator, token="nobody")
    refused = by_rpc(stranger)
    assert refused.status == 400
    assert refused.json["__type"] == "com.amazon.kiro.controlplane#AccessDeniedException"
    assert by_rest(stranger).status == 403
    assert stranger.chat(binding="json-rpc").status == 403


def test_pages_follow_each_other(client: Client, simulator: Simulator) -> None:
    whole = ids(by_rpc(client))
    found = list(pages(client, {"maxResults": 7}))
    assert [each for page in found for each in ids(page)] == whole
    assert [len(ids(page)) for page in found] == [7, 7, 7, 2]
    assert ["defaultModel" in page.json for page in found] == [True, False, False, False]
    simulator.configure_models(page_size=20)
    assert [len(ids(page)) for page in pages(client, {})] == [20, 3]
    assert by_rpc(client, {"maxResults": "many"}).status == 400


def test_a_token_can_repeat_without_end(client: Client, simulator: Simulator) -> None:
    simulator.configure_models(repeat_token=True, page_size=5)
    found = list(pages(client, {}, most=20))
    assert len(found) == 20
    assert {page.json["nextToken"] for page in found} == {"5"}
    assert ids(found[1]) == ids(found[-1])


def test_the_list_can_be_empty_or_unreadable(client: Client, simulator: Simulator) -> None:
    simulator.configure_models(empty=True, default="")
    assert by_rest(client).json == {"models": []}
    assert chat_status(client, "claude-opus-5.5") == (200, None)
    simulator.reset()
    failing = {"match": {"operation": "ListAvailableModels"}, "fail": "unreadable_200"}
    simulator.script(failing)
    answer = by_rest(client)
    assert answer.status == 200
    with pytest.raises(json.JSONDecodeError):
        _ = answer.json


def test_two_accounts_have_different_models(simulator: Simulator) -> None:
    grants = [
        Client(simulator).send("POST", "/refreshToken", {"refreshToken": name}).json
        for name in ("poor", "rich")
    ]
    simulator.configure_models(accounts={"poor": "free", "ksk_a": ["claude-opus-5.5"]})
    poor, rich = (Client(simulator, grant["accessToken"]) for grant in grants)
    assert (len(ids(by_rest(poor))), len(ids(by_rest(rich)))) == (9, 23)
    assert chat_status(poor, "claude-opus-5.5") == (400, "INVALID_MODEL_ID")
    assert chat_status(rich, "claude-opus-5.5") == (200, None)
    again = poor.send("POST", "/refreshToken", {"refreshToken": grants[0]["refreshToken"]}).json
    assert len(ids(by_rest(Client(simulator, again["accessToken"])))) == 9
    key = Client(simulator, token="ksk_a")
    assert ids(by_rest(key, tokentype="API_KEY")) == ["claude-opus-5.5"]


def test_a_list_may_hang_on_the_profile_or_on_the_origin(
    client: Client, simulator: Simulator
) -> None:
    simulator.configure_models(
        accounts={OTHER_ARN: ["glm-5"]}, origins={"KIRO_CONSOLE": "enterprise", "IDE": ["auto"]}
    )
    assert ids(by_rpc(client, {"profileArn": OTHER_ARN})) == ["glm-5"]
    assert ids(by_rest(client, "origin=IDE")) == ["auto"]
    assert "claude-fable-5.1" in ids(by_rest(client, "origin=KIRO_CONSOLE"))
    asked = chat_body(user(modelId="glm-5", origin="IDE"))
    assert client.chat(asked).json["reason"] == "INVALID_MODEL_ID"


def test_rows_of_any_shape_can_be_listed(client: Client, simulator: Simulator) -> None:
    odd = {"modelId": "odd-1", "additionalModelRequestFieldsSchema": None, "tokenLimits": "?"}
    simulator.configure_models(offer=["auto", odd], default="claude-opus-5.5")
    assert by_rest(client).json["models"][1] == odd
    assert by_rest(client).json["defaultModel"] == {"modelId": "claude-opus-5.5"}
    assert chat_status(client, "odd-1") == (200, None)


def test_a_listed_model_can_be_refused_on_one_binding(client: Client, simulator: Simulator) -> None:
    simulator.configure_models(refused={"json-rpc": ["claude-opus-5.5"]})
    assert "claude-opus-5.5" in ids(by_rpc(client))
    asked = chat_body(user(modelId="claude-opus-5.5"))
    assert client.chat(asked, "json-rpc").json["reason"] == "INVALID_MODEL_ID"
    assert client.chat(asked).status == 200
    simulator.reset()
    assert client.chat(asked, "json-rpc").status == 200


@pytest.mark.parametrize(
    "form",
    [
        {"offers": []},
        {"offer": "2025"},
        {"offer": ["nope"]},
        {"page_size": "x"},
        {"accounts": []},
        [],
    ],
)
def test_a_wrong_setting_of_the_catalogue_is_refused(client: Client, form: Any) -> None:
    answer = client.send("POST", "/__sim/models", form)
    assert (answer.status, bool(answer.json["message"])) == (400, True)
    assert client.send("POST", "/__sim/models", {"offer": "free"}).status == 200
    assert len(ids(by_rest(client))) == 9


def test_the_named_lists_are_those_of_the_captures() -> None:
    assert {name: len(each.models) for name, each in LISTS.items()} == {
        "2026-11": 23,
        "2026-07": 18,
        "free": 9,
        "enterprise": 24,
    }
    assert not any(model.fields_schema for model in LISTS["free"].models.values())
