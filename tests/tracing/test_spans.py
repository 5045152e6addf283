"""Spans of requests that are over, as an exporter gets them."""

from collections.abc import Sequence
from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from app.common.finished import Finished, Try
from app.tracing.spans import Spans

TRACE, SPAN, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", "53995c3f42cd8ad8"


def finished(**members: Any) -> Finished:
    always = {
        "request_id": "req_1", "method": "POST", "path": "/v1/messages", "status": 200,
        "route": "/v1/messages", "dialect": "anthropic", "trace_id": TRACE, "span_id": SPAN,
        "started": 100.0,
    }  # fmt: skip
    return Finished(**{"time": 1.7e9, "total": 2.5, **always, **members})


ANSWERED: dict[str, Any] = {
    "streamed": True, "model_asked": "sonnet", "model": "m", "account": "a", "input_tokens": 12,
    "output_tokens": 3, "cache_read_tokens": 5, "credits": 0.25, "first_event": 1.25,
    "attempts": 2, "end": "end_turn", "repairs": ("merge-turns",), "key": "alice",
    "client": "203.0.113.7",
}  # fmt: skip


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def spans(exporter: InMemorySpanExporter) -> Spans:
    return Spans(SimpleSpanProcessor(exporter), Resource({}), "1.2.3")


def made(exporter: InMemorySpanExporter) -> Sequence[ReadableSpan]:
    """The spans, the outermost last, as they end."""
    return exporter.get_finished_spans()


def test_a_request_and_its_attempts(spans: Spans, exporter: InMemorySpanExporter) -> None:
    tries = [Try("b", "m", 100.5, 101.0, "throttled"), Try("a", "m", 101.0, 102.5)]
    spans(finished(**ANSWERED, tries=tries, parent_span_id=PARENT))
    first, second, whole = made(exporter)
    assert whole.name == "chat m"
    assert whole.kind is SpanKind.SERVER
    assert whole.context is not None
    assert (f"{whole.context.trace_id:032x}", f"{whole.context.span_id:016x}") == (TRACE, SPAN)
    assert whole.parent is not None
    assert f"{whole.parent.span_id:016x}" == PARENT
    assert (whole.start_time, whole.end_time) == (int((1.7e9 - 2.5) * 1e9), int(1.7e9 * 1e9))
    assert whole.status.status_code is StatusCode.UNSET
    assert dict(whole.attributes or {}) == {
        "http.request.method": "POST",
        "http.route": "/v1/messages",
        "http.response.status_code": 200,
        "client.address": "203.0.113.7",
        "kiro2api.request_id": "req_1",
        "kiro2api.dialect": "anthropic",
        "kiro2api.key": "alice",
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "kiro",
        "gen_ai.request.model": "sonnet",
        "gen_ai.request.stream": True,
        "gen_ai.response.model": "m",
        "gen_ai.response.finish_reasons": ("end_turn",),
        "gen_ai.response.time_to_first_chunk": 1.25,
        "gen_ai.usage.input_tokens": 17,
        "gen_ai.usage.output_tokens": 3,
        "gen_ai.usage.cache_read.input_tokens": 5,
        "kiro2api.account": "a",
        "kiro2api.credits": 0.25,
        "kiro2api.repairs": ("merge-turns",),
    }
    for one in (first, second):
        assert one.kind is SpanKind.CLIENT
        assert one.parent is not None
        assert f"{one.parent.span_id:016x}" == SPAN
    assert first.status.status_code is StatusCode.ERROR
    assert (first.attributes or {})["error.type"] == "throttled"
    assert (second.attributes or {})["kiro2api.account"] == "a"
    assert first.start_time == int((1.7e9 - 2.5 + 0.5) * 1e9)


def test_a_request_of_no_trace_begins_one(spans: Spans, exporter: InMemorySpanExporter) -> None:
    spans(finished(**ANSWERED))
    spans(finished(**ANSWERED | {"trace_id": "1" * 32}))
    one, other = made(exporter)
    assert one.parent is None
    assert one.context is not None
    assert other.context is not None
    assert f"{one.context.trace_id:032x}" == TRACE
    assert f"{other.context.trace_id:032x}" == "1" * 32


def test_what_a_client_does_not_record_is_not_sent(
    spans: Spans, exporter: InMemorySpanExporter
) -> None:
    tries = [Try("a", "m", 101.0, 102.5)]
    spans(finished(**ANSWERED, parent_span_id=PARENT, sampled=False, tries=tries))
    assert made(exporter) == ()
    spans(finished(**ANSWERED, tries=tries))
    first, second = made(exporter)
    assert first.context is not None
    assert second.context is not None
    assert f"{second.context.span_id:016x}" == SPAN
    assert f"{first.context.span_id:016x}" != SPAN


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        (200, "", StatusCode.UNSET),
        (401, "authentication", StatusCode.UNSET),
        (502, "upstream_error", StatusCode.ERROR),
        (200, "truncated", StatusCode.ERROR),
    ],
)
def test_the_status(
    spans: Spans, exporter: InMemorySpanExporter, status: int, error: str, expected: StatusCode
) -> None:
    spans(finished(status=status, error=error))
    [one] = made(exporter)
    assert one.status.status_code is expected
    assert one.name == "POST /v1/messages"


def test_probes_are_no_spans_unless_they_are_traced(
    spans: Spans, exporter: InMemorySpanExporter
) -> None:
    for path in ("/health", "/health/ready", "/metrics"):
        spans(finished(path=path, route=path, method="GET", dialect=""))
    assert made(exporter) == ()
    spans(finished(path="/health", route="/health", method="GET", parent_span_id=PARENT))
    assert [one.name for one in made(exporter)] == ["GET /health"]
