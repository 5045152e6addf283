"""Log lines: what they hold, and that nothing in them can break or forge one."""

from __future__ import annotations

import json
import logging
import sys
from contextvars import copy_context

import pytest

from app.server.logs import JsonFormatter, TextFormatter, request_id


@pytest.fixture(autouse=True)
def outside_of_requests():
    """The worker resets the id after each request; a test client does not."""
    request_id.set("")


def record(message: str = "hello", level: int = logging.INFO, **fields: object):
    made = logging.LogRecord("kiro2api.test", level, __file__, 1, message, (), None)
    made.created, made.msecs = 1767225600.25, 250.0
    if fields:
        made.fields = fields
    return made


def failing():
    made = record("failed", logging.ERROR)
    secret = "can" + "ary"  # noqa: F841 -- would show if a traceback held local variables
    try:
        raise ValueError("two\nlines")
    except ValueError:
        made.exc_info = sys.exc_info()
    return made


def test_json_line():
    line = JsonFormatter().format(record(status=200, repairs=["a"]))
    assert line == (
        '{"time":"2026-01-01T00:00:00.250Z","level":"info","logger":"kiro2api.test",'
        '"message":"hello","status":200,"repairs":["a"]}'
    )


def test_text_line():
    line = TextFormatter().format(record(status=200, repairs=["a"]))
    assert line == "2026-01-01T00:00:00.250Z INFO kiro2api.test hello status=200 repairs=['a']"


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
def test_request_id_only_inside_a_request(formatter):
    def inside():
        request_id.set("req_1")
        return formatter.format(record())

    assert "req_1" in copy_context().run(inside)
    assert "request_id" not in formatter.format(record())


@pytest.mark.parametrize("text", ["a\nb", "a\r\nb", "a\u2028b", "\x1b[2J", "\ud83d", "\x00"])
def test_text_from_outside_stays_in_its_line(text):
    line = JsonFormatter().format(record(text, model=text))
    assert json.loads(line)["message"] == json.loads(line)["model"] == text
    assert len(line.split("\n")) == 1
    plain = TextFormatter().format(record(text, model=text))
    assert len(plain.splitlines()) == 1
    assert plain.isprintable()


def test_a_value_json_does_not_know_is_written_as_text():
    assert json.loads(JsonFormatter().format(record(error=ValueError("x"))))["error"] == "x"


def test_traceback():
    parsed = json.loads(JsonFormatter().format(failing()))
    assert parsed["traceback"].endswith("ValueError: two\nlines")
    first, *rest = TextFormatter().format(failing()).split("\n")
    assert first.endswith("ERROR kiro2api.test failed")
    assert rest[-1] == "    lines"
    assert all(line.startswith("    ") for line in rest)


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
def test_traceback_shows_no_local_variables(formatter):
    assert "canary" not in formatter.format(failing())
