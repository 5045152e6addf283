"""The line that the log gets for each request that is over."""

import logging
from typing import Any

from app.finished import Finished

from .headers import fitting

log = logging.getLogger("kiro2api.access")


def write(finished: Finished) -> None:
    """Write the line; a failure's message takes the place of "request"."""
    log.info("request", extra={"fields": fields(finished)})


def fields(finished: Finished) -> dict[str, Any]:
    """The members of the line, in their order."""
    shown: dict[str, Any] = {
        "request_id": finished.request_id,
        "method": finished.method,
        "path": finished.path,
        "status": finished.status,
    }
    for name in ("client", "key", "dialect"):
        if value := getattr(finished, name):
            shown[name] = value
    if finished.streamed is not None:
        shown["streamed"] = finished.streamed
    if finished.error:
        shown["error"], shown["message"] = finished.error, finished.message
    for name in ("error_code", "upstream_id"):
        if value := getattr(finished, name):
            shown[name] = value
    if finished.called_model:
        shown |= _answer(finished)
    shown["total_ms"] = _milliseconds(finished.total)
    return shown


def _answer(finished: Finished) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "model_asked": finished.model_asked,
        "model": finished.model,
        "input_tokens": finished.input_tokens,
        "output_tokens": finished.output_tokens,
    }
    for name in ("cache_read_tokens", "cache_write_tokens"):
        if value := getattr(finished, name):
            shown[name] = value
    shown["credits"] = finished.credits
    shown["repairs"] = fitting(finished.repairs)
    shown["ignored"] = fitting(finished.ignored)
    shown["cancelled"] = finished.cancelled
    shown["attempts"] = finished.attempts
    for name in ("account", "end"):
        if value := getattr(finished, name):
            shown[name] = value
    shown |= finished.facts
    if finished.first_event is not None:
        shown["first_event_ms"] = _milliseconds(finished.first_event)
    if finished.longest_gap is not None:
        shown["longest_gap_ms"] = _milliseconds(finished.longest_gap)
    return shown


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)
