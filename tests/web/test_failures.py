"""Any exception as an answer in a dialect's words, and in the log."""

from typing import Any

import pytest
from werkzeug import exceptions

from app.common.errors import GatewayError, Kind
from app.web import failures
from app.web.context import RequestContext

FORM = failures.ErrorForm(
    lambda error, request_id: f"{error.kind.value} {request_id} {error.message}".encode(),
    lambda error: error.status,
    lambda limit, remaining, reset: {},
)


@pytest.fixture
def context() -> RequestContext:
    return RequestContext("req_1", "PUT", "/v1/nothing", None, started=0.0)


def kind_and_message(error: Exception, context: RequestContext) -> tuple[Kind, str]:
    failure = failures.as_failure(error, context)
    assert context.failure is not None
    assert (context.failure.kind, context.failure.message) == (failure.kind, failure.message)
    return failure.kind, failure.message


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (exceptions.NotFound(), Kind.NOT_FOUND, "There is nothing at /v1/nothing."),
        (
            exceptions.MethodNotAllowed(),
            Kind.METHOD_NOT_ALLOWED,
            "/v1/nothing does not take PUT.",
        ),
        (exceptions.RequestEntityTooLarge(), Kind.REQUEST_TOO_LARGE, "MAX_BODY_BYTES"),
        (exceptions.ClientDisconnected(), Kind.INVALID_REQUEST, "KIRO_CLIENT_STALL"),
        (exceptions.BadRequest("No such thing."), Kind.INVALID_REQUEST, "No such thing."),
        (exceptions.UnsupportedMediaType(), Kind.INVALID_REQUEST, "media type"),
        (exceptions.InternalServerError(), Kind.INTERNAL, "unable to complete"),
        (GatewayError(Kind.QUOTA, "Used up."), Kind.QUOTA, "Used up."),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_known_failure(
    context: RequestContext,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    kind: Kind,
    words: str,
) -> None:
    found, message = kind_and_message(error, context)
    assert found is kind
    assert words in message
    assert caplog.records == []


def test_a_bug_is_logged_once_with_its_traceback_and_not_shown(
    context: RequestContext, caplog: pytest.LogCaptureFixture
) -> None:
    try:
        raise ZeroDivisionError("canary")
    except ZeroDivisionError as bug:
        answer = failures.response(bug, context, FORM)
    assert answer.status_code == 500
    assert b"canary" not in answer.data
    [record] = caplog.records
    assert (record.levelname, record.message) == ("ERROR", "unexpected failure")
    assert record.exc_info
    assert record.exc_info[0] is ZeroDivisionError


def test_the_answer_is_in_the_dialects_words(context: RequestContext) -> None:
    error = GatewayError(Kind.THROTTLED, "Too many.", retry_after=0.2)
    answer = failures.response(error, context, FORM)
    assert (answer.status_code, answer.data) == (429, b"throttled req_1 Too many.")
    assert answer.mimetype == "application/json"
    assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize(
    ("kind", "retry_after", "headers"),
    [
        (Kind.THROTTLED, None, {}),
        (Kind.THROTTLED, 7.4, {"retry-after": "7"}),
        (Kind.QUOTA, None, {"x-should-retry": "false"}),
    ],
)
def test_what_the_client_should_do(kind: Kind, retry_after: Any, headers: dict[str, str]) -> None:
    assert failures.retry_headers(GatewayError(kind, "", retry_after=retry_after)) == headers


def test_the_methods_that_are_allowed(context: RequestContext) -> None:
    error = exceptions.MethodNotAllowed(valid_methods=["POST", "OPTIONS"])
    assert failures.response(error, context, FORM).headers["Allow"] == "OPTIONS, POST"
    unknown = exceptions.MethodNotAllowed()
    assert "Allow" not in failures.response(unknown, context, FORM).headers


@pytest.mark.parametrize(
    ("seconds", "header"),
    [(0.0, "1"), (1.6, "2"), (float("9" * 400), "2678400"), (10.0**300, "2678400")],
)
def test_any_retry_after_can_be_reported(seconds: float, header: str) -> None:
    error = GatewayError(Kind.THROTTLED, "Later.", retry_after=seconds)
    assert failures.retry_headers(error)["retry-after"] == header
