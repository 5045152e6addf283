"""The description of the service: complete, and consistent in itself. Whether the service keeps to
it is tried over HTTP, in tests/live.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from flask import Flask

from app.application import create_app
from app.errors import POLICY, Kind
from app.settings import Settings

NOT_DESCRIBED = {
    ("/v1/completions", "post"),
    ("/v1/embeddings", "post"),
    ("/v1/responses", "get"),  # a WebSocket
}
"""A 404 that says what to do instead."""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    cache = tmp_path_factory.mktemp("cache")
    made = create_app(Settings(aws_refreshtoken="x" * 200, kiro_token_cache=Path(cache)))
    yield made
    made.on_exit()


@pytest.fixture(scope="module")
def description(app: Flask) -> dict[str, Any]:
    answer = app.test_client().get("/openapi.json")
    assert answer.status_code == 200
    assert answer.mimetype == "application/json"
    found: dict[str, Any] = msgspec.json.decode(answer.data)
    return found


def test_every_route_is_described(app: Flask, description: dict[str, Any]) -> None:
    routes = {
        (re.sub(r"<.*>", "{id}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    described = {(path, method) for path, item in description["paths"].items() for method in item}
    assert described == routes - NOT_DESCRIBED


def test_every_reference_leads_somewhere(description: dict[str, Any]) -> None:
    names = set(re.findall(r'"#/components/schemas/([^"]+)"', str(description).replace("'", '"')))
    assert names
    assert names <= description["components"]["schemas"].keys()


@pytest.mark.parametrize(
    ("path", "overloaded"), [("/v1/messages", "529"), ("/v1/chat/completions", "429")]
)
def test_every_failure_has_its_status(
    description: dict[str, Any], path: str, overloaded: str
) -> None:
    responses = description["paths"][path]["post"]["responses"]
    words = {word for answer in responses.values() for word in answer["description"].split(", ")}
    assert set(Kind) - {Kind.CANCELLED} <= words
    assert Kind.OVERLOADED in responses[overloaded]["description"].split(", ")
    assert responses.keys() - {"200"} <= {str(policy.status) for policy in POLICY.values()}


def test_what_needs_no_key(description: dict[str, Any]) -> None:
    open_paths = {
        path
        for path, item in description["paths"].items()
        for operation in item.values()
        if operation.get("security") == []
    }
    assert open_paths == {"/", "/health", "/openapi.json"}
