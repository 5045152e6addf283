"""The fields of the log line, and which id a request gets."""

from collections.abc import Iterator
from contextvars import copy_context
from typing import Any

import pytest
from flask import Flask, request

from app.errors import GatewayError, Kind
from app.keys.key_file import ClientKey
from app.keys.limits import RateExceeded, RateStatus
from app.server.lifecycle import Live
from app.server.logs import request_id
from app.web.context import RequestContext, begin, current
from tests.web.doubles import HELLO, Call

ALWAYS = ["request_id", "method", "path", "status"]
FAILED = ["error", "message"]
OF_CALL = ["input_tokens", "output_tokens", "credits", "repairs", "ignored", "cancelled"]


@pytest.fixture
def context(monkeypatch: pytest.MonkeyPatch) -> RequestContext:
    monkeypatch.setattr("app.web.context.monotonic", lambda: 102.5)
    return RequestContext("req_1", "POST", "/v1/messages", None, started=100.0, status=200)


def test_a_request_that_calls_no_model(context: RequestContext) -> None:
    assert context.fields() == {
        "request_id": "req_1",
        "method": "POST",
        "path": "/v1/messages",
        "status": 200,
        "total_ms": 2500.0,
    }


def test_every_field_in_its_order(context: RequestContext) -> None:
    context.key = ClientKey("alice", "0" * 64)
    context.streamed = True
    error = GatewayError(Kind.THROTTLED, "Too many.", code="Rate")
    error.upstream_id = "u-1"
    context.fail(error)
    context.live = Live(None, set())
    call = context.call = Call(HELLO)
    call.repairs, call.ignored = ("merge-turns",), ("top_k",)
    call.facts = lambda: {"model": "m", "first_event_at": 101.25}  # type: ignore[method-assign]
    fields = context.fields()
    assert [*fields] == [
        *ALWAYS, "key", "streamed", *FAILED, "error_code", "upstream_id", *OF_CALL, "model",
        "first_event_ms", "total_ms",
    ]  # fmt: skip
    assert fields["key"] == "alice"
    assert fields["error"] == "throttled"
    assert (fields["repairs"], fields["ignored"]) == (["merge-turns"], ["top_k"])
    assert fields["cancelled"] is False
    assert (fields["first_event_ms"], fields["total_ms"]) == (1250.0, 2500.0)


def test_a_client_that_left(context: RequestContext) -> None:
    context.call = Call()
    context.live = Live(None, set())
    context.live.client_left = True
    assert context.fields()["cancelled"] is True


def test_the_last_failure_is_logged_and_nothing_of_the_one_before(context: RequestContext) -> None:
    context.fail(GatewayError(Kind.THROTTLED, "Too many.", code="Rate"))
    context.fail(GatewayError(Kind.CANCELLED, "It left."))
    fields = context.fields()
    assert (fields["error"], fields["message"]) == ("cancelled", "It left.")
    assert "error_code" not in fields


def test_a_refused_request_still_knows_its_rate(context: RequestContext) -> None:
    rate = RateStatus(False, 3, 0, 1.0)
    context.fail(RateExceeded("Too many.", rate, retry_after=9))
    assert context.rate is rate


def test_a_failure_keeps_no_traceback_alive(context: RequestContext) -> None:
    """It would refer to the frames that refer to the context."""
    context.fail(GatewayError(Kind.INTERNAL, "It failed."))
    assert not isinstance(context.failure, Exception)


def test_the_line_is_written_once_for_each_call(
    context: RequestContext, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "kiro2api.access")
    context.write()
    [record] = caplog.records
    assert record.message == "request"
    assert record.fields == context.fields()  # type: ignore[attr-defined]


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

    def begun(self, headers: dict[str, str], **environ: Any) -> tuple[RequestContext, str]:
        """The context of a request, and the id that log lines get from then on."""
        app = Flask(__name__)

        def arrive() -> tuple[RequestContext, str]:
            path, method = "/v1/messages", "POST"
            with app.test_request_context(
                path, method=method, headers=headers, environ_overrides=environ
            ):
                made = begin(request)
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

    def test_the_clients_socket_is_its_connection(self) -> None:
        client = object()
        made, _ = self.begun({}, **{"gunicorn.socket": client})
        assert made.connection is client
