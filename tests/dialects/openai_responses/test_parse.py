"""The members of a request: what each comes to, and how a wrong one is refused."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import asdict
from werkzeug.datastructures import Headers

from app.common.errors import GatewayError, Kind
from app.core.conversation import Message, Reasoning, Text
from app.dialects import openai
from app.dialects.openai_responses.parse import parse_input_tokens, parse_responses

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}


def test_the_least_that_a_request_can_be():
    parsed = parse_responses(b'{"input":"hi"}', Headers(), "default")
    assert parsed.conversation.model == parsed.options.model == "default"
    assert parsed.conversation.messages == (Message("user", (Text("hi"),)),)
    assert not parsed.stream
    assert parsed.conversation.ignored == parsed.conversation.notes == ()


NOTHING: tuple[Any, ...] = ("", [])
ASKED_FOR: list[tuple[dict[str, Any], str, str, str]] = [
    (
        {},
        "missing_required_parameter",
        "input",
        "Missing required parameter: 'input'.",
    ),
    (
        {"input": None},
        "invalid_type",
        "input",
        "Invalid type for 'input': expected a string or an array of objects, but got null instead.",
    ),
    *[
        (
            {"input": nothing},
            "missing_required_parameter",
            "",
            (
                "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation' must be"
                " provided."
            ),
        )
        for nothing in NOTHING
    ],
    (
        {"messages": [{"role": "user", "content": "hi"}]},
        "unsupported_parameter",
        "messages",
        (
            "Unsupported parameter: 'messages'. In the Responses API, this parameter has moved to"
            " 'input'. Send it so, or POST the body to /v1/chat/completions."
        ),
    ),
    (
        {
            "input": [
                {"type": "reasoning", "summary": []},
                {"type": "additional_tools", "tools": []},
            ]
        },
        "missing_required_parameter",
        "input",
        "No item of 'input' has anything for the model to answer.",
    ),
]


@pytest.mark.parametrize(("members", "code", "field", "message"), ASKED_FOR)
def test_what_is_required_is_asked_for(members, code, field, message):
    """Nothing is made up, and nothing is paid for."""
    with pytest.raises(GatewayError) as refused:
        parse_responses(msgspec.json.encode({"model": "m"} | members), Headers(), "default")
    told = openai.failure(refused.value)
    assert (told.code, told.param, told.message) == (code, field or None, message)
    assert refused.value.status == 400


def test_what_is_counted_need_not_be_answered():
    for body in (b"{}", b'{"input":[]}', b'{"instructions":"i"}'):
        assert parse_input_tokens(body, Headers(), "default").messages == ()
    (message,) = parse_input_tokens(b'{"input":"hi"}', Headers(), "default").messages
    assert message.parts == (Text("hi"),)


def test_instructions_of_the_developer_alone_can_be_answered(parse):
    assert parse(input=[{"role": "developer", "content": "Say hello."}]).conversation.system


def test_what_was_said_is_not_in_the_repr(parse):
    assert "canary" not in repr(parse(instructions="canary", input="canary"))


def test_a_model_that_is_named_is_the_one_that_answers(parse):
    parsed = parse(model="gpt-5")
    assert parsed.conversation.model == parsed.options.model == "gpt-5"


@pytest.mark.parametrize("model", [None, ""])
def test_a_model_that_is_not_named_is_the_default(parse, model):
    assert parse(model=model).conversation.model == "default"


def test_input_as_text(parse):
    assert parse(input="hello").conversation.messages == (Message("user", (Text("hello"),)),)


@pytest.mark.parametrize(("stream", "streamed"), [(True, True), (False, False), (None, False)])
def test_stream(parse, stream, streamed):
    assert parse(stream=stream).stream is streamed


def test_instructions_and_what_stands_before_the_conversation_are_the_system_text(parse):
    conversation = parse(
        instructions="A",
        input=[
            {"role": "developer", "content": "B"},
            {"role": "system", "content": [{"type": "input_text", "text": "C"}]},
            {"role": "user", "content": "hi"},
            {"role": "developer", "content": "D"},
        ],
    ).conversation
    assert conversation.system == "A\n\nB\n\nC"
    assert conversation.messages == (
        Message("user", (Text("hi"),)),
        Message("system", (Text("D"),)),
    )


@pytest.mark.parametrize(
    ("wanted", "reasoning"),
    [
        (None, Reasoning(None, None, omit_text=True)),
        ({}, Reasoning(None, None, omit_text=True)),
        ({"effort": "high"}, Reasoning(True, "high", omit_text=True)),
        ({"effort": "high", "summary": "auto"}, Reasoning(True, "high", omit_text=False)),
        ({"effort": "none", "summary": "auto"}, Reasoning(None, "none", omit_text=False)),
        ({"summary": "detailed"}, Reasoning(True, None, omit_text=False)),
        ({"generate_summary": "concise"}, Reasoning(True, None, omit_text=False)),
        ({"effort": "minimal"}, Reasoning(True, "low", omit_text=True)),
        ({"effort": None, "summary": None}, Reasoning(None, None, omit_text=True)),
    ],
)
def test_reasoning(parse, wanted, reasoning):
    assert parse(reasoning=wanted).conversation.reasoning == reasoning


def test_a_summary_is_shown_if_it_was_asked_for(parse):
    assert parse(reasoning={"summary": "auto"}).options.summary
    assert not parse(reasoning={"effort": "high"}).options.summary


def test_reasoning_is_carried_if_that_was_asked_for(parse):
    parsed = parse(include=["reasoning.encrypted_content", "message.output_text.logprobs"])
    assert parsed.options.encrypted_reasoning
    assert parsed.conversation.ignored == ("message.output_text.logprobs",)
    assert not parse(include=[]).options.encrypted_reasoning


@pytest.mark.parametrize(
    ("text", "schema"),
    [
        (None, None),
        ({}, None),
        ({"format": {"type": "text"}}, None),
        ({"format": {"type": "json_object"}}, {}),
        ({"format": {"type": "json_schema", "name": "n", "schema": SCHEMA}}, SCHEMA),
        (
            {"format": {"type": "json_schema", "schema": SCHEMA, "description": "d"}},
            SCHEMA | {"description": "d"},
        ),
        ({"format": {"type": "json_schema", "schema": {}, "description": "d"}}, {}),
    ],
)
def test_the_format_of_the_answer(parse, text, schema):
    assert parse(text=text).conversation.json_schema == schema


def test_the_session_is_the_cache_key_unless_a_header_tells_it(parse):
    assert parse(prompt_cache_key="k").conversation.session == "k"
    assert parse({"session-id": "s"}, prompt_cache_key="k").conversation.session == "s"
    assert parse().conversation.session == ""


IGNORED = [
    ({"store": True}, "store"),
    ({"truncation": "auto"}, "truncation"),
    ({"temperature": 0}, "temperature"),
    ({"top_p": 1}, "top_p"),
    ({"text": {"verbosity": "low"}}, "verbosity"),
    ({"client_metadata": {"a": "b"}}, "client_metadata"),
    ({"user": "u"}, "user"),
    ({"reasoning": {"context": "auto"}}, "context"),
]


@pytest.mark.parametrize(("members", "name"), IGNORED, ids=[name for _, name in IGNORED])
def test_what_has_no_effect_is_named(parse, members, name):
    assert parse(**members).conversation.ignored == (name,)


def test_the_limit_of_the_answer_is_read(parse):
    conversation = parse(max_output_tokens=16).conversation
    assert (conversation.max_tokens, conversation.ignored) == (16, ())


def test_parallel_calls_can_be_switched_off(parse):
    for given, wanted in ((False, False), (True, True), (None, True)):
        conversation = parse(parallel_tool_calls=given).conversation
        assert (conversation.parallel_calls, conversation.ignored) == (wanted, ())


def test_what_asks_for_nothing_is_not_named(parse):
    parsed = parse(
        store=False,
        parallel_tool_calls=True,
        truncation="disabled",
        max_output_tokens=None,
        temperature=None,
        include=None,
        tools=None,
        tool_choice=None,
        metadata=None,
        previous_response_id=None,
        conversation=None,
        prompt=None,
        background=False,
    )
    assert parsed.conversation.ignored == ()


NEVER_SET = (
    "conversation",
    "previous_response_id",
    "prompt",
    "top_logprobs",
    "safety_identifier",
    "service_tier",
    "user",
)


def test_the_answer_repeats_what_is_in_effect(parse):
    tool = {"type": "function", "name": "f", "parameters": SCHEMA, "x": 1}
    text_format = {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": False}
    options = parse(
        instructions="I",
        metadata={"a": "b"},
        prompt_cache_key="k",
        reasoning={"effort": "low", "summary": "auto"},
        text={"format": text_format},
        tools=[tool, {"type": "file_search"}],
        tool_choice={"type": "function", "name": "f"},
        store=True,
        temperature=0.5,
        max_output_tokens=99,
        max_tool_calls=3,
        parallel_tool_calls=False,
    ).options
    assert {name: msgspec.json.decode(value) for name, value in options.echo.items()} == {
        "instructions": "I",
        "metadata": {"a": "b"},
        "prompt_cache_key": "k",
        "reasoning": {"effort": "low", "summary": "auto"},
        "text": {"format": text_format},
        "tools": [tool],
        "tool_choice": {"type": "function", "name": "f"},
        "store": False,
        "temperature": None,
        "top_p": None,
        "max_output_tokens": 99,
        "max_tool_calls": 3,
        "parallel_tool_calls": False,
        "truncation": "disabled",
        **dict.fromkeys(NEVER_SET),
    }


REFUSED = [
    ({"input": 5}, "input: Input should be a valid string or list"),
    ({"input": ["x"]}, "input[0]: Input should be a valid object"),
    ({"model": 5}, "model: Input should be a valid string"),
    ({"instructions": ["x"]}, "instructions: Input should be a valid string"),
    ({"metadata": {"a": 1}}, "metadata: Input should be a valid string"),
    ({"max_output_tokens": 15}, "max_output_tokens: Input should be greater than or equal to 16"),
    ({"temperature": 3}, "temperature: Input should be less than or equal to 2.0"),
    ({"reasoning": {"effort": "hard"}}, "reasoning.effort: Input should be one of 'none',"),
    ({"text": {"format": {"type": "xml"}}}, "text.format.type: 'xml' is not supported here"),
    ({"text": {"format": {"type": "json_schema"}}}, "text.format.schema: Field required"),
    ({"stream": "yes"}, "stream: Input should be a valid boolean"),
]


@pytest.mark.parametrize(("members", "message"), REFUSED)
def test_a_wrong_member_is_refused_by_its_name(refused, members, message):
    error = refused(**members)
    assert error.message.startswith(message)
    assert error.field == error.message.partition(":")[0]
    assert error.code == ""


def test_a_response_that_is_not_kept_is_refused_as_clients_know_it(refused):
    """Clients that chain responses look for this code, or for these words, and send everything."""
    error = refused(previous_response_id="resp_1")
    assert asdict(openai.failure(error)) == {
        "message": "Previous response with id 'resp_1' not found.",
        "type": "invalid_request_error",
        "param": "previous_response_id",
        "code": "previous_response_not_found",
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("prompt", {"id": "pmpt_1"}),
        ("prompt", {}),
        ("background", True),
    ],
)
def test_what_would_have_to_be_kept_is_refused(refused, name, value):
    error = refused(**{name: value})
    assert error.field == name
    assert error.message.startswith(f"{name}: this gateway ")
    assert openai.failure(error).code == "unsupported_parameter"


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "The request body is not valid JSON: "),
        (b'{"input": "\xff"}', "The request body is not valid JSON: "),
        (b"[" * 100_000, "The request body is nested too deeply"),
        (b"[]", "The request body must be a JSON object"),
    ],
)
def test_a_body_that_cannot_be_read(raw, message):
    with pytest.raises(GatewayError) as failure:
        parse_responses(raw, Headers(), "default")
    assert failure.value.kind is Kind.INVALID_REQUEST
    assert failure.value.message.startswith(message)


def test_a_sub_agent_of_codex_names_the_thread_that_started_it(parse):
    headers = {"session-id": "s", "thread-id": "t", "x-codex-parent-thread-id": "s"}
    conversation = parse(headers, prompt_cache_key="s").conversation
    assert (conversation.session, conversation.root) == ("t", "s")
    assert parse({"thread-id": "t"}).conversation.root == ""
