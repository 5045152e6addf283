"""The format of log lines: a JSON object, or a line of text.

The application logs under ``kiro2api``: a sentence as the message, everything countable as
``extra={"fields": {...}}``, which become members of the object beside ``time`` (RFC 3339, UTC),
``level``, ``logger``, ``message`` and, inside a request, ``request_id``. Which handlers there are
is :func:`app.settings.process.log_config`.

A line is at most :data:`~app.common.output.MAX_LINE` bytes long, whatever clients and services
send.

Nothing here hides secrets: they must not be handed to a logger at all. For that reason tracebacks
have no local variables.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

from app.common.output import MAX_LINE
from app.version import __version__

HEAD = ("time", "level", "logger", "message")
LIMITS = (3000, 1000, 300, 100, 30)
"""Characters that are left of each value of a line that is too long: the first that is enough."""

CUT = b" ..."
"""The end of a line of words that is too long."""

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request being served; "" outside of one.

``app.web.context`` sets it when a request arrives, the worker resets it after the answer, since a
connection's next request runs in the same greenlet. A new greenlet or thread starts with an empty
context: one that acts for a request is started with ``contextvars.copy_context().run``.
"""

_encode = msgspec.json.Encoder(enc_hook=str).encode


class JsonFormatter(logging.Formatter):
    """``{"time":...,"level":"info","logger":...,"message":...}`` on one line."""

    def format(self, record: logging.LogRecord) -> str:
        return _bounded(_members(record, self), _json).decode()


class TextFormatter(logging.Formatter):
    """``2026-01-31T12:00:00.000Z INFO kiro2api.web message name=value``, for people. A record that
    has words of its own, ``extra={"words": function}``, is ``2026-01-31T12:00:00.000Z words``.

    Text from outside cannot start a line of its own: control characters are escaped, and a
    traceback is indented.
    """

    def format(self, record: logging.LogRecord) -> str:
        words: Callable[[], str] | None = getattr(record, "words", None)
        if words is None:
            return _bounded(_members(record, self), _text).decode()
        line = _printable(f"{_time(record)} {words()}").encode()
        if len(line) >= MAX_LINE:
            line = line[: MAX_LINE - len(CUT) - 1] + CUT
        return line.decode(errors="ignore")


class ServerNotices(logging.Filter):
    """Gives what gunicorn logs of its processes the name of this server."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.name = "kiro2api.server"
        if record.msg == "Starting gunicorn %s":
            record.msg = f"Starting kiro2api {__version__} (gunicorn %s)"
        return True


def _members(record: logging.LogRecord, formatter: logging.Formatter) -> dict[str, Any]:
    members: dict[str, Any] = {
        "time": _time(record),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": record.getMessage(),
    }
    if current := request_id.get():
        members["request_id"] = current
    members |= getattr(record, "fields", {})
    if record.exc_info:
        members["traceback"] = formatter.formatException(record.exc_info)
    return members


def _time(record: logging.LogRecord) -> str:
    return f"{_second(int(record.created))}.{int(record.msecs):03d}Z"


@lru_cache(maxsize=1)
def _second(timestamp: int) -> str:
    return f"{datetime.fromtimestamp(timestamp, UTC):%Y-%m-%dT%H:%M:%S}"


def _json(members: Mapping[str, Any]) -> bytes:
    try:
        return _encode(members)
    except UnicodeEncodeError:  # half a surrogate pair, from a client's JSON
        return json.dumps(members, default=str).encode()


def _text(members: Mapping[str, Any]) -> bytes:
    fields = dict(members)
    head = [fields.pop(name) for name in HEAD]
    head[1] = head[1].upper()
    trace = fields.pop("traceback", "").splitlines()
    line = _printable(" ".join([*head, *(f"{name}={value}" for name, value in fields.items())]))
    return "\n    ".join([line, *map(_printable, trace)]).encode()


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[:MAX_LINE])


def _bounded(members: Mapping[str, Any], render: Callable[[Mapping[str, Any]], bytes]) -> bytes:
    """The line, with its newline at most MAX_LINE bytes long: values are cut until it is."""
    line = render(members)
    if len(line) < MAX_LINE:
        return line
    texts = {
        name: value if isinstance(value, str) else str(value) for name, value in members.items()
    }
    for limit in LIMITS:
        cut = {name: _cut(name, members[name], text, limit) for name, text in texts.items()}
        line = render(cut)
        if len(line) < MAX_LINE:
            return line
    return render({name: _cut(name, texts[name], texts[name], LIMITS[-1]) for name in HEAD})


def _cut(name: str, value: object, text: str, limit: int) -> object:
    """``value``, or what fits of its text. The end of a traceback says more than its beginning."""
    if len(text) <= limit:
        return value
    note = f"... ({len(text)} characters)"
    if name == "traceback":
        return f"{text[: limit // 4]}\n{note}\n{text[-(limit - limit // 4) :]}"
    return text[:limit] + note
