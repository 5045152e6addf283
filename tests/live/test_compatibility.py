"""What the tables of fields say, seen by a client of the server."""

from typing import Any
from urllib.parse import unquote

import pytest
import requests

from app.application import DIALECTS
from app.dialects.support import Fields, Kind, name_of
from tests.live.servers import KEY, Gateway

pytestmark = pytest.mark.usefixtures("upstream")  # without what other tests told it

USER = [{"role": "user", "content": "Hello"}]
ASKS: dict[str, tuple[str, dict[str, Any]]] = {
    "Anthropic": ("/v1/messages", {"model": "m", "max_tokens": 9, "messages": USER}),
    "Chat Completions": ("/v1/chat/completions", {"model": "m", "messages": USER}),
    "Responses": ("/v1/responses", {"model": "m", "input": "Hello"}),
}
VALUES: dict[str, Any] = {
    "temperature": 0.5,
    "top_p": 0.5,
    "top_k": 5,
    "frequency_penalty": 0.5,
    "presence_penalty": 0.5,
    "seed": 5,
    "logit_bias": {"50256": 1},
    "n": 2,
    "best_of": 2,
    "logprobs": True,
    "top_logprobs": 3,
    "include": ["message.input_image.image_url"],
    "background": True,
}
"""Of fields that are read before they are ignored, or refused."""


def whole(fields: Fields, kind: Kind) -> dict[str, str]:
    """The members of a request that a row is of, and how the row names them."""
    rows = ((path, row) for path, row in fields.items() if row.kind == kind and path.isidentifier())
    return {path: name_of(path, row) for path, row in rows}


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_members_that_are_ignored_are_named(gateway: Gateway, dialect: Any) -> None:
    path, asked = ASKS[dialect.name]
    ignored = whole(dialect.fields, "ignored")
    assert len(ignored) > 10
    answer = post(gateway, path, asked | {name: VALUES.get(name, "a") for name in ignored})
    assert answer.status_code == 200, answer.text
    named = [unquote(name) for name in answer.headers["x-kiro-ignored"].split(",")]
    assert {*ignored.values()} - {*named} == set()


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_members_that_are_refused_are_named(gateway: Gateway, dialect: Any) -> None:
    path, asked = ASKS[dialect.name]
    refused = whole(dialect.fields, "refused")
    assert refused
    for name in refused:
        answer = post(gateway, path, asked | {name: VALUES.get(name, "a")})
        assert answer.status_code == 400
        assert name in answer.json()["error"]["message"]


def post(gateway: Gateway, path: str, body: Any) -> requests.Response:
    return requests.post(
        gateway.url + path, json=body, headers={"Authorization": f"Bearer {KEY}"}, timeout=20
    )
