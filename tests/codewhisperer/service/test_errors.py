"""What an upstream's refusal becomes: the kind decides what the gateway does, the words what people
do.

docs/upstream.md: The reasons of refusals
docs/upstream.md: A subscription may admit only some applications
"""

import json
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.codewhisperer.service.error_rule import ParsedError
from app.codewhisperer.service.error_table import RULES
from app.codewhisperer.service.errors import (
    StreamError,
    corrupt,
    from_frames,
    from_response,
    from_stream,
)
from app.common.errors import GatewayError, Kind
from app.core.events import TextDelta
from app.eventstream.frames import FrameDecoder, FrameError
from tests.eventstream.wire import event

VALIDATION, THROTTLING = "ValidationException", "ThrottlingException"
DENIED, INTERNAL = "AccessDeniedException", "InternalServerException"
QUOTA = "ServiceQuotaExceededException"
LOCKED = "Your User ID temporarily is suspended. We locked your account as a precaution."

FIELDS = "additionalModelRequestFields"
OF_CONTENT = (
    "IMAGE_COUNT_EXCEEDED",
    "IMAGE_DIMENSION_EXCEEDED",
    "IMAGE_SIZE_EXCEEDED",
    "IMAGE_FORMAT_UNSUPPORTED",
    "IMAGE_MIME_MISMATCH",
    "DOCUMENT_MODEL_NOT_SUPPORTED",
    "DOCUMENT_PASSWORD_PROTECTED",
    "DOCUMENT_MAXIMUM_PAGES_EXCEEDED",
    "DOCUMENT_SIZE_EXCEEDED",
    "DOCUMENT_COUNT_EXCEEDED",
    "DOCUMENT_DUPLICATE_NAME",
    "INVALID_DOCUMENT_NAME",
    "DISALLOWED_FILE_TYPE",
    "TOOL_SCHEMA_INVALID",
    "TOOL_DUPLICATE",
    "TOOL_CONFIG_MISSING",
    "TOOL_USE_RESULT_MISMATCH",
    "UNSUPPORTED_LANGUAGE",
)
"""Reasons that name what is wrong in the request; each has words of its own."""

REFUSALS = [
    # status, type, reason, message -> kind
    (429, THROTTLING, None, "Too many requests.", Kind.THROTTLED),
    (429, "", None, "Too Many Requests", Kind.THROTTLED),
    (429, THROTTLING, "INSUFFICIENT_MODEL_CAPACITY", "x", Kind.CAPACITY),
    (429, THROTTLING, None, "I am experiencing high traffic.", Kind.CAPACITY),
    (429, THROTTLING, "MONTHLY_REQUEST_COUNT", "x", Kind.QUOTA),
    (400, THROTTLING, "MONTHLY_REQUEST_COUNT", "x", Kind.QUOTA),
    (429, THROTTLING, "DAILY_REQUEST_COUNT", "x", Kind.QUOTA),
    (429, THROTTLING, "USER_REQUEST_RATE_EXCEEDED", "x", Kind.THROTTLED),
    (429, THROTTLING, None, "Suspicious activity detected.", Kind.THROTTLED),
    (402, QUOTA, "OVERAGE_REQUEST_LIMIT_EXCEEDED", "x", Kind.QUOTA),
    (402, QUOTA, "CONVERSATION_LIMIT_EXCEEDED", "x", Kind.REJECTED),
    (402, QUOTA, None, "x", Kind.QUOTA),
    (402, "", None, "x", Kind.QUOTA),
    (400, VALIDATION, "CONTENT_LENGTH_EXCEEDS_THRESHOLD", "x", Kind.CONTEXT_TOO_LONG),
    (400, VALIDATION, None, "Input is too long.", Kind.CONTEXT_TOO_LONG),
    (400, "ContentLengthExceededException", None, "x", Kind.CONTEXT_TOO_LONG),
    (400, VALIDATION, "INVALID_MODEL_ID", "x", Kind.INVALID_MODEL),
    (400, VALIDATION, None, "Invalid model. Please select another.", Kind.INVALID_MODEL),
    (400, VALIDATION, "PROMPT_TOO_LONG", "x", Kind.CONTEXT_TOO_LONG),
    (400, VALIDATION, None, "Input content length exceeds threshold.", Kind.CONTEXT_TOO_LONG),
    (400, VALIDATION, None, "Context window is full.", Kind.CONTEXT_TOO_LONG),
    (429, THROTTLING, "HOURLY_REQUEST_COUNT", "x", Kind.QUOTA),
    (429, THROTTLING, "WEEKLY_REQUEST_COUNT", "x", Kind.QUOTA),
    (429, THROTTLING, "USAGE_LIMIT_REACHED", "x", Kind.QUOTA),
    (429, THROTTLING, "CREDIT_CONSUMPTION_RATE_EXCEEDED", "x", Kind.THROTTLED),
    (429, THROTTLING, "SERVICE_REQUEST_RATE_EXCEEDED", "x", Kind.THROTTLED),
    (403, DENIED, None, "Your subscription does not support this application.", Kind.FORBIDDEN),
    (400, VALIDATION, "REQUEST_BODY_INVALID", f"{FIELDS} is not supported", Kind.REJECTED),
    (400, VALIDATION, "REQUEST_BODY_INVALID", "Improperly formed request.", Kind.REJECTED),
    (400, VALIDATION, "REQUEST_BODY_INVALID", "x", Kind.REJECTED),
    (400, VALIDATION, "REQUEST_BODY_INVALID_JSON", "x", Kind.REJECTED),
    (400, VALIDATION, "THINKING_SIGNATURE_INVALID", "x", Kind.REJECTED),
    (400, VALIDATION, None, "Invalid `signature` in `thinking` block", Kind.REJECTED),
    (400, VALIDATION, None, "The toolConfig field must be defined when ...", Kind.REJECTED),
    *((400, VALIDATION, reason, "x", Kind.REJECTED) for reason in OF_CONTENT),
    (400, VALIDATION, "INVALID_CONVERSATION_ID", "x", Kind.REJECTED),
    (400, VALIDATION, "INVALID_KMS_GRANT", "x", Kind.FORBIDDEN),
    (400, VALIDATION, None, "Improperly formed request.", Kind.REJECTED),
    (400, VALIDATION, None, "profileArn is required for this request.", Kind.REJECTED),
    (400, VALIDATION, None, "Invalid profileArn.", Kind.REJECTED),
    (403, DENIED, None, "The bearer token is invalid.", Kind.REFUSED_TOKEN),
    # docs/upstream.md: The control plane refuses a token with 400
    (400, DENIED, None, "The bearer token is invalid.", Kind.REFUSED_TOKEN),
    (403, DENIED, None, "User is not authorized to make this call.", Kind.REFUSED_TOKEN),
    (403, "", None, "Invalid token", Kind.REFUSED_TOKEN),
    (403, "", None, "Not authorized", Kind.REFUSED_TOKEN),
    (403, DENIED, "TEMPORARILY_SUSPENDED", "x", Kind.SUSPENDED),
    (403, DENIED, None, LOCKED, Kind.SUSPENDED),
    (403, DENIED, None, "We have locked your account.", Kind.SUSPENDED),
    (403, "AccountSuspendedException", None, "x", Kind.SUSPENDED),
    (423, "", None, "x", Kind.SUSPENDED),
    (403, DENIED, "FEATURE_NOT_SUPPORTED", "x", Kind.FORBIDDEN),
    (403, "", None, "x", Kind.FORBIDDEN),
    (401, "ExpiredTokenException", None, "x", Kind.REFUSED_TOKEN),
    (401, "UnrecognizedClientException", None, "x", Kind.REFUSED_TOKEN),
    (401, "", None, "x", Kind.REFUSED_TOKEN),
    (500, INTERNAL, "MODEL_TEMPORARILY_UNAVAILABLE", "x", Kind.CAPACITY),
    (500, INTERNAL, None, "Encountered unexpectedly high load.", Kind.CAPACITY),
    (500, INTERNAL, None, "x", Kind.UPSTREAM_ERROR),
    (500, "ServiceUnavailableException", None, "x", Kind.UNAVAILABLE),
    (503, "ServiceUnavailableException", None, "x", Kind.UNAVAILABLE),
    (409, "ConflictException", "CUSTOMER_KMS_KEY_DISABLED", "x", Kind.FORBIDDEN),
    (404, "ResourceNotFoundException", None, "x", Kind.REJECTED),
    (404, "UnknownOperationException", None, "", Kind.UPSTREAM_ERROR),
    (400, "UnknownOperationException", None, "", Kind.UPSTREAM_ERROR),
    (400, "", None, "Unknown operation: generateAssistantResponse", Kind.UPSTREAM_ERROR),
    (404, "", None, "", Kind.UPSTREAM_ERROR),
    (405, "", None, "Method Not Allowed", Kind.UPSTREAM_ERROR),
    (413, "", None, "x", Kind.REQUEST_TOO_LARGE),
    (400, VALIDATION, "INVENTED_TOMORROW", "x", Kind.REJECTED),
    (418, "TeapotException", None, "x", Kind.REJECTED),
    (502, "", None, "x", Kind.UPSTREAM_ERROR),
    (503, "", None, "x", Kind.UNAVAILABLE),
    (504, "", None, "x", Kind.UNAVAILABLE),
    (524, "", None, "x", Kind.UNAVAILABLE),
    (302, "", None, "x", Kind.UPSTREAM_ERROR),
]  # fmt: skip


OWN_CODES = {
    "profilearn": "profile",
    "additionalmodelrequestfields": "request_fields",
    "improperly formed": "improperly_formed",
    "`signature`": "THINKING_SIGNATURE_INVALID",
    "toolconfig": "TOOL_CONFIG_MISSING",
    "this application": "application_not_supported",
}
"""Codes of rows that recognise a refusal by its text."""


def told_code(status: int, name: str, reason: str | None, message: str) -> str:
    if "unknown" in (name + message).lower() or (status in (404, 405) and not name):
        return "unknown_operation"
    for text, code in OWN_CODES.items():
        if text in message.lower() and reason not in OF_CONTENT:
            return code
    return reason or name or f"http_{status}"


@pytest.mark.parametrize(("status", "name", "reason", "message", "kind"), REFUSALS)
def test_table(status: int, name: str, reason: str | None, message: str, kind: Kind) -> None:
    body = {"message": message, "reason": reason}
    rest = from_response(
        status,
        {"X-Amzn-ErrorType": f"{name}:http://internal.amazon.com/coral/"},
        json.dumps(body).encode(),
    )
    rpc_body = body | {"__type": f"com.amazon.coral.service#{name}"}
    rpc = from_response(status, {}, json.dumps(rpc_body).encode())
    for error in (rest, rpc):
        assert (error.kind, error.code) == (kind, told_code(status, name, reason, message))
        assert f'said: "{message}"' in error.message or not message
        assert f"HTTP {status}" in error.message


def test_every_row_of_the_table_is_met() -> None:
    met = [
        next(
            rule
            for rule in RULES
            if rule.matches(ParsedError(status, (name,), reason or "", message))
        )
        for status, name, reason, message, _ in REFUSALS
    ]
    assert [rule for rule in RULES if rule not in met] == []


@pytest.mark.parametrize(
    ("status", "name", "reason", "message", "kind"),
    [row for row in REFUSALS if row[1] and row[0] != 404 and row[1] != "TeapotException"],
)
def test_inside_a_stream_the_same_refusal_is_the_same_kind(
    status: int, name: str, reason: str | None, message: str, kind: Kind
) -> None:
    payload = json.dumps({"message": message, "reason": reason}).encode()
    error = from_stream(name, payload)
    assert (error.kind, error.code) == (kind, told_code(status, name, reason, message))
    assert "HTTP" not in error.message


@pytest.mark.parametrize("reason", OF_CONTENT)
def test_what_is_wrong_in_the_request_is_said_in_words_of_its_own(reason: str) -> None:
    parsed = ParsedError(400, (VALIDATION,), reason, "x")
    matching = [rule for rule in RULES if rule.matches(parsed)]
    assert [rule.explanation for rule in RULES].count(matching[0].explanation) <= 2
    assert matching[0].reasons == (reason,)


@pytest.mark.parametrize(
    ("member", "header", "seconds"),
    [
        (300_000, "", 300),
        (1500.5, "", 1.5005),
        (2000, "7", 7),
        (9000, "7", 9),
        (0, "", 0),
        (10**12, "", 3600),
        ("300", "", 10),
        (True, "", 10),
        (-1, "", 10),
        (None, "", 10),
    ],
)
def test_how_long_to_wait_may_be_in_the_body(member: object, header: str, seconds: float) -> None:
    """docs/upstream.md: retryAfterMilliseconds says how long to wait"""
    body = {"reason": "USER_REQUEST_RATE_EXCEEDED", "retryAfterMilliseconds": member}
    content = json.dumps(body).encode()
    error = from_response(429, {"retry-after": header} if header else {}, content)
    assert error.retry_after == seconds
    if not header:
        assert from_stream("throttlingError", content).retry_after == seconds


@pytest.mark.parametrize(
    ("reason", "seconds"),
    [("CREDIT_CONSUMPTION_RATE_EXCEEDED", 300), ("SERVICE_REQUEST_RATE_EXCEEDED", 10)],
)
def test_how_long_a_throttle_lasts_that_does_not_say(reason: str, seconds: float) -> None:
    content = json.dumps({"reason": reason}).encode()
    assert from_response(429, {}, content).retry_after == seconds


@pytest.mark.parametrize("name", ["x-amzn-RequestId", "x-amzn-request-id", "x-amz-request-id"])
def test_a_refusal_holds_the_upstreams_name_for_the_request(name: str) -> None:
    assert from_response(500, {name: "8b4c-1"}, b"").upstream_id == "8b4c-1"
    assert len(from_response(500, {name: "x" * 5000}, b"").upstream_id) == 128


def test_an_unmodelled_error_has_its_words_in_headers() -> None:
    error = from_stream("InternalServerException", b"", "boom")
    assert error.kind is Kind.UPSTREAM_ERROR
    assert 'The upstream said: "boom" (InternalServerException)' in error.message


def test_the_modelled_member_error_is_told_by_its_reason() -> None:
    payload = b'{"message":"try later","reason":"MODEL_TEMPORARILY_UNAVAILABLE"}'
    assert from_stream("error", payload).kind is Kind.CAPACITY
    assert from_stream("error", b'{"message":"no"}').kind is Kind.UPSTREAM_ERROR


@pytest.mark.parametrize("key", ["message", "Message", "errorMessage"])
@pytest.mark.parametrize("nested", [False, True])
def test_message_and_reason_are_found_wherever_they_stand(key: str, nested: bool) -> None:
    body: dict[str, object] = {
        key: "No more today.",
        "reason": "DAILY_REQUEST_COUNT",
        "code": THROTTLING,
    }
    if nested:
        body = {"error": body, "reason": None, "message": None}
    error = from_response(429, {}, json.dumps(body).encode())
    assert error.kind is Kind.QUOTA
    assert "No more today." in error.message
    assert THROTTLING in error.message


def test_the_header_names_the_type_before_the_body() -> None:
    body = json.dumps({"__type": VALIDATION, "message": "x"}).encode()
    error = from_response(400, {"x-amzn-errortype": THROTTLING}, body)
    assert error.kind is Kind.THROTTLED


PAGE = (
    b"<!DOCTYPE html>\n<HTML><head><TITLE>502 Bad\n &amp; Gateway</TITLE></head><body>secret</body>"
)


def test_a_page_is_told_by_its_title() -> None:
    error = from_response(502, {"content-type": "text/html"}, PAGE)
    assert error.kind is Kind.UPSTREAM_ERROR
    assert 'said: "502 Bad & Gateway" (HTTP 502)' in error.message
    assert "secret" not in error.message
    assert from_response(403, {}, PAGE).kind is Kind.FORBIDDEN


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'"x"', b"{}", b"\xff\xfe", b"{"])
def test_a_body_that_says_nothing_is_told_by_its_status(body: bytes) -> None:
    error = from_response(500, {}, body)
    assert error.kind is Kind.UPSTREAM_ERROR
    assert error.message.endswith("(HTTP 500)")


def test_plain_text_is_quoted_in_one_line_of_bounded_length() -> None:
    error = from_response(503, {}, b"line one\r\n\tline \x1b[31mtwo " + b"word " * 1000)
    assert 'said: "line one line [31mtwo word' in error.message
    assert len(error.message) < 450
    assert error.message.isprintable()


SECRETS = [
    "aoaAAAAAGkM3yT9fakefakefake:MGUCfake",
    "aorAAAAAGlfakefakefakefake",
    "ksk_fakefakefake-fake_fake",
    "sk-ant-fakefakefakefake",
    "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJmYWtlIn0.c2lnbmF0dXJl",
    "0123456789abcdefABCDEF_-" * 4,
]


@pytest.mark.parametrize("secret", SECRETS)
def test_a_token_in_the_upstreams_words_is_masked(secret: str) -> None:
    for text in (f"token {secret} is bad", f"Bearer {secret}"):
        error = from_response(403, {}, json.dumps({"message": text}).encode())
        assert "***" in error.message
        assert secret[:20] not in error.message + repr(error)


NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        (" 1.5 ", 1.5),
        ("0\x1f", 0.0),
        ("0", 0.0),
        (formatdate(NOW + 90, usegmt=True), 90.0),
        (formatdate(NOW - 90, usegmt=True), 0.0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("nan", None),
        ("1e9", None),
        ("٣", None),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    error = from_response(429, {"Retry-After": value}, b"", now=lambda: NOW)
    assert error.retry_after == seconds


@given(status=st.integers(100, 599), body=st.binary(max_size=200), name=st.text(max_size=80))
def test_any_answer_has_one_error(status: int, body: bytes, name: str) -> None:
    error = from_response(status, {"x-amzn-errortype": name, "retry-after": name}, body)
    assert error.message.isprintable()
    assert from_stream(name, body, name).message


def test_a_damaged_body_names_the_damage_and_a_cut_one_is_a_truncation() -> None:
    whole = event("e", {"content": "private"})
    with pytest.raises(FrameError) as damaged:
        FrameDecoder().feed(whole[:-1] + b"?")
    error = from_frames(damaged.value)
    assert (error.kind, error.code) == (Kind.CORRUPT, "MessageChecksumMismatch")
    assert "private" not in error.message
    decoder = FrameDecoder()
    decoder.feed(whole[:-1])
    with pytest.raises(FrameError) as cut:
        decoder.eof()
    assert from_frames(cut.value).kind is Kind.TRUNCATED


def test_a_stream_error_is_the_failure_with_the_events_before_it() -> None:
    failure = GatewayError(Kind.THROTTLED, "wait", code="x", retry_after=3)
    error = StreamError(failure, [TextDelta("a")])
    assert isinstance(error, GatewayError)
    assert (error.kind, error.message, error.code, error.retry_after) == (
        Kind.THROTTLED, "wait", "x", 3,
    )  # fmt: skip
    assert error.events == [TextDelta("a")]
    assert corrupt("why").kind is Kind.CORRUPT


def test_an_account_under_suspicion_is_left_alone_for_an_hour() -> None:
    body = json.dumps({"message": "We detected suspicious activity."}).encode()
    headers = {"x-amzn-errortype": "ThrottlingException"}
    assert from_response(429, headers, body).retry_after == 3600
    assert from_response(429, headers | {"Retry-After": "7"}, body).retry_after == 7
