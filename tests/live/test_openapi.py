"""The service against its own description, with requests that schemathesis makes from that."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from app.simulator import Simulator
from tests.live.servers import KEY, Gateway

HELD = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


def operations(gateway: Gateway) -> Iterator[Any]:
    description = schemathesis.openapi.from_url(f"{gateway.url}/openapi.json")
    for found in description.get_all_operations():
        result: Any = found
        yield result.ok()


MODEL_CALLS = ("/v1/messages", "/v1/chat/completions", "/v1/responses")
"""Paths whose random requests are mostly refused, so that more of them are tried."""


def try_it(case: schemathesis.Case) -> str:
    """The type of the answer. What asks for an answer of a model is asked both ways."""
    whole = case.call(headers={"x-api-key": KEY}, timeout=20)
    case.validate_response(whole, checks=HELD)
    if case.method == "POST" and whole.status_code == 200 and isinstance(case.body, dict):
        case.body["stream"] = not case.body.get("stream")
        other = case.call(headers={"x-api-key": KEY}, timeout=20)
        case.validate_response(other, checks=HELD)
        return str(other.headers["content-type"][0]).partition(";")[0]
    return str(whole.headers["content-type"][0]).partition(";")[0]


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("examples", [15, pytest.param(500, marks=pytest.mark.long)])
def test_every_answer_is_as_described(
    gateway: Gateway, simulator: Simulator, subtests: pytest.Subtests, examples: int
) -> None:
    simulator.reset()
    tried: list[str] = []
    for operation in operations(gateway):
        most = examples * (4 if operation.path in MODEL_CALLS else 1)
        most = 1 if operation.path == "/health/stream" else most  # it has no input, and pauses
        with subtests.test(operation.label):

            @settings(max_examples=most, suppress_health_check=list(HealthCheck))
            @given(case=operation.as_strategy())
            def holds(case: schemathesis.Case) -> None:
                tried.append(try_it(case))

            holds()
    assert tried.count("text/event-stream") > 10
    assert tried.count("application/json") > 50
