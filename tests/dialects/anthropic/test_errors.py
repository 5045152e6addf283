"""Failures in the shape clients of the Messages API read."""

import json

import anthropic
import httpx2
import pytest

from app.codewhisperer.service.content_rules import CONTENT_RULES
from app.common.errors import POLICY, GatewayError, Kind
from app.dialects.anthropic.errors import CAPABILITIES, TYPES, body

BY_STATUS = {
    400: {"invalid_request_error"},
    401: {"authentication_error"},
    403: {"permission_error"},
    404: {"not_found_error"},
    405: {"invalid_request_error"},
    413: {"request_too_large"},
    415: {"invalid_request_error"},
    429: {"rate_limit_error"},
    499: {"api_error"},
    500: {"api_error"},
    502: {"api_error"},
    503: {"api_error", "overloaded_error"},
    504: {"timeout_error"},
    529: {"overloaded_error"},
}


def told(error):
    return json.loads(body(error, "req_1"))


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_a_type_that_fits_its_status(kind):
    assert TYPES[kind] in BY_STATUS[POLICY[kind].status]


def test_the_shape():
    assert told(GatewayError(Kind.THROTTLED, "Later.", code="reason_for_the_log")) == {
        "type": "error",
        "error": {"type": "rate_limit_error", "message": "Rate limit: Later."},
        "request_id": "req_1",
    }


def test_a_code_that_clients_act_on_is_told():
    error = GatewayError(Kind.UNSUPPORTED_THREAD, "No.", code="thread_unsupported_request")
    assert told(error)["error"]["details"] == {"error_code": "thread_unsupported_request"}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Input is too long.", "prompt is too long: Input is too long."),
        (
            "prompt is too long: 210000 tokens > 200000 maximum",
            "prompt is too long: 210000 tokens > 200000 maximum",
        ),
    ],
)
def test_too_long_a_prompt_is_told_in_the_words_clients_know(message, expected):
    assert told(GatewayError(Kind.CONTEXT_TOO_LONG, message))["error"]["message"] == expected


@pytest.mark.parametrize(
    ("error", "rejected"),
    [
        (
            GatewayError(Kind.REJECTED, "No.", code="THINKING_SIGNATURE_INVALID"),
            "thinking_signature",
        ),
        (GatewayError(Kind.REJECTED, "No.", code="IMAGE_SIZE_EXCEEDED"), "image_block"),
        (GatewayError(Kind.REJECTED, "No.", code="IMAGE_COUNT_EXCEEDED"), "media_budget"),
        (
            GatewayError(Kind.INVALID_REQUEST, "No.", field="output_config.effort"),
            "effort_unsupported",
        ),
    ],
)
def test_claude_code_knows_by_a_class_what_it_must_leave_out(error, rejected):
    assert told(error)["error"]["message"] == f"No. (capability_rejected: {rejected})"


@pytest.mark.parametrize(
    "error",
    [
        GatewayError(Kind.INVALID_REQUEST, "messages.0.content.1.image.source: No.", field="a.b"),
        GatewayError(Kind.REJECTED, "No.", code="TOOL_DUPLICATE"),
        GatewayError(Kind.INTERNAL, "No.", code="IMAGE_SIZE_EXCEEDED"),
    ],
)
def test_other_refusals_keep_their_words(error):
    message = told(error)["error"]["message"]
    assert message.endswith(error.message)
    assert "capability_rejected" not in message


def test_the_classes_are_for_refusals_that_there_are():
    known = [name for rule in CONTENT_RULES for name in CAPABILITIES if name in rule.reasons]
    assert {name for name in CAPABILITIES if name.isupper()} == set(known)


@pytest.mark.parametrize(
    ("kind", "error_class"),
    [
        (Kind.INVALID_REQUEST, anthropic.BadRequestError),
        (Kind.AUTHENTICATION, anthropic.AuthenticationError),
        (Kind.FORBIDDEN, anthropic.PermissionDeniedError),
        (Kind.INVALID_MODEL, anthropic.NotFoundError),
        (Kind.QUOTA, anthropic.RateLimitError),
        (Kind.INTERNAL, anthropic.InternalServerError),
    ],
)
def test_the_sdk_raises_its_own_classes(kind, error_class):
    error = GatewayError(kind, "What happened.", code="thread_unsupported_request")
    reply = httpx2.Response(error.status, content=body(error, "req_1"))
    transport = httpx2.MockTransport(lambda _: reply)
    client = anthropic.Anthropic(
        api_key="k", http_client=httpx2.Client(transport=transport), max_retries=0
    )
    with pytest.raises(error_class, match="What happened") as failure:
        client.messages.create(
            model="m", max_tokens=9, messages=[{"role": "user", "content": "hi"}]
        )
    assert failure.value.type == TYPES[kind]
    assert failure.value.error_code == "thread_unsupported_request"
