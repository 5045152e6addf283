"""Where log lines go: a file that is rotated, a FIFO, a full disk; and how losses are reported."""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path

import pytest

from app.common.output import Output
from app.server.log_handlers import ConsoleHandler, FileHandler, Handler
from app.server.logs import JsonFormatter, request_id


def record(message: str) -> logging.LogRecord:
    return logging.LogRecord("kiro2api.test", logging.INFO, "", 1, message, (), None)


def file_handler(path: Path) -> FileHandler:
    handler = FileHandler(str(path))
    handler.setFormatter(JsonFormatter())
    return handler


def messages(text: str | bytes) -> list[str]:
    return [json.loads(line)["message"] for line in text.splitlines()]


@pytest.fixture
def pipe():
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


@pytest.mark.parametrize("rotate", [lambda path: path.rename(f"{path}.1"), Path.unlink])
def test_a_file_that_is_rotated_is_opened_again(tmp_path, rotate):
    path = tmp_path / "log"
    path.write_text('{"message":"kept"}\n')
    handler = file_handler(path)
    handler.emit(record("a"))
    assert messages(path.read_text()) == ["kept", "a"]
    rotate(path)
    handler.emit(record("b"))
    handler.close()
    assert messages(path.read_text()) == ["b"]


def test_a_file_that_cannot_be_opened_is_refused_at_the_start(tmp_path):
    with pytest.raises(FileNotFoundError):
        FileHandler(str(tmp_path / "no" / "log"))


def test_a_directory_that_is_gone_for_a_while(tmp_path):
    (tmp_path / "d").mkdir()
    path = tmp_path / "d" / "log"
    handler = file_handler(path)
    path.unlink()
    path.parent.rmdir()
    handler.emit(record("lost"))
    path.parent.mkdir()
    handler.emit(record("back"))
    handler.close()
    first, second = messages(path.read_text())
    assert first == "1 log lines were dropped since LOG_FILE did not take them: " + os.strerror(2)
    assert second == "back"


def test_a_fifo_that_nobody_has_open(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    handler = file_handler(path)
    handler.emit(record("lost"))
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    handler.emit(record("seen"))
    first, second = messages(os.read(reader, 65536))
    assert first == "1 log lines were dropped since LOG_FILE did not take them: nobody reads it"
    assert second == "seen"
    os.close(reader)
    handler.emit(record("lost"))
    handler.close()


def test_the_count_comes_before_the_next_line_and_once(pipe):
    out, into = pipe
    sink = Output(into)
    handler = Handler("stderr", sink)
    handler.setFormatter(JsonFormatter())
    for size in 4096, 64, 1:
        while sink.offer(b"x" * size):
            continue
    handler.emit(record("lost"))
    handler.emit(record("lost too"))
    handler.report()
    assert sink.dropped == 2
    os.read(out, 1 << 20)
    handler.emit(record("next"))
    handler.emit(record("and next"))
    lines = os.read(out, 1 << 20)
    handler.report()
    assert sink.dropped == 0
    assert messages(lines)[1:] == ["next", "and next"]
    report = json.loads(lines.splitlines()[0])
    assert (report["level"], report["dropped"]) == ("warning", 2)
    assert "2 log lines were dropped since stderr did not take them: it is full" in str(report)


def test_the_count_belongs_to_no_request(pipe):
    out, into = pipe
    sink = Output(into)
    sink.dropped = 3
    handler = Handler("stderr", sink)
    handler.setFormatter(JsonFormatter())
    token = request_id.set("req_1")
    handler.emit(record("mine"))
    request_id.reset(token)
    report, mine = map(json.loads, os.read(out, 65536).splitlines())
    assert "request_id" not in report
    assert mine["request_id"] == "req_1"


def test_the_count_is_told_at_the_end(pipe):
    out, into = pipe
    sink = Output(into)
    sink.dropped = 3
    handler = Handler("stderr", sink)
    handler.setFormatter(JsonFormatter())
    handler.flush()
    assert json.loads(os.read(out, 65536))["dropped"] == 3


def test_a_line_that_cannot_be_made_is_told_on_stderr(capsys):
    handler = ConsoleHandler()
    handler.setFormatter(JsonFormatter())
    broken = record("%d")
    broken.args = ("x",)
    handler.emit(broken)
    assert "--- Logging error ---" in capsys.readouterr().err


def test_a_closed_stderr(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    handler = ConsoleHandler()
    handler.setFormatter(JsonFormatter())
    handler.emit(record("nowhere"))
    handler.flush()
