"""``GET /openapi.json``: the description of the whole service, and the shapes of what is no
dialect's. Needs no key, as it tells nothing of this installation but its version.
"""

from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, Literal

import msgspec
from flask import Blueprint, Response
from msgspec import Meta

from app.openapi import JSON, TEXT, Operation, Shape


class Health(Shape, frozen=True):
    """``credentials`` says how to find out what is wrong."""

    status: Literal["ok", "degraded"]
    version: str
    credentials: str = ""


class Service(Shape, frozen=True):
    name: Literal["kiro2api"]
    version: str


class Model(Shape, frozen=True):
    """A model, with the members of both families of clients."""

    id: str
    type: Literal["model"]
    object: Literal["model"]
    display_name: str
    created: int
    created_at: str
    owned_by: str
    lifecycle: Literal["active", "deprecated"]
    max_input_tokens: int | None
    max_tokens: int | None
    capabilities: None


class Models(Shape, frozen=True):
    object: Literal["list"]
    data: list[Model]
    has_more: bool
    first_id: str | None
    last_id: str | None


STRING = {"type": "string"}
OPERATIONS = (
    Operation(
        method="get",
        path="/v1/models",
        summary="The models that the key may use.",
        answers={JSON: Models},
        query={
            "limit": {"type": "integer", "minimum": 1, "maximum": 1000},
            "after_id": STRING,
            "before_id": STRING,
        },
    ),
    Operation(
        method="get",
        path="/v1/models/{id}",
        summary="One model.",
        answers={JSON: Model},
        place={"id": {"type": "string", "minLength": 1}},
    ),
    Operation(
        method="get",
        path="/health",
        summary="Is the service there?",
        answers={TEXT: Annotated[str, Meta(pattern="^OK$")], JSON: Health},
        needs_key=False,
        fails=False,
    ),
    Operation(
        method="get",
        path="/",
        summary="What the service is.",
        answers={JSON: Service},
        needs_key=False,
        fails=False,
    ),
    Operation(
        method="get",
        path="/openapi.json",
        summary="This description.",
        answers={JSON: dict[str, Any]},
        needs_key=False,
        fails=False,
    ),
)


def blueprint(describe: Callable[[], dict[str, Any]]) -> Blueprint:
    """``GET /openapi.json``. It is made when it is first asked for: no start waits for it."""
    routes = Blueprint("openapi", __name__)

    @cache
    def description() -> bytes:
        return msgspec.json.encode(describe())

    @routes.get("/openapi.json")
    def openapi() -> Response:
        return Response(description(), mimetype="application/json")

    return routes
