"""The record of a request, and which id a request gets."""

from collections.abc import Iterator
from contextvars import copy_context
from typing import Any

import pytest
from flask import Flask, request

from app.common.errors import GatewayError, Kind
from app.common.finished import Finished, Try
from app.core.events import Usage
from app.keys.key_file import ClientKey
from app.keys.limits import RateExceeded, RateStatus
from app.server.lifecycle import Live
from app.server.logs import request_id
from app.web.context import RequestContext, begin, current
from tests.web.doubles import HELLO, Call


@pytest.fixture
def context(monkeypatch: pytest.MonkeyPatch) -> RequestContext:
    monkeypatch.setattr("app.web.context.monotonic", lambda: 102.5)
    monkeypatch.setattr("app.web.context.time", lambda: 1.7e9)
    return RequestContext("req_1", "POST", "/v1/messages", None, started=100.0, status=200)


def test_a_request_that_calls_no_model(context: RequestContext) -> None:
    context.address = "203.0.113.7"
    assert context.finished() == Finished(
        time=1.7e9,
        request_id="req_1",
        method="POST",
        path="/v1/messages",
        status=200,
        total=2.5,
        client="203.0.113.7",
        started=100.0,
    )


def test_every_member_of_a_request_that_calls_one(context: RequestContext) -> None:
    context.key = ClientKey("alice", "0" * 64)
    context.streamed, context.model_asked = True, "sonnet"
    context.route, context.dialect = "/v1/messages", "anthropic"
    error = GatewayError(Kind.THROTTLED, "Too many.", code="Rate")
    error.upstream_id = "u-1"
    context.fail(error)
    live = context.live = Live(None, set())
    live.answer_end, live.longest_gap = "end_turn", 0.5
    call = context.call = Call(HELLO)
    call.repairs, call.ignored = ("merge-turns",), ("top_k",)
    call.meter.feed([*HELLO, Usage(12, 3, 5, 7, credits=0.25)])
    one = Try("a", "m", 100.5, 101.0)
    facts = {
        "tries": [one],
        "model": "m",
        "attempts": 2,
        "account": "a",
        "first_event_at": 101.25,
        "host": "q",
    }
    call.facts = lambda: facts | {"tries": [one]}  # type: ignore[method-assign]
    assert context.finished() == Finished(
        time=1.7e9,
        request_id="req_1",
        method="POST",
        path="/v1/messages",
        route="/v1/messages",
        dialect="anthropic",
        status=200,
        total=2.5,
        key="alice",
        streamed=True,
        model_asked="sonnet",
        model="m",
        account="a",
        input_tokens=12,
        output_tokens=3,
        cache_read_tokens=5,
        cache_write_tokens=7,
        credits=0.25,
        first_event=1.25,
        longest_gap=0.5,
        attempts=2,
        end="end_turn",
        repairs=("merge-turns",),
        ignored=("top_k",),
        error="throttled",
        message="Too many.",
        error_code="Rate",
        upstream_id="u-1",
        facts={"host": "q"},
        tries=[one],
        started=100.0,
    )


def test_the_upstreams_id_of_the_call_is_newer_than_that_of_a_failure(
    context: RequestContext,
) -> None:
    error = GatewayError(Kind.THROTTLED, "Too many.")
    error.upstream_id = "u-1"
    context.fail(error)
    call = context.call = Call(HELLO)
    call.facts = lambda: {"model": "m", "upstream_id": "u-2"}  # type: ignore[method-assign]
    assert context.finished().upstream_id == "u-2"


def test_a_client_that_left(context: RequestContext) -> None:
    context.call = Call()
    context.live = Live(None, set())
    context.live.client_left = True
    assert context.finished().cancelled is True


def test_the_last_failure_is_kept_and_nothing_of_the_one_before(context: RequestContext) -> None:
    context.fail(GatewayError(Kind.THROTTLED, "Too many.", code="Rate"))
    context.fail(GatewayError(Kind.CANCELLED, "It left."))
    finished = context.finished()
    assert (finished.error, finished.message) == ("cancelled", "It left.")
    assert finished.error_code == ""


def test_a_refused_request_still_knows_its_rate(context: RequestContext) -> None:
    rate = RateStatus(False, 3, 0, 1.0)
    context.fail(RateExceeded("Too many.", rate, retry_after=9))
    assert context.rate is rate


def test_a_failure_keeps_no_traceback_alive(context: RequestContext) -> None:
    """It would refer to the frames that refer to the context."""
    context.fail(GatewayError(Kind.INTERNAL, "It failed."))
    assert not isinstance(context.failure, Exception)


def test_only_an_authenticated_request_has_a_client(context: RequestContext) -> None:
    with pytest.raises(LookupError, match="/v1/messages"):
        context.client
    context.key = ClientKey("alice", "0" * 64)
    assert context.client is context.key


class TestBegin:
    @pytest.fixture(autouse=True)
    def own_context(self) -> Iterator[None]:
        before = request_id.get()
        yield
        request_id.set(before)

    def begun(
        self, headers: dict[str, str], makes_spans: bool = False, **environ: Any
    ) -> tuple[RequestContext, str]:
        """The context of a request, and the id that log lines get from then on."""
        app = Flask(__name__)

        def arrive() -> tuple[RequestContext, str]:
            path, method = "/v1/messages", "POST"
            with app.test_request_context(
                path, method=method, headers=headers, environ_overrides=environ
            ):
                made = begin(request, makes_spans=makes_spans)
                assert current() is made
                return made, request_id.get()

        return copy_context().run(arrive)

    def test_a_sane_id_is_kept(self) -> None:
        made, logged = self.begun({"X-Request-ID": "abc-1.2_3"})
        assert made.request_id == logged == "abc-1.2_3"
        assert (made.method, made.path, made.connection) == ("POST", "/v1/messages", None)

    @pytest.mark.parametrize("given", ["", "a b", "x" * 65, "a\xff", "a/b"])
    def test_any_other_is_replaced(self, given: str) -> None:
        made, logged = self.begun({"X-Request-ID": given})
        assert made.request_id.startswith("req_")
        assert logged == made.request_id

    PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    def test_a_trace_is_passed_on_as_it_is_without_spans(self) -> None:
        made, _ = self.begun({"traceparent": self.PARENT})
        assert str(made.trace) == self.PARENT
        assert made.finished().trace_id == "4bf92f3577b34da6a3ce929d0e0e4736"
        assert made.finished().parent_span_id == ""

    def test_a_span_is_below_that_of_the_client(self) -> None:
        made, _ = self.begun({"traceparent": self.PARENT}, makes_spans=True)
        finished = made.finished()
        assert finished.trace_id == "4bf92f3577b34da6a3ce929d0e0e4736"
        assert finished.parent_span_id == "00f067aa0ba902b7"
        assert finished.span_id not in ("", finished.parent_span_id)

    def test_a_request_of_no_trace_begins_one_where_spans_are_made(self) -> None:
        assert self.begun({})[0].trace is None
        finished = self.begun({}, makes_spans=True)[0].finished()
        assert len(finished.trace_id) == 32
        assert finished.parent_span_id == ""

    def test_the_clients_socket_is_its_connection(self) -> None:
        client = object()
        environ: dict[str, Any] = {"gunicorn.socket": client}
        made, _ = self.begun({}, **environ)
        assert made.connection is client
