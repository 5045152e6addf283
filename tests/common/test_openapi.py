"""The description of the service: complete, and consistent in itself. Whether the service keeps to
it is tried over HTTP, in tests/live.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from flask import Flask

from app.application import OPEN_PATHS, create_app
from app.common.errors import POLICY, Kind
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
        (re.sub(r"<[^>]*>", "{id}", rule.rule.replace("<item>", "{item}")), method.lower())
        for rule in app.url_map.iter_rules()
        if not rule.endpoint.startswith("page.")  # for people
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
    assert open_paths == OPEN_PATHS


def operations(description: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for item in description["paths"].values():
        yield from item.values()


def test_every_operation_is_explained_and_has_an_id_of_its_own(description: dict[str, Any]) -> None:
    ids = [operation["operationId"] for operation in operations(description)]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch("[a-z][A-Za-z]+", each) for each in ids)
    for operation in operations(description):
        assert operation["summary"].endswith(".")
        assert operation["description"].endswith(".")


def examples(description: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Each example with its schema."""
    for operation in operations(description):
        bodies = [operation["responses"]["200"]["content"]]
        if "requestBody" in operation:
            bodies.append(operation["requestBody"]["content"])
        for content in bodies:
            for media, body in content.items():
                if media != "text/event-stream":
                    yield body["schema"], body["example"]
        for parameter in operation.get("parameters", ()):
            for example in parameter["schema"].get("examples", ()):
                yield parameter["schema"], example


def test_every_example_is_valid(description: dict[str, Any]) -> None:
    found = list(examples(description))
    assert found
    for schema, example in found:
        whole = {**schema, "components": description["components"]}
        jsonschema_rs.validator_for(whole).validate(example)


def test_requests_of_the_examples_are_understood(description: dict[str, Any]) -> None:
    """None of their members is unknown."""
    known = description["components"]["schemas"]
    for operation in operations(description):
        for body in operation.get("requestBody", {"content": {}})["content"].values():
            name = body["schema"]["$ref"].rpartition("/")[2]
            assert body["example"].keys() <= known[name]["properties"].keys()
