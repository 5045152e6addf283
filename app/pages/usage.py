"""``GET /v1/usage``: what answers have cost. The owner's key sees all of it, another its own."""

import time
from collections.abc import Callable
from typing import Any

import msgspec
from flask import Blueprint, Response, request

from app.accounting import report
from app.accounting.entry import Query
from app.accounting.report import Report
from app.common.errors import GatewayError, Kind


def blueprint(make: Callable[[Query], Report] | None, own_key: Callable[[], str]) -> Blueprint:
    """``make`` is None if nothing is kept. ``own_key`` names the key that asks, "" for the
    owner's."""
    routes = Blueprint("usage", __name__)

    @routes.get("/v1/usage")
    def usage() -> Response:
        if make is None:
            raise GatewayError(Kind.NOT_FOUND, "No usage is kept here: KIRO_USAGE_DAYS is 0.")
        key = own_key()
        by = request.args.get("by", "model" if key else "key")
        grouping = _read("by", report.grouping, by)
        if key and grouping == "account":
            raise GatewayError(
                Kind.PERMISSION, "by: only the owner's key sees the accounts.", field="by"
            )
        since = request.args.get("since", report.DEFAULT_SINCE)
        begin = _read("since", lambda text: report.moment(text, time.time()), since)
        found = make(Query(grouping, begin, key))
        return Response(msgspec.json.encode(report.document(found)), mimetype="application/json")

    return routes


def _read(name: str, parse: Callable[[str], Any], text: str) -> Any:
    try:
        return parse(text)
    except ValueError as error:
        raise GatewayError(Kind.INVALID_REQUEST, f"{name}: {error}", field=name) from None
