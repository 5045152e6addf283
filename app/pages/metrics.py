"""``GET /metrics``: what Prometheus is shown, to the owner and at KIRO_METRICS_BIND."""

from collections.abc import Callable
from typing import NamedTuple

from flask import Blueprint, Response

from app.common.errors import GatewayError, Kind


class Exposition(NamedTuple):
    """``text()`` may wait; ``content_type`` is its type."""

    text: Callable[[], bytes]
    content_type: str


def blueprint(exposition: Exposition | None, may_read: Callable[[], bool]) -> Blueprint:
    """``exposition`` is None if nothing is counted. ``may_read()``: whether whoever asks may see
    the figures of every key.
    """
    routes = Blueprint("metrics", __name__)

    @routes.get("/metrics")
    def metrics() -> Response:
        if not may_read():
            raise GatewayError(
                Kind.PERMISSION,
                "/metrics has the figures of every key, so it is for the owner's key "
                "(KIRO_CLIENT_TOKEN), and at KIRO_METRICS_BIND.",
            )
        if exposition is None:
            raise GatewayError(
                Kind.NOT_FOUND,
                "Nothing is counted: set KIRO_METRICS=true, or see the log for why it cannot be.",
            )
        return Response(exposition.text(), content_type=exposition.content_type)

    return routes
