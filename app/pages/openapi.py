"""``GET /openapi.json``: the description of the whole service, and of the pages that belong to no
dialect. Needs no key: it says nothing about this installation but its version.
"""

from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, Literal

import msgspec
from flask import Blueprint, Response
from msgspec import UNSET, Meta, UnsetType

from app.accounting.entry import GROUPINGS
from app.accounting.shapes import Usage, UsageTotal
from app.common.openapi import JSON, TEXT, Operation, Shape
from app.models.catalogue import STATIC
from app.version import __version__

from .model_shapes import ModelView, view


class Health(Shape, frozen=True):
    """``credentials`` is there if something is wrong, and says how to find out what;
    ``stuck_workers``, their number, if there are any.
    """

    status: Literal["ok", "degraded"]
    version: str
    credentials: str | UnsetType = UNSET
    stuck_workers: int | UnsetType = UNSET


class Ready(Shape, frozen=True):
    """``reason`` is there if no request can be answered; ``stuck_workers``, their number, if there
    are any. ``accounts`` is for the owner.
    """

    status: Literal["ready", "not ready"]
    reason: str | UnsetType = UNSET
    stuck_workers: int | UnsetType = UNSET
    accounts: list[dict[str, Any]] | UnsetType = UNSET


class Service(Shape, frozen=True):
    name: Literal["kiro2api"]
    version: str


class Hello(Shape, frozen=True):
    message: Literal["hello"]


class Ping(Shape, frozen=True):
    number: int


class Models(Shape, frozen=True):
    object: Literal["list"]
    data: list[ModelView]
    has_more: bool
    first_id: str | None
    last_id: str | None


MODEL = view(STATIC.models[0])
MODELS = Models(object="list", data=[MODEL], has_more=False, first_id=MODEL.id, last_id=MODEL.id)
TOTAL = UsageTotal(MODEL.id, 3, 1, 1200, 340, 0, 0, 0.42, 1)
USAGE = Usage(
    object="usage",
    by="model",
    scope="host",
    since="2026-11-20T17:00:00Z",
    until="2026-11-27T17:00:00Z",
    data=[TOTAL],
    total=msgspec.structs.replace(TOTAL, name="total"),
    missing=0,
)
DESCRIPTION = {
    "openapi": "3.2.0",
    "info": {"title": "kiro2api", "version": __version__},
    "paths": {},
}
STRING = {"type": "string"}
OPERATIONS = (
    Operation(
        id="listModels",
        method="get",
        path="/v1/models",
        summary="The models that the key may use.",
        description=(
            "What the accounts have, each model once, and the names that the owner has added. One "
            "list that the SDKs of Anthropic and of OpenAI both read. With any of the parameters "
            "it comes in pages, as Anthropic's does; without, it is complete."
        ),
        answers={JSON: (Models, MODELS)},
        query={
            "limit": {"type": "integer", "minimum": 1, "maximum": 1000},
            "after_id": STRING,
            "before_id": STRING,
        },
    ),
    Operation(
        id="getModel",
        method="get",
        path="/v1/models/{id}",
        summary="One model.",
        description="By its id, or by another name that the gateway knows it by.",
        answers={JSON: (ModelView, MODEL)},
        place={"id": {"type": "string", "minLength": 1, "examples": [MODEL.id]}},
    ),
    Operation(
        id="getUsage",
        method="get",
        path="/v1/usage",
        summary="What answers have cost.",
        description=(
            "Requests, tokens and credits, of the last seven days unless `since` says otherwise: a "
            "time before now (`7d`, `12h`, `30m`) or a day (`2026-11-27`, in UTC). The owner's key "
            "sees all keys, another what it used itself, by model unless `by` says otherwise."
        ),
        answers={JSON: (Usage, USAGE)},
        query={"by": {"type": "string", "enum": [*GROUPINGS]}, "since": STRING},
    ),
    Operation(
        id="getHealth",
        method="get",
        path="/health",
        summary="Whether the service works.",
        description=(
            "Plain `OK`; JSON for a client that prefers it, with `degraded` while requests work "
            "but a login needs repair or a worker is stuck. Needs no key."
        ),
        answers={
            TEXT: (Annotated[str, Meta(pattern="^OK$")], "OK"),
            JSON: (Health, Health("ok", __version__)),
        },
        needs_key=False,
        fails=False,
    ),
    Operation(
        id="getReady",
        method="get",
        path="/health/ready",
        summary="Whether requests can be answered.",
        description=(
            "At least one account is not known to be of no use; otherwise the status is 503 and "
            "`reason` says why. The same in all workers; `stuck_workers` is there if some have "
            "given no sign of life for 5 s. Needs no key; with the owner's key it lists the "
            "accounts."
        ),
        answers={JSON: (Ready, Ready("ready"))},
        unavailable=(Ready, Ready("not ready", "login over")),
        needs_key=False,
        fails=False,
    ),
    Operation(
        id="getMetrics",
        method="get",
        path="/metrics",
        summary="Figures for Prometheus.",
        description=(
            "In Prometheus's text format: see docs/metrics.md. For the owner's key; at the address "
            "of KIRO_METRICS_BIND without a key."
        ),
        answers={TEXT: (str, "kiro2api_workers 2.0\n")},
    ),
    Operation(
        id="getVersion",
        method="get",
        path="/health/version",
        summary="Which version runs.",
        description="Name and version. Needs no key.",
        answers={JSON: (Service, Service("kiro2api", __version__))},
        needs_key=False,
        fails=False,
    ),
    Operation(
        id="getStreamCheck",
        method="get",
        path="/health/stream",
        summary="A short stream with pauses.",
        description=(
            "Four events within two seconds, from which one sees whether a proxy in front passes a "
            "stream on as it comes. Costs nothing."
        ),
        answers={},
        events=(Ping,),
    ),
    Operation(
        id="getService",
        method="get",
        path="/",
        summary="What the service is.",
        description="Its name and version. Needs no key.",
        answers={JSON: (Service, Service("kiro2api", __version__))},
        needs_key=False,
        fails=False,
    ),
    Operation(
        id="getHello",
        method="get",
        path="/api/hello",
        summary="Whether the service answers.",
        description="What Claude Code asks of Anthropic's API when it starts. Needs no key.",
        answers={JSON: (Hello, Hello("hello"))},
        needs_key=False,
        fails=False,
    ),
    Operation(
        id="getDescription",
        method="get",
        path="/openapi.json",
        summary="This description.",
        description="The whole service as an OpenAPI document. Needs no key.",
        answers={JSON: (dict[str, Any], DESCRIPTION)},
        needs_key=False,
        fails=False,
    ),
)


def blueprint(describe: Callable[[], dict[str, Any]]) -> Blueprint:
    """``GET /openapi.json``. The description is made at the first request for it, not at start."""
    routes = Blueprint("openapi", __name__)

    @cache
    def description() -> bytes:
        return msgspec.json.encode(describe())

    @routes.get("/openapi.json")
    def openapi() -> Response:
        return Response(description(), mimetype="application/json")

    return routes
