"""What the two OpenAI dialects share."""

import json
from typing import Any

import httpx2
import openai as sdk
import pytest

from app.common.errors import GatewayError, Kind
from app.core.conversation import Image, Text, Tool, ToolChoice
from app.core.typed_json import FieldError, Record
from app.dialects import openai
from app.dialects.openai_chat.dialect import CHAT_COMPLETIONS
from app.dialects.openai_responses.dialect import RESPONSES
from tests.media import GIF, JPEG, PNG, WEBP

BY_STATUS: dict[int, set[tuple[str, str | None]]] = {
    400: {("invalid_request_error", None), ("invalid_request_error", "context_length_exceeded")},
    401: {("invalid_request_error", "invalid_api_key")},
    403: {("invalid_request_error", "permission_denied")},
    404: {("invalid_request_error", None), ("invalid_request_error", "model_not_found")},
    405: {("invalid_request_error", None)},
    413: {("invalid_request_error", "request_too_large")},
    415: {("invalid_request_error", "unsupported_content_encoding")},
    429: {
        ("rate_limit_exceeded", "rate_limit_exceeded"),
        ("insufficient_quota", "insufficient_quota"),
    },
    499: {("server_error", "server_error")},
    500: {("server_error", "server_error")},
    502: {("server_error", "server_error")},
    503: {("server_error", "server_error")},
    504: {("server_error", "server_error")},
}


def told(error):
    return json.loads(openai.body(error, "req_1"))["error"]


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_a_type_and_a_code_that_fit_its_status(kind):
    assert openai.ERRORS[kind] in BY_STATUS[openai.status(GatewayError(kind, ""))]


def test_the_shape():
    error = GatewayError(Kind.INVALID_REQUEST, "n: No.", field="n", code="reason_for_the_log")
    assert json.loads(openai.body(error, "req_1")) == {
        "error": {
            "message": "n: No.",
            "type": "invalid_request_error",
            "param": "n",
            "code": None,
        }
    }


def test_no_field_is_null():
    assert told(GatewayError(Kind.THROTTLED, "Later."))["param"] is None


@pytest.mark.parametrize("kind", [Kind.OVERLOADED, Kind.CAPACITY])
def test_a_status_that_openai_has_not_is_told_as_one_it_has(kind):
    error = GatewayError(kind, "Too much.")
    assert error.status == 529
    assert openai.status(error) == 429


def test_a_code_that_clients_act_on_is_told():
    assert told(GatewayError(Kind.NOT_FOUND, "No.", code="model_not_found"))["code"] == (
        "model_not_found"
    )


SENTENCE = (
    "Your input exceeds the context window of this model. Please adjust your input and try again. "
    "This model's maximum context length is "
)


OVERFLOW_WORDS = (
    "your input exceeds the context window of this model",  # GitHub Copilot CLI, pi, opencode
    "this model's maximum context length",  # LiteLLM, so aider and OpenHands
    "maximum context length",  # Claude Code
)


@pytest.mark.parametrize(
    ("overrun", "expected"),
    [
        (None, "exceeded: Too long ('no')."),
        ((9, 5), "5 tokens. However, your messages resulted in 9 tokens. Too long ('no')."),
    ],
)
@pytest.mark.parametrize("form", [CHAT_COMPLETIONS.error_form, RESPONSES.error_form])
def test_too_long_a_prompt_is_told_in_the_words_clients_know(form, overrun, expected):
    """docs/clients.md: LiteLLM fails on both kinds of quotes in one text."""
    failure = GatewayError(Kind.CONTEXT_TOO_LONG, 'Too long ("no").')
    failure.overrun = overrun
    error = json.loads(form.body(failure, "req_1"))["error"]
    assert all(words in error["message"].lower() for words in OVERFLOW_WORDS)
    assert '"' not in error["message"]
    assert error == {
        "message": SENTENCE + expected,
        "type": "invalid_request_error",
        "param": "messages" if form is CHAT_COMPLETIONS.error_form else "input",
        "code": "context_length_exceeded",
    }


@pytest.mark.parametrize(
    ("kind", "error_class"),
    [
        (Kind.INVALID_REQUEST, sdk.BadRequestError),
        (Kind.AUTHENTICATION, sdk.AuthenticationError),
        (Kind.FORBIDDEN, sdk.PermissionDeniedError),
        (Kind.INVALID_MODEL, sdk.NotFoundError),
        (Kind.QUOTA, sdk.RateLimitError),
        (Kind.OVERLOADED, sdk.RateLimitError),
        (Kind.INTERNAL, sdk.InternalServerError),
    ],
)
def test_the_sdk_raises_its_own_classes(kind, error_class):
    error = GatewayError(kind, "What happened.", field="model")
    reply = httpx2.Response(openai.status(error), content=openai.body(error, "req_1"))
    transport = httpx2.MockTransport(lambda _: reply)
    client = sdk.OpenAI(api_key="k", http_client=httpx2.Client(transport=transport), max_retries=0)
    with pytest.raises(error_class, match="What happened") as failure:
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])
    assert (failure.value.type, failure.value.code) == openai.ERRORS[kind]
    assert failure.value.param == "model"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("model",), "model"),
        (("messages", 0, "content", 12, "image_url"), "messages[0].content[12].image_url"),
    ],
)
def test_paths_are_written_as_openai_writes_them(path, text):
    assert openai.dotted(path) == text


def test_a_refusal_names_the_field():
    error = openai.refusal(FieldError(("input", 1, "role"), "No."), code="unsupported_value")
    assert (error.kind, error.message) == (Kind.INVALID_REQUEST, "input[1].role: No.")
    assert (error.field, error.code) == ("input[1].role", "unsupported_value")
    assert openai.refusal(FieldError((), "No.")).message == "No."


@pytest.mark.parametrize(
    ("url", "image"),
    [
        (f"data:image/png;base64,{PNG}", Image("png", PNG)),
        (f"data:image/jpeg;base64,{JPEG}", Image("jpeg", JPEG)),
        (f"DATA:image/GIF;name=a.gif;Base64,{GIF}", Image("gif", GIF)),
        (f"data:image/webp;base64,{WEBP}", Image("webp", WEBP)),
        (f"data:image/jpg;base64,{PNG}", Image("png", PNG)),
        (f"data:;base64,{PNG}", Image("png", PNG)),
    ],
)
def test_data_urls(url, image):
    """docs/upstream.md: Formats of images"""
    assert openai.image(url, Record(), in_result=False) == image


def test_what_a_tool_made_is_told_to_the_model_where_it_cannot_be_sent():
    record = Record()
    url = "data:image/svg+xml;base64,AAAA"
    assert openai.image(url, record, in_result=True) == Text(f"[image left out: {FORMAT}]")
    part: Any = openai.attachment("data:;base64,AAAA", "a.bin", record, in_result=True)
    assert part.text.startswith("[document 'a.bin' left out: files of this kind cannot be read")
    part = openai.attachment("data:a/b;base64,AAAA", None, record, in_result=True)
    assert part.text.startswith("[document left out: a/b files cannot be read: the bytes are not")
    assert tuple(record.notes) == ("image_as_text", "document_as_text")


NO_URL = "this URL cannot be read by this gateway; send data:image/...;base64,..."
FORMAT = (
    "could not process image: its bytes are not those of a JPEG, PNG, GIF or WebP image; convert it"
    " to one of these"
)
NO_BASE64 = "Input should be valid standard base64, not empty"


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("ftp://example.com/a.png", NO_URL),
        ("", NO_URL),
        ("file:///etc/passwd", NO_URL),
        ("data:image/png,AAAA", NO_URL),
        ("data:image/png;base64", NO_URL),
        ("AAAA", NO_URL),
        ("data:;base64,AAAA", FORMAT),
        ("data:image/svg+xml;base64,AAAA", FORMAT),
        ("data:image/png;base64,", NO_BASE64),
        ("data:image/png;base64,A", NO_BASE64),
        ("data:image/png;base64,A===", NO_BASE64),
        ("data:image/png;base64,AA!A", NO_BASE64),
        ("data:image/png;base64,AAA\n", FORMAT),
    ],
)
def test_urls_that_hold_no_image(url, problem):
    with pytest.raises(FieldError) as failure:
        openai.image(url, Record(), in_result=False)
    assert (failure.value.path, failure.value.problem) == ((), problem)


@pytest.mark.parametrize("filling", ["x", ";", ";base64", "x;"])
def test_a_hostile_url_is_looked_at_once(filling):
    """And not once for each of its pieces."""
    assert openai.data_url("data:" + filling * 1_000_000) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": {"b": [1, "é"]}}', {"a": {"b": [1, "é"]}}),
        ("{}", {}),
        ("", {}),
        (" \n", {}),
    ],
)
def test_arguments(text, expected):
    record = Record()
    assert openai.arguments(text, record) == expected
    assert record.notes == {}


@pytest.mark.parametrize("text", ["{", '{"a": 1', "null", "[]", '"a"', '{"a": NaN}', '{"a":1} x'])
def test_arguments_that_are_no_object_are_kept_as_text(text):
    record = Record()
    assert openai.arguments(text, record) == {"arguments": text}
    assert list(record.notes) == ["invalid_arguments_wrapped"]


TOOLS = [Tool("f")]


@pytest.mark.parametrize(
    ("mode", "choice"),
    [
        ("auto", ToolChoice()),
        ("none", ToolChoice("none")),
        ("required", ToolChoice("any")),
    ],
)
def test_choices_of_one_word(mode, choice):
    assert openai.mode_choice(mode, TOOLS) == choice


def test_no_call_can_be_required_where_nothing_is_offered():
    with pytest.raises(FieldError, match="no tool is offered that can be called"):
        openai.mode_choice("required", [])


def test_a_choice_by_another_word_is_refused():
    with pytest.raises(FieldError) as failure:
        openai.mode_choice("any", TOOLS)
    assert failure.value.problem == (
        "Input should be one of 'none', 'auto', 'required', or an object"
    )


def test_a_named_choice():
    assert openai.named_choice("f", TOOLS) == ToolChoice("tool", "f")
    with pytest.raises(FieldError, match="Tool 'g' not found in provided tools"):
        openai.named_choice("g", TOOLS)


@pytest.mark.parametrize("effort", ["none", "low", "medium", "high", "xhigh", "max", None])
def test_efforts(effort):
    record = Record()
    assert openai.effort(effort, record) == effort
    assert record.notes == {}


def test_the_least_effort_becomes_the_least_that_models_have():
    record = Record()
    assert openai.effort("minimal", record) == "low"
    assert list(record.notes) == ["minimal_effort_as_low"]


def test_an_effort_that_is_none_is_refused():
    with pytest.raises(FieldError) as failure:
        openai.effort("huge", Record())
    assert failure.value.problem == (
        "Input should be one of 'none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'"
    )


@pytest.mark.parametrize(
    ("headers", "key", "session"),
    [
        ({}, None, ""),
        ({}, "k", "k"),
        ({"Session-Id": "s"}, "k", "s"),
        ({"Session-Id": "s", "Thread-Id": "t"}, None, "t"),
        ({"X-Session-Affinity": "a", "Thread-Id": "t"}, None, "a"),
        ({"X-Session-Affinity": "a", "X-Session-ID": "s"}, None, "s"),
        ({"X-Conversation-ID": "c", "X-Session-ID": "s"}, None, "c"),
    ],
)
def test_the_session_is_the_most_telling_name_of_it(headers, key, session):
    assert openai.session(headers, key) == session
