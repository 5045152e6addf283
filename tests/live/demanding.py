"""Asks for forced tools, strict tools and JSON through the official SDKs, every dialect alike."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import anthropic
import openai

from tests.live.servers import KEY, Gateway

MODEL = "claude-sonnet-4-6"


class Ask(NamedTuple):
    """``tools``: input schemas by name. ``choice`` is a mode in OpenAI's words, or the name of a
    tool. ``schema`` is that of the answer, an empty one for any object.
    """

    prompt: str = "What is the weather?"
    tools: Mapping[str, Any] = {}
    choice: str = ""
    strict: bool = False
    schema: Mapping[str, Any] | None = None
    allowed: Sequence[str] = ()
    more: Mapping[str, Any] = {}


class Told(NamedTuple):
    """What a client got. ``calls``: names and inputs of the complete ones. ``request_id`` is that
    of the log line, and ``repairs`` the header.
    """

    text: str
    stop: str | None
    calls: list[tuple[str, Any]]
    refusal: str | None
    request_id: str
    repairs: str
    output_tokens: int


MODES = ("auto", "none", "required")


def ask_anthropic(gateway: Gateway, ask: Ask, *, streamed: bool) -> Told:
    client: Any = anthropic.Anthropic(base_url=gateway.url, api_key=KEY, max_retries=0)
    request: dict[str, Any] = {
        "model": MODEL,
        "max_tokens": 4096,
        "messages": [{"role": "user", "content": ask.prompt}],
    } | dict(ask.more)
    if ask.tools:
        request["tools"] = [
            {"name": name, "input_schema": schema} | ({"strict": True} if ask.strict else {})
            for name, schema in ask.tools.items()
        ]
    if ask.choice:
        choice = {"required": "any"}.get(ask.choice, ask.choice)
        is_mode = ask.choice in MODES
        request["tool_choice"] = {"type": choice} if is_mode else {"type": "tool", "name": choice}
    if ask.schema is not None:
        request["output_config"] = {"format": {"type": "json_schema", "schema": ask.schema}}
    if streamed:
        with client.messages.stream(**request) as stream:
            message, headers = stream.get_final_message(), stream.response.headers
    else:
        raw = client.messages.with_raw_response.create(**request)
        message, headers = raw.parse(), raw.headers
    return Told(
        "".join(block.text for block in message.content if block.type == "text"),
        message.stop_reason,
        [(block.name, block.input) for block in message.content if block.type == "tool_use"],
        message.stop_details.explanation if message.stop_details else None,
        headers["request-id"],
        headers.get("x-kiro-repairs", ""),
        message.usage.output_tokens,
    )


def _openai(gateway: Gateway) -> Any:
    return openai.OpenAI(base_url=gateway.url + "/v1", api_key=KEY, max_retries=0)


def ask_chat(gateway: Gateway, ask: Ask, *, streamed: bool) -> Told:
    request: dict[str, Any] = {
        "model": MODEL,
        "messages": [{"role": "user", "content": ask.prompt}],
    } | dict(ask.more)
    if ask.tools:
        request["tools"] = [
            {"type": "function", "function": _function(name, schema, ask)}
            for name, schema in ask.tools.items()
        ]
    named = [{"type": "function", "function": {"name": name}} for name in ask.allowed]
    if ask.allowed:
        among = {"mode": ask.choice, "tools": named}
        request["tool_choice"] = {"type": "allowed_tools", "allowed_tools": among}
    elif ask.choice:
        tool = {"type": "function", "function": {"name": ask.choice}}
        request["tool_choice"] = ask.choice if ask.choice in MODES else tool
    if ask.schema is not None:
        schema = {"name": "answer", "schema": ask.schema, "strict": True}
        any_object = {"type": "json_object"}
        request["response_format"] = (
            {"type": "json_schema", "json_schema": schema} if ask.schema else any_object
        )
    raw = _openai(gateway).chat.completions.with_raw_response
    if not streamed:
        got = raw.create(**request)
        completion = got.parse()
        (choice,) = completion.choices
        calls = [(c.function.name, c.function.arguments) for c in choice.message.tool_calls or ()]
        text, stop, refusal = choice.message.content, choice.finish_reason, choice.message.refusal
        used = completion.usage.completion_tokens
    else:
        got = raw.create(stream=True, stream_options={"include_usage": True}, **request)
        text, stop, refusal, calls = "", None, None, list[Any]()
        for chunk in got.parse():
            for choice in chunk.choices:
                text += choice.delta.content or ""
                for call in choice.delta.tool_calls or ():
                    if call.id:
                        calls.append((call.function.name, ""))
                    name, written = calls[call.index]
                    calls[call.index] = name, written + (call.function.arguments or "")
                stop = choice.finish_reason or stop
            used = chunk.usage.completion_tokens if chunk.usage else 0
    read = [(name, json.loads(given)) for name, given in calls]
    headers = got.headers
    repairs = headers.get("x-kiro-repairs", "")
    return Told(text or "", stop, read, refusal, headers["x-request-id"], repairs, used)


def ask_responses(gateway: Gateway, ask: Ask, *, streamed: bool) -> Told:
    request: dict[str, Any] = {"model": MODEL, "input": ask.prompt} | dict(ask.more)
    if ask.tools:
        request["tools"] = [
            {"type": "function"} | _function(name, schema, ask)
            for name, schema in ask.tools.items()
        ]
    if ask.allowed:
        named = [{"type": "function", "name": name} for name in ask.allowed]
        request["tool_choice"] = {"type": "allowed_tools", "mode": ask.choice, "tools": named}
    elif ask.choice:
        tool = {"type": "function", "name": ask.choice}
        request["tool_choice"] = ask.choice if ask.choice in MODES else tool
    if ask.schema is not None:
        form = {"type": "json_schema", "name": "answer", "schema": ask.schema, "strict": True}
        request["text"] = {"format": form if ask.schema else {"type": "json_object"}}
    raw = _openai(gateway).responses.with_raw_response
    got = raw.create(stream=streamed, **request)
    if streamed:
        *_, last = got.parse()
        assert last.type == f"response.{last.response.status}"
        response = last.response
    else:
        response = got.parse()
    reason = response.incomplete_details.reason if response.incomplete_details else None
    refusals = [
        part.refusal
        for item in response.output
        if item.type == "message"
        for part in item.content
        if part.type == "refusal"
    ]
    calls = [item for item in response.output if item.type == "function_call"]
    return Told(
        response.output_text,
        reason,
        [(call.name, json.loads(call.arguments)) for call in calls],
        refusals[0] if refusals else None,
        got.headers["x-request-id"],
        got.headers.get("x-kiro-repairs", ""),
        response.usage.output_tokens,
    )


def _function(name: str, schema: Any, ask: Ask) -> dict[str, Any]:
    return {"name": name, "parameters": schema} | ({"strict": True} if ask.strict else {})


Asking = Callable[..., Told]
DIALECTS: Sequence[Asking] = (ask_anthropic, ask_chat, ask_responses)
FAILURES = (anthropic.APIError, openai.APIError)
"""What the SDKs raise, for an HTTP error and for one inside a stream alike."""
