"""The format of log lines: a JSON object, or a line of text.

The application logs under ``kiro2api``: a sentence as the message, everything countable as
``extra={"fields": {...}}``, which become members of the object beside ``time`` (RFC 3339, UTC),
``level``, ``logger``, ``message`` and, inside a request, ``request_id``. Which handlers there are
is :func:`app.settings.process.log_config`.

Nothing here hides secrets: they must not be handed to a logger at all. For that reason tracebacks
have no local variables.
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
"""The id of the request being served; "" outside of one.

``app.web.context`` sets it when a request arrives, the worker resets it after the answer, since a
connection's next request runs in the same greenlet. A new greenlet or thread starts with an empty
context: one that acts for a request is started with ``contextvars.copy_context().run``.
"""

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

    Text from outside cannot start a line of its own: control characters are escaped, and a
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
    if current := request_id.get():
        members["request_id"] = current
    return members | getattr(record, "fields", {})


@lru_cache(maxsize=1)
def _second(timestamp: int) -> str:
    return f"{datetime.fromtimestamp(timestamp, UTC):%Y-%m-%dT%H:%M:%S}"


def _printable(value: object) -> str:
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(value))
