"""The members of the log line of a request."""

import logging
from typing import Any

import pytest

from app.common.finished import Finished
from app.web import access_log


def finished(**members: Any) -> Finished:
    always = {"request_id": "req_1", "method": "POST", "path": "/v1/messages", "status": 200}
    return Finished(**{"time": 1.7e9, "total": 2.5, **always, **members})


def test_a_request_that_calls_no_model() -> None:
    assert access_log.fields(finished(path="/health", method="GET")) == {
        "request_id": "req_1",
        "method": "GET",
        "path": "/health",
        "status": 200,
        "total_ms": 2500.0,
    }


def test_every_member_in_its_order() -> None:
    record = finished(
        route="/v1/messages", dialect="anthropic", key="alice", client="203.0.113.7",
        streamed=True, model_asked="sonnet", model="m", account="a", input_tokens=12,
        output_tokens=3, cache_read_tokens=5, cache_write_tokens=7, credits=0.25, first_event=1.25,
        longest_gap=0.5, attempts=2, end="end_turn", cancelled=True, repairs=("merge-turns",),
        ignored=("top_k",), error="throttled", message="Too many.", error_code="Rate",
        upstream_id="u-1", facts={"host": "q"},
    )  # fmt: skip
    assert [*access_log.fields(record).items()] == [
        ("request_id", "req_1"),
        ("method", "POST"),
        ("path", "/v1/messages"),
        ("status", 200),
        ("client", "203.0.113.7"),
        ("key", "alice"),
        ("dialect", "anthropic"),
        ("streamed", True),
        ("error", "throttled"),
        ("message", "Too many."),
        ("error_code", "Rate"),
        ("upstream_id", "u-1"),
        ("model_asked", "sonnet"),
        ("model", "m"),
        ("input_tokens", 12),
        ("output_tokens", 3),
        ("cache_read_tokens", 5),
        ("cache_write_tokens", 7),
        ("credits", 0.25),
        ("repairs", ["merge-turns"]),
        ("ignored", ["top_k"]),
        ("cancelled", True),
        ("attempts", 2),
        ("account", "a"),
        ("end", "end_turn"),
        ("host", "q"),
        ("first_event_ms", 1250.0),
        ("longest_gap_ms", 500.0),
        ("total_ms", 2500.0),
    ]


def test_the_words_of_a_request_that_calls_no_model() -> None:
    record = finished(path="/health", method="GET", client="127.0.0.1", total=0.001)
    assert access_log.words(record) == "200 GET /health total 0.00s 127.0.0.1"


def test_all_words_in_their_order() -> None:
    record = finished(
        dialect="anthropic", key="alice", client="203.0.113.7", streamed=True,
        model_asked="sonnet", model="claude-sonnet-5-5", account="a", input_tokens=12,
        output_tokens=3, cache_read_tokens=5, cache_write_tokens=7, credits=0.25, first_event=1.25,
        longest_gap=0.5, attempts=2, end="max_tokens", repairs=("merge-turns", "drop"),
        ignored=("top_k",), error="throttled", message="Too many.", trace_id="4bf9",
    )  # fmt: skip
    assert access_log.words(record) == (
        "200 anthropic sonnet -> claude-sonnet-5-5 24/3 tokens (5 cached) 0.25 credits 2 attempts "
        "first 1.25s total 2.50s key alice 203.0.113.7 account a end max_tokens "
        "repairs merge-turns,drop ignored top_k trace 4bf9 request req_1 throttled: Too many."
    )


def test_an_answer_that_the_gateway_cut() -> None:
    record = finished(dialect="anthropic", model="m", model_asked="m", facts={"cut_by": "one_call"})
    assert access_log.words(record).endswith("total 2.50s cut by one_call")


def test_an_answer_whose_client_left() -> None:
    record = finished(dialect="anthropic", model="m", model_asked="m", cancelled=True)
    assert access_log.words(record).endswith("total 2.50s the client left")


def test_a_model_that_was_not_renamed_is_named_once() -> None:
    record = finished(dialect="anthropic", model_asked="m", model="m", end="end_turn")
    assert access_log.words(record) == "200 anthropic m 0/0 tokens total 2.50s"


def test_a_request_refused_before_a_model_was_chosen() -> None:
    record = finished(status=503, dialect="anthropic", model_asked="m", error="no_credential")
    assert access_log.words(record).startswith("503 anthropic m total 2.50s request req_1 no_cred")


class Lines(logging.Handler):
    """Somebody else's handler: it shows what the gateway's own do not."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s %(filename)s %(message)s"))
        self.lines: list[str] = []
        self.records: list[Any] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))
        self.records.append(record)


def test_the_record_of_a_line_is_as_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_log, "time", lambda: 1767225600.25)
    logger, handler = logging.getLogger("kiro2api.access"), Lines()
    before = logger.level
    logger.addHandler(handler)
    try:
        for level in (logging.INFO, logging.WARNING):
            logger.setLevel(level)
            access_log.write(finished(path="/health"))
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
    assert handler.lines == ["INFO kiro2api.access  request"]
    [record] = handler.records
    assert (record.created, record.msecs) == (1767225600.25, 250.0)
    assert record.fields["path"] == "/health"
    assert record.words() == "200 POST /health total 2.50s"
    plain = logging.LogRecord("kiro2api.access", logging.INFO, "", 0, "request", (), None)
    assert vars(record).keys() - vars(plain).keys() == {"fields", "words", "message"}
