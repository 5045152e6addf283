"""``GET /v1/models``: what is listed can be asked for, by every name that it has."""

from functools import partial
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.errors import GatewayError, Kind
from app.models import names
from app.pages import models as catalogue

DEFAULT, ALIASES = "new-1", {"Fast": "claude-haiku-4-5"}
RESOLVE = partial(names.resolve, default=DEFAULT, aliases=ALIASES)


def client(*, without: str = "") -> FlaskClient:
    app = Flask(__name__)
    app.testing = True  # failures are raised here, and not answered
    listing = names.listing(DEFAULT, ALIASES)
    app.register_blueprint(catalogue.blueprint(listing, RESOLVE, lambda model: model != without))
    return app.test_client()


def ids(answer: dict[str, Any]) -> list[str]:
    return [view["id"] for view in answer["data"]]


def test_everything_listed_can_be_asked_for() -> None:
    asking = client()
    listed = ids(asking.get("/v1/models").json)
    assert {"Fast", "new-1", "claude-opus-5"} < set(listed)
    assert [asking.get(f"/v1/models/{name}").json["id"] for name in listed] == listed


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("FAST", "Fast"),
        ("claude-sonnet-4.5", "claude-sonnet-4-5-20250929"),
        ("anthropic/claude-sonnet-4-5", "claude-sonnet-4-5-20250929"),
        ("New-1", "new-1"),
    ],
)
def test_a_model_is_found_by_its_other_names(name: str, model: str) -> None:
    assert client().get(f"/v1/models/{name}").json["id"] == model


@pytest.mark.parametrize("name", ["gpt-4o", "glm-5", "GLM-5"])
def test_what_a_client_may_not_use_is_not_there(name: str) -> None:
    asking = client(without="glm-5")
    with pytest.raises(GatewayError, match=name) as failure:
        asking.get(f"/v1/models/{name}")
    assert (failure.value.kind, failure.value.code) == (Kind.NOT_FOUND, "model_not_found")
    assert "glm-5" not in ids(asking.get("/v1/models").json)


@pytest.mark.parametrize("limit", ["²", "٣", "0", "1001", "-1", "1_0", " 1", "9" * 4000, ""])
def test_a_limit_that_is_no_number_is_refused(limit: str) -> None:
    with pytest.raises(GatewayError, match="limit: must be between 1 and 1000") as failure:
        client().get("/v1/models", query_string={"limit": limit})
    assert (failure.value.kind, failure.value.field) == (Kind.INVALID_REQUEST, "limit")


def test_a_limit() -> None:
    assert len(client().get("/v1/models?limit=0002").json["data"]) == 2
