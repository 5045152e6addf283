"""How a log line looks: one JSON object, or one line of text.

The application logs under ``kiro2api``: a sentence as the message, everything countable as
``extra={"fields": {...}}``, which become members of the object beside ``time`` (RFC 3339, UTC),
``level``, ``logger``, ``message`` and, inside a request, ``request_id``. Which handlers there are
is :func:`app.settings.process.log_config`.

Nothing here hides secrets: they must not be handed to a logger at all. Tracebacks are without local
variables for that reason.
"""

from __future__ import annotations

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""Of the request being served. A greenlet starts with an empty context: set it there again."""

_encode = msgspec.json.Encoder(enc_hook=str).encode


class JsonFormatter(logging.Formatter):
    """``{"time":...,"level":"info","logger":...,"message":...}`` on one line."""

    def format(self, record: logging.LogRecord) -> str:
        line = _members(record)
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        try:
            return _encode(line).decode()
        except UnicodeEncodeError:  # half a surrogate pair, from a client's JSON
            return json.dumps(line, default=str)


class TextFormatter(logging.Formatter):
    """``2026-01-31T12:00:00.000Z INFO kiro2api.access message name=value``, for people.

    What came from outside cannot start a line of its own: control characters are escaped, and a
    traceback is indented.
    """

    def format(self, record: logging.LogRecord) -> str:
        members = _members(record)
        head = [members.pop(name) for name in ("time", "level", "logger", "message")]
        head[1] = head[1].upper()
        fields = [f"{name}={value}" for name, value in members.items()]
        line = _printable(" ".join([*head, *fields]))
        if record.exc_info:
            trace = self.formatException(record.exc_info).splitlines()
            line = "\n    ".join([line, *map(_printable, trace)])
        return line


def _members(record: logging.LogRecord) -> dict[str, Any]:
    members: dict[str, Any] = {
        "time": f"{_second(int(record.created))}.{int(record.msecs):03d}Z",
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": record.getMessage(),
    }
    if identity := request_id.get():
        members["request_id"] = identity
    return members | getattr(record, "fields", {})


@lru_cache(maxsize=1)
def _second(timestamp: int) -> str:
    return f"{datetime.fromtimestamp(timestamp, UTC):%Y-%m-%dT%H:%M:%S}"


def _printable(value: object) -> str:
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(value))
