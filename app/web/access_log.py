"""The line that the log gets for each request that is over."""

import logging
from collections.abc import Callable
from functools import partial
from time import time
from typing import Any

from app.common.finished import Finished

from .headers import fitting

USUAL_ENDS = ("", "end_turn", "tool_use")
"""Ends of an answer that people need not be told."""

log = logging.getLogger("kiro2api.access")


class Line(logging.LogRecord):
    """The record of a line, a copy of one that was made once: logging takes apart the path of the
    caller for each, of which nothing is shown.
    """

    _SAME = vars(logging.LogRecord(log.name, logging.INFO, "", 0, "request", (), None))

    def __init__(self, fields: dict[str, Any], words: Callable[[], str]) -> None:
        now = time()
        own = {"created": now, "msecs": now % 1 * 1000, "fields": fields, "words": words}
        self.__dict__ = self._SAME | own


def write(finished: Finished) -> None:
    """Write the line: as JSON it has the members of :func:`fields`, where a failure's message takes
    the place of "request"; as text it is :func:`words`.
    """
    if log.isEnabledFor(logging.INFO):
        log.handle(Line(fields(finished), partial(words, finished)))


def fields(finished: Finished) -> dict[str, Any]:
    """The members of the line, in their order."""
    shown: dict[str, Any] = {
        "request_id": finished.request_id,
        "method": finished.method,
        "path": finished.path,
        "status": finished.status,
    }
    for name in ("client", "trace_id", "key", "dialect"):
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
        _add_answer(shown, finished)
    shown["total_ms"] = _milliseconds(finished.total)
    return shown


def _add_answer(shown: dict[str, Any], finished: Finished) -> None:
    shown["model_asked"] = finished.model_asked
    shown["model"] = finished.model
    shown["input_tokens"] = finished.input_tokens
    shown["output_tokens"] = finished.output_tokens
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
    shown.update(finished.facts)
    if finished.first_event is not None:
        shown["first_event_ms"] = _milliseconds(finished.first_event)
    if finished.longest_gap is not None:
        shown["longest_gap_ms"] = _milliseconds(finished.longest_gap)


def words(finished: Finished) -> str:
    """The line for people, without what there is not."""
    said = [str(finished.status), *_question(finished)]
    if finished.called_model:
        said += _figures(finished)
    said.append(f"total {finished.total:.2f}s")
    if finished.key:
        said.append(f"key {finished.key}")
    said.append(finished.client)
    if finished.account:
        said.append(f"account {finished.account}")
    if finished.end not in USUAL_ENDS:
        said.append(f"end {finished.end}")
    if finished.cancelled:
        said.append("the client left")
    if cut_by := finished.facts.get("cut_by"):
        said.append(f"cut by {cut_by}")
    for name in ("repairs", "ignored"):
        if names := getattr(finished, name):
            said.append(f"{name} {','.join(fitting(names))}")
    if finished.trace_id:
        said.append(f"trace {finished.trace_id}")
    if finished.error:
        said.append(f"request {finished.request_id} {finished.error}: {finished.message}")
    return " ".join(filter(None, said))


def _question(finished: Finished) -> list[str]:
    """What was asked of which model."""
    if not finished.model_asked:
        return [finished.method, finished.path]
    asked, answered = finished.model_asked, finished.model
    renamed = answered and answered != asked
    return [finished.dialect, f"{asked} -> {answered}" if renamed else asked]


def _figures(finished: Finished) -> list[str]:
    cached = finished.cache_read_tokens + finished.cache_write_tokens
    shown = [f"{finished.input_tokens + cached}/{finished.output_tokens} tokens"]
    if finished.cache_read_tokens:
        shown.append(f"({finished.cache_read_tokens} cached)")
    if finished.credits is not None:
        shown.append(f"{finished.credits:.4g} credits")
    if finished.attempts > 1:
        shown.append(f"{finished.attempts} attempts")
    if finished.first_event is not None:
        shown.append(f"first {finished.first_event:.2f}s")
    return shown


def _milliseconds(seconds: float) -> float:
    return round(seconds * 10_000) / 10
