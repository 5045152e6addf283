"""How the list of models is asked for: hosts, pages, and what is no list."""

from collections.abc import Mapping
from typing import Any

import pytest

from app.codewhisperer.service.hosts import Host, HostChoice, candidates
from app.codewhisperer.service.model_list import MOST_MODELS, MOST_PAGES, list_models
from app.common.errors import GatewayError, Kind
from app.models.catalogue import Catalogue

ARN = "arn:aws:codewhisperer:eu-central-1:1:profile/P"
ONE = {"models": [{"modelId": "auto"}], "defaultModel": {"modelId": "auto"}}
REFUSED = GatewayError(Kind.REFUSED_TOKEN, "no")


class Service:
    """Answers each call with the next of its answers, the last one for ever."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, Mapping[str, Any]]] = []

    def __call__(
        self,
        host: Host,
        operation: str,
        parameters: Mapping[str, Any],
        auth: Mapping[str, str],
        response_type: type[object],
    ) -> object:
        assert operation == "ListAvailableModels"
        assert auth["Authorization"] == "Bearer token"
        self.asked.append((host.control_url, parameters))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, GatewayError):
            raise answer
        return answer

    def models(
        self, arn: str | None = ARN, region: str | None = "eu-central-1", api: str | None = None
    ) -> Catalogue:
        return list_models(self, HostChoice(api, None), "token", "social", arn, region)


def page(number: int, next_token: object = None) -> dict[str, object]:
    return {"models": [{"modelId": f"m-{number}"}], "nextToken": next_token}


def test_the_newest_host_is_asked_with_the_profile_and_the_origin_of_the_chat() -> None:
    """docs/upstream.md: The list is that of the origin that asks"""
    service = Service(ONE)
    found = service.models()
    assert ([model.id for model in found.models], found.default) == (["auto"], "auto")
    assert service.asked == [
        (
            "https://management.eu-central-1.kiro.dev",
            {"origin": "KIRO_CLI", "profileArn": ARN},
        )
    ]


def test_the_request_in_both_bindings() -> None:
    newest, older, _ = candidates("us-east-1", None)
    request = newest.control_request("ListAvailableModels", {"origin": "KIRO_CLI"})
    assert request.method == "POST"
    assert request.url == "https://management.us-east-1.kiro.dev/"
    assert request.body == b'{"origin":"KIRO_CLI"}'
    assert request.headers["X-Amz-Target"] == "KiroControlPlaneBearerService.ListAvailableModels"
    request = older.control_request("ListAvailableModels", {"origin": "AI_EDITOR"})
    assert (request.method, request.body) == ("GET", b"")
    assert request.url == "https://q.us-east-1.amazonaws.com/ListAvailableModels?origin=AI_EDITOR"
    assert request.headers["x-amzn-kiro-agent-mode"] == "vibe"


def test_a_login_without_a_profile_is_listed_by_the_older_host() -> None:
    """docs/upstream.md: The newest hosts list the models of a profile only"""
    service = Service(ONE)
    service.models(None, "us-east-1")
    assert service.asked == [("https://q.us-east-1.amazonaws.com", {"origin": "KIRO_CLI"})]


def test_a_profile_that_the_newest_host_refuses() -> None:
    service = Service(GatewayError(Kind.REJECTED, "Invalid profileArn."), ONE)
    assert service.models().default == "auto"
    assert service.asked[1] == (
        "https://q.eu-central-1.amazonaws.com",
        {"origin": "KIRO_CLI"},
    )


def test_an_account_whose_region_is_not_known_is_looked_for() -> None:
    answers: tuple[object, ...] = (REFUSED, {"models": []})
    for elsewhere in answers:
        service = Service(elsewhere, ONE)
        service.models(None, None, "q")
        assert [url.split(".")[1] for url, _ in service.asked] == ["us-east-1", "eu-central-1"]


def test_the_first_refusal_is_reported() -> None:
    service = Service(REFUSED, GatewayError(Kind.FORBIDDEN, "later"))
    with pytest.raises(GatewayError) as failure:
        service.models()
    assert failure.value is REFUSED
    assert len(service.asked) == 2


def test_what_no_other_host_would_do_better_is_raised_at_once() -> None:
    service = Service(GatewayError(Kind.TIMEOUT, "slow"))
    with pytest.raises(GatewayError, match="slow"):
        service.models()
    assert len(service.asked) == 1


def test_all_pages_are_read() -> None:
    """docs/upstream.md: The list has pages"""
    service = Service(page(1, "a"), page(2, "b"), page(3, ""))
    assert [model.id for model in service.models().models] == ["m-1", "m-2", "m-3"]
    assert [asked.get("nextToken") for _, asked in service.asked] == [None, "a", "b"]


def test_a_token_that_repeats_ends_the_list() -> None:
    service = Service(page(1, "a"), page(2, "a"))
    assert len(service.models().models) == 2
    assert len(service.asked) == 2


def test_a_list_without_end_is_cut() -> None:
    service = Service(*(page(number, f"t{number}") for number in range(30)))
    assert len(service.models().models) == MOST_PAGES
    rows = [{"modelId": f"m-{number}"} for number in range(MOST_MODELS + 5)]
    assert len(Service({"models": rows}).models().models) == MOST_MODELS


def test_a_page_that_fails_fails_the_list() -> None:
    with pytest.raises(GatewayError):
        Service(page(1, "a"), GatewayError(Kind.UNAVAILABLE, "busy")).models()


@pytest.mark.parametrize("answer", [{"models": []}, {}, [], None, {"models": [{}]}])
def test_an_empty_list_is_a_failure(answer: object) -> None:
    """docs/upstream.md: An empty list of models says nothing"""
    with pytest.raises(GatewayError, match="listed no model"):
        Service(answer).models()
