"""``GET /v1/models``: one body that the Anthropic and the OpenAI SDKs both read.

Both families use the same path. The body has the members that each SDK's types require, for example
both ``created`` (seconds) and ``created_at`` (a date).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from flask import Blueprint, request

from app.common.errors import GatewayError, Kind
from app.models.names import Names

from .model_shapes import view

DEFAULT_LIMIT, MAX_LIMIT = 20, 1000

_NUMBER = re.compile(r"[0-9]{1,9}").fullmatch  # str.isdigit and int know digits of other scripts


def blueprint(names: Callable[[], Names], may_use: Callable[[str], bool]) -> Blueprint:
    """The list, with Anthropic's paging for clients that ask for pages, and each model by its id or
    by another name that means it. ``names`` gives those of the present catalogue.

    Only models that the client's key may use are there: ``may_use(id)``.
    """
    routes = Blueprint("models", __name__)

    def listed() -> list[dict[str, Any]]:
        models = [model for model in names().listing() if may_use(model.id)]
        return [msgspec.to_builtins(view(model)) for model in models]

    @routes.get("/v1/models")
    def all_models() -> dict[str, Any]:
        page, more = _page(listed(), request.args)
        return {
            "object": "list",
            "data": page,
            "has_more": more,
            "first_id": page[0]["id"] if page else None,
            "last_id": page[-1]["id"] if page else None,
        }

    @routes.get("/v1/models/<path:name>")
    def one_model(name: str) -> dict[str, Any]:
        by_id = {view["id"].lower(): view for view in listed()}
        meant = names().resolve(name)
        for wanted in (name, meant.model.id) if meant.matched else (name,):
            if view := by_id.get(wanted.lower()):
                return view
        raise GatewayError(
            Kind.NOT_FOUND,
            f"There is no model {name!r}; GET /v1/models lists the models.",
            field="model",
            code="model_not_found",
        )

    return routes


def _page(
    listed: list[dict[str, Any]], query: Mapping[str, str]
) -> tuple[list[dict[str, Any]], bool]:
    """Anthropic's cursors. Without any of them the page holds all models, since OpenAI's SDK never
    asks for a second one."""
    ids = [view["id"] for view in listed]
    start, stop = 0, len(listed)
    if after := query.get("after_id"):
        start = _position(ids, after, "after_id") + 1
    if before := query.get("before_id"):
        stop = _position(ids, before, "before_id")
    limit = (
        _limit(query.get("limit")) if query.keys() & {"limit", "after_id", "before_id"} else stop
    )
    if "before_id" in query:
        first = max(start, stop - limit)
        return listed[first:stop], first > start
    return listed[start : min(stop, start + limit)], start + limit < stop


def _position(ids: Iterable[str], wanted: str, field: str) -> int:
    try:
        return list(ids).index(wanted)
    except ValueError:
        raise GatewayError(
            Kind.INVALID_REQUEST, f"{field}: there is no model {wanted!r}", field=field
        ) from None


def _limit(given: str | None) -> int:
    if given is None:
        return DEFAULT_LIMIT
    if not _NUMBER(given) or not 1 <= int(given) <= MAX_LIMIT:
        raise GatewayError(
            Kind.INVALID_REQUEST, f"limit: must be between 1 and {MAX_LIMIT}", field="limit"
        )
    return int(given)
