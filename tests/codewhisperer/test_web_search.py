"""A search of the web at each host, seen at a simulated upstream over real sockets."""

import json
import logging
from math import inf
from time import monotonic
from typing import Any

import pytest

from app.codewhisperer import web_search
from app.codewhisperer.service.profiles import BUILDER_ID
from app.codewhisperer.upstream import CodeWhisperer
from app.common.errors import GatewayError, Kind
from app.credentials import AuthKind, Token
from app.simulator import Simulator
from tests.codewhisperer.test_remedies import PROFILE, Regions, _service, in_region
from tests.codewhisperer.test_remedies import upstream as upstream  # a fixture
from tests.test_gateway import host

MCP = {"match": {"operation": "InvokeMCP"}}
OWN = "arn:aws:codewhisperer:us-east-1:123456789012:profile/ABCDEFGHIJKL"
IDC = Token("one", AuthKind.IDC, None, None, "o", inf)
OWNER = Token("one", AuthKind.IDC, OWN, None, "o", inf)


def search(own: CodeWhisperer, token: Token = OWNER, seconds: float = 20) -> list[str]:
    return [page.url for page in own.search_web("rain", token, monotonic() + seconds)]


def sent(upstream: Simulator) -> list[Any]:
    seen = [request for request in upstream.requests if request.operation == "InvokeMCP"]
    assert [violation for request in seen for violation in request.violations] == []
    return seen


def test_the_newest_host_has_the_profile_in_the_body(upstream: Simulator) -> None:
    """docs/upstream.md: Web search names the profile in its own place"""
    own = _service(host(upstream.url, "kiro"))
    assert len(search(own)) == 2
    assert search(own, IDC)
    first, second = sent(upstream)
    assert (first.path, first.headers["x-amz-target"]) == ("/", "KiroRuntimeService.InvokeMCP")
    assert first.body["params"] == {"name": "web_search", "arguments": {"query": "rain"}}
    assert (first.body["profileArn"], second.body["profileArn"]) == (OWN, BUILDER_ID)
    assert first.body["id"] != second.body["id"]


def test_an_older_host_has_it_in_a_header(upstream: Simulator) -> None:
    """docs/upstream.md: Web search names the profile in its own place"""
    own = _service(host(upstream.url, "q"))
    assert search(own)
    assert search(own, IDC)
    first, second = sent(upstream)
    assert first.path == "/mcp"
    assert "profileArn" not in first.body
    assert first.headers["x-amzn-kiro-profile-arn"] == OWN
    assert "x-amzn-kiro-profile-arn" not in second.headers
    assert first.headers["x-amzn-codewhisperer-optout"] == "true"


def test_a_host_without_the_operation_is_asked_once(
    upstream: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    with Simulator(tokens=("one",)) as older:
        own = _service(host(upstream.url, "kiro"), host(older.url, "q"))
        upstream.script(MCP | {"fail": "unknown_operation"})
        with caplog.at_level(logging.INFO):
            assert search(own)
        assert search(own)
        assert (len(sent(upstream)), len(sent(older))) == (1, 2)
    assert f"Web searches are sent to {older.url}" in caplog.text


def test_a_host_that_nothing_else_can_replace(upstream: Simulator) -> None:
    own = _service(host(upstream.url, "q"))
    upstream.script(MCP | {"fail": "unknown_operation"})
    with pytest.raises(GatewayError):
        search(own)


def test_the_host_is_of_the_profiles_region(upstream: Simulator) -> None:
    with Simulator(tokens=("one",)) as right:
        own = _service(in_region("us-east-1", upstream.url), in_region("eu-central-1", right.url))
        own.hosts.__class__ = Regions
        assert search(own, Token("one", AuthKind.IDC, PROFILE, "us-east-1", "o", inf))
        assert (len(sent(upstream)), len(sent(right))) == (0, 1)


def test_a_profile_that_is_wanted_is_named(upstream: Simulator) -> None:
    own = _service(host(upstream.url, "kiro"))
    social = Token("one", AuthKind.SOCIAL, None, None, "o", inf)
    assert search(own, social)
    assert [("profileArn" in seen.body) for seen in sent(upstream)] == [False, True]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("throttled", Kind.THROTTLED),
        ("feature_not_supported", Kind.FORBIDDEN),
        ("monthly_quota", Kind.QUOTA),
        ("internal", Kind.UPSTREAM_ERROR),
    ],
)
def test_refusals_mean_what_they_mean_elsewhere(
    upstream: Simulator, fault: str, kind: Kind
) -> None:
    """docs/upstream.md: Web search may be switched off"""
    upstream.script(MCP | {"fail": fault})
    with pytest.raises(GatewayError) as raised:
        search(_service(host(upstream.url, "kiro")))
    assert raised.value.kind is kind


def test_a_search_has_a_deadline(upstream: Simulator) -> None:
    upstream.script(MCP | {"delay_head": 30})
    with pytest.raises(GatewayError, match="did not answer a web search in time") as raised:
        search(_service(host(upstream.url, "kiro")), seconds=0.3)
    assert raised.value.kind is Kind.TIMEOUT


def test_an_answer_has_a_size(upstream: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_search, "LARGEST_ANSWER", 10_000)
    upstream.configure_search(text=json.dumps({"results": [], "padding": "x" * 20_000}))
    with pytest.raises(GatewayError, match="more than 10000 bytes") as raised:
        search(_service(host(upstream.url, "kiro")))
    assert raised.value.kind is Kind.CORRUPT


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({"answer": {"error": {"code": -32000, "message": "no"}}}, Kind.UPSTREAM_ERROR),
        ({"answer": {"result": {"isError": True}}}, Kind.UPSTREAM_ERROR),
        ({"error": "no"}, Kind.UPSTREAM_ERROR),
        ({"text": "no JSON"}, Kind.CORRUPT),
    ],
)
def test_answers_that_are_failures(
    upstream: Simulator, changed: dict[str, Any], kind: Kind
) -> None:
    """docs/upstream.md: Only a list of results is an answer to a search"""
    upstream.configure_search(**changed)
    with pytest.raises(GatewayError) as raised:
        search(_service(host(upstream.url, "kiro")))
    assert raised.value.kind is kind
