"""Spans through the real server, and what a collector that is away may not do."""

import time
from collections.abc import Iterator

import pytest
import requests

from app.simulator import Simulator
from tests.live.servers import KEY, Gateway, free_port
from tests.tracing.receiver import Receiver, Span

AUTH = {"x-api-key": KEY}
PROMPT = "a prompt that is nobody's business"
BODY = {
    "model": "claude-sonnet-4-6",
    "max_tokens": 99,
    "messages": [{"role": "user", "content": PROMPT}],
}
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
OFTEN = {"OTEL_BSP_SCHEDULE_DELAY": "200"}  # milliseconds


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    running = Receiver()
    yield running
    running.close()


@pytest.fixture(scope="module")
def traced(
    simulator: Simulator, receiver: Receiver, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    running = Gateway(
        simulator.url,
        tmp_path_factory.mktemp("traced"),
        OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url,
        OTEL_EXPORTER_OTLP_HEADERS="x-tenant=a%20b",
        OTEL_SERVICE_NAME="my-gateway",
        **OFTEN,
    )
    yield running
    running.stop()


def post(gateway: Gateway, **headers: str) -> requests.Response:
    return requests.post(
        gateway.url + "/v1/messages", json=BODY, headers=AUTH | headers, timeout=20
    )


def of_request(answer: requests.Response) -> "Finder":
    return Finder(answer.headers["request-id"])


class Finder:
    """Finds a request's span and those below it, once both are there."""

    def __init__(self, request_id: str) -> None:
        self._id = request_id

    def __call__(self, spans: list[Span]) -> list[Span]:
        own = [one for one in spans if one.attributes.get("kiro2api.request_id") == self._id]
        below = [one for one in spans if own and one.parent == own[0].span_id]
        return own + below if below else []


def test_a_request_is_a_span_of_its_clients_trace(
    traced: Gateway, receiver: Receiver, upstream: Simulator
) -> None:
    upstream.script({"fail": "throttled"}, {"text": ["an answer that is nobody's business"]})
    answer = post(traced, traceparent=f"00-{TRACE}-{SPAN}-01")
    assert answer.status_code == 200
    own, *tries = receiver.wait_for(of_request(answer))
    assert (own.trace_id, own.parent) == (TRACE, SPAN)
    assert own.attributes["gen_ai.usage.output_tokens"] > 0
    assert own.resource["service.name"] == "my-gateway"
    assert [one.is_error for one in sorted(tries, key=lambda one: one.started)] == [True, False]
    for one in tries:
        assert own.started <= one.started <= one.ended <= own.ended + 10**6
    sent = [one.headers["traceparent"] for one in upstream.requests if "traceparent" in one.headers]
    assert sent[-1] == f"00-{TRACE}-{own.span_id}-01"
    line = traced.wait_for_line(answer.headers["request-id"])
    assert line["trace_id"] == TRACE


def test_no_text_and_no_key_is_sent(
    traced: Gateway, receiver: Receiver, upstream: Simulator
) -> None:
    answer = post(traced)
    receiver.wait_for(of_request(answer))
    everything = b"".join(receiver.raw)
    for secret in (PROMPT, KEY, answer.json()["content"][0]["text"], "test-refresh-token"):
        assert secret.encode() not in everything
    assert receiver.headers["x-tenant"] == "a b"


def test_what_is_left_is_sent_when_the_server_stops(
    simulator: Simulator, receiver: Receiver, tmp_path_factory: pytest.TempPathFactory
) -> None:
    running = Gateway(
        simulator.url,
        tmp_path_factory.mktemp("stopping"),
        OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url,
        OTEL_BSP_SCHEDULE_DELAY="60000",
    )
    try:
        answer = post(running)
    finally:
        running.stop()
    assert receiver.wait_for(of_request(answer))


def test_a_collector_that_is_away_holds_up_nobody(
    simulator: Simulator, tmp_path_factory: pytest.TempPathFactory
) -> None:
    running = Gateway(
        simulator.url,
        tmp_path_factory.mktemp("away"),
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{free_port()}",
        **OFTEN,
    )
    try:
        for _ in range(20):
            assert post(running).status_code == 200
        began = time.monotonic()
    finally:
        running.stop()
    assert time.monotonic() - began < 15
    assert "Traceback" not in running.log_text()
