"""Log lines: what they hold, and that nothing in them can break or forge one."""

from __future__ import annotations

import json
import logging
import sys
from contextvars import copy_context

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.common.output import MAX_LINE
from app.server.logs import JsonFormatter, ServerNotices, TextFormatter, request_id
from app.version import __version__


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


def test_a_record_with_words_of_its_own():
    made = record(status=200)
    made.words = lambda: "200 in short\nand \x1b[2J"
    line = TextFormatter().format(made)
    assert line == "2026-01-01T00:00:00.250Z 200 in short\\nand \\x1b[2J"
    assert json.loads(JsonFormatter().format(made))["message"] == "hello"


@pytest.mark.parametrize("text", ["x" * 10_000, "\u00e9" * 3000, "\x00" * 5000])
def test_words_are_bounded(text):
    made = record()
    made.words = lambda: text
    line = TextFormatter().format(made)
    assert len(line.encode()) < MAX_LINE
    assert line.endswith(" ...")


def test_notices_of_gunicorn_bear_our_name():
    made = record("Starting gunicorn %s")
    made.name, made.args = "gunicorn.error", ("27.0.1",)
    assert ServerNotices().filter(made)
    line = TextFormatter().format(made)
    assert line.endswith(f"INFO kiro2api.server Starting kiro2api {__version__} (gunicorn 27.0.1)")


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


LONG = [
    "x" * 5_000_000,
    "\x00" * 100_000,
    "é" * 50_000,
    "🙂" * 50_000,
    "\ud83d" * 50_000,
    '"' * 9000,
]


@pytest.mark.parametrize("text", LONG, ids=lambda text: ascii(text[0]))
@pytest.mark.parametrize("place", ["message", "field", "list", "many"])
def test_every_line_is_bounded(text, place):
    made = {
        "message": lambda: record(text),
        "field": lambda: record(model=text, status=200),
        "list": lambda: record(unknown=[text[:99]] * 5000, nested={"a": {"b": text}}),
        "many": lambda: record(**{f"field{n}": text[:1000] for n in range(60)}),
    }[place]()
    line = JsonFormatter().format(made)
    assert len(line.encode()) < MAX_LINE
    parsed = json.loads(line)
    assert parsed["logger"] == "kiro2api.test"
    assert parsed.get("status", 200) == 200
    plain = TextFormatter().format(made)
    assert len(plain.encode()) < MAX_LINE
    assert plain.isprintable()


def test_what_was_cut_says_how_long_it_was():
    parsed = json.loads(JsonFormatter().format(record("short", model="m" * 1_000_000)))
    assert parsed["message"] == "short"
    assert parsed["model"].startswith("mmm")
    assert parsed["model"].endswith("m... (1000000 characters)")


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
def test_a_long_traceback_keeps_its_beginning_and_its_end(formatter):
    made = record("failed", logging.ERROR)
    try:
        raise ValueError("\n".join(f"cause {n}" for n in range(2000)))
    except ValueError:
        made.exc_info = sys.exc_info()
    line = formatter.format(made)
    assert len(line.encode()) < MAX_LINE
    assert "Traceback (most recent call last)" in line
    assert "cause 1999" in line
    assert "characters)" in line


@given(st.dictionaries(st.sampled_from("abcdef"), st.text() | st.lists(st.text()) | st.integers()))
def test_short_lines_are_never_cut(fields):
    parsed = json.loads(JsonFormatter().format(record(**fields)))
    assert {name: parsed[name] for name in fields} == fields
