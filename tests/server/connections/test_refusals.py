"""Answers to what never becomes a request: their form, and what the log may hold of it."""

import json
import logging
from typing import Any

import pytest
from gevent import socket
from gunicorn.config import Config
from gunicorn.http import errors
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader

from app.application import _refusal
from app.common.errors import GatewayError, Kind
from app.server.connections.refusals import FAULTS, Refusals

SECRET = "sk-secret-4711"
OF_THE_ANSWER = ("InvalidResponseHeader", "InvalidResponseHeaderName")


def answer_to(error: Exception) -> tuple[int, dict[str, str], Any]:
    client, served = socket.socketpair()
    Refusals(_refusal).answer(served, error, head_bytes=7)
    served.close()
    data = b""
    while piece := client.recv(65536):
        data += piece
    client.close()
    head, _, body = data.partition(b"\r\n\r\n")
    line, *fields = head.decode().split("\r\n")
    headers = dict(field.split(": ", 1) for field in fields)
    assert int(headers["Content-Length"]) == len(body)
    return int(line.split()[1]), headers, json.loads(body)


def error_of(data: bytes) -> Exception:
    config = Config()
    config.set("limit_request_field_size", 100)
    with pytest.raises(errors.ParseException) as raised:
        Request(config, IterUnreader([data]), ("127.0.0.1", 1))
    return raised.value


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (f'{{"text": "{SECRET}"}}\r\n\r\n', 400),
        (f"GET /{SECRET}\r\n\r\n", 400),
        (f"get{SECRET} / HTTP/1.1\r\n\r\n", 400),
        (f"GET / HTTP/{SECRET}\r\n\r\n", 400),
        (f"GET / HTTP/1.1\r\n{SECRET}\r\n\r\n", 400),
        (f"GET / HTTP/1.1\r\n{SECRET} : a\r\n\r\n", 400),
        (f"GET / HTTP/1.1\r\nx-api-key: {SECRET}\x00\r\n\r\n", 400),
        (f"GET / HTTP/1.1\r\na: b\r\n {SECRET}\r\n\r\n", 400),
        (f"GET / HTTP/1.1\r\nContent-Length: {SECRET}\r\n\r\n", 400),
        (f"GET / HTTP/1.1\r\nContent-Length: {'9' * 90}{SECRET}\r\n\r\n", 431),
        (f"GET /{SECRET * 1000} HTTP/1.1\r\n\r\n", 414),
        (f"GET / HTTP/1.1\r\nExpect: {SECRET}\r\n\r\n", 417),
        (f"GET / HTTP/1.1\r\nTransfer-Encoding: {SECRET}\r\n\r\n", 501),
    ],
)
def test_what_cannot_be_parsed(data: str, status: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    error = error_of(data.encode())
    got, headers, body = answer_to(error)
    assert got == status
    assert headers["Content-Type"] == "application/json"
    assert headers["Connection"] == "close"
    assert headers["request-id"] == headers["x-request-id"] == body["request_id"]
    assert body["error"]["type"] == "invalid_request_error"
    [record] = caplog.records
    fields = record.__dict__["fields"]
    assert fields["request_id"] == body["request_id"]
    assert (fields["status"], fields["error"]) == (status, "invalid_request")
    assert (fields["error_code"], fields["head_bytes"]) == (type(error).__name__, 7)
    assert SECRET not in f"{fields}{record.getMessage()}{body}"
    assert record.exc_info is None


def test_every_exception_of_the_parser_has_a_row() -> None:
    """But what gunicorn is not configured for, or what is the application's fault."""
    body = {errors.InvalidChunkSize, errors.ChunkMissingTerminator, errors.InvalidChunkExtension}
    elsewhere = {errors.ConfigurationProblem, errors.InvalidH2CPreface, *body}
    answers = {vars(errors)[name] for name in OF_THE_ANSWER}
    known = {
        one
        for one in vars(errors).values()
        if isinstance(one, type) and issubclass(one, errors.ParseException)
    }
    assert set(FAULTS) == known - elsewhere - answers - {errors.ParseException}


def test_a_bug_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    status, _, body = answer_to(ZeroDivisionError("a detail"))
    assert (status, body["error"]["type"]) == (500, "api_error")
    assert "a detail" not in body["error"]["message"]
    assert any(record.exc_info for record in caplog.records)


def test_a_header_of_the_application_is_a_bug() -> None:
    for name in OF_THE_ANSWER:
        assert answer_to(vars(errors)[name]("a"))[0] == 500


def test_a_failure_of_ours_has_its_dialects_status_and_headers() -> None:
    status, headers, _ = answer_to(GatewayError(Kind.OVERLOADED, "Busy.", retry_after=2))
    assert (status, headers["retry-after"]) == (529, "2")


def test_a_client_that_has_left() -> None:
    client, served = socket.socketpair()
    client.close()
    Refusals(_refusal).answer(served, ZeroDivisionError())
    served.close()
