"""How each dialect asks, and what its clients read of an answer: one adapter object for each.

An adapter's reader is as strict as the strictest client: what that would choke on is
:class:`Malformed`. What it heard is the same :class:`Heard` for every dialect, so that a row of
faults has one expectation for all of them.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

from app.dialects import openai
from app.dialects.anthropic.errors import TYPES as ANTHROPIC_TYPES
from app.dialects.openai_responses.errors import CODES as RESPONSES_CODES
from app.dialects.openai_responses.errors import OTHER as RESPONSES_OTHER
from app.errors import POLICY, Kind
from tests.live.servers import KEY

MODEL = "claude-sonnet-4-5"


class Malformed(AssertionError):
    """An answer that no client of the dialect could read."""


class Failure(NamedTuple):
    """What a client can tell of an error without its words. ``status`` is 0 inside a stream."""

    status: int
    type: str
    code: str | None = None


@dataclass
class Call:
    """A tool call. ``ended``: a client takes it for one that it was told to its end."""

    name: str
    written: str = ""
    ended: bool = False


@dataclass
class Heard:
    """What a client understood. ``stop`` is in the words of core events, None where the answer does
    not end as finished; ``whole``: HTTP itself ended properly; ``waited``: seconds until its head.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    thinking: str = ""
    calls: list[Call] = field(default_factory=list)
    stop: str | None = None
    failure: Failure | None = None
    message: str = ""
    pings: int = 0
    whole: bool = True
    waited: float = 0.0


CallState: TypeAlias = Literal["whole", "cut", "open"]
"""Of a tool call: told to its stop; left without one by an upstream that ended properly; or under
way when the answer broke."""


class Dialect(Protocol):
    """What the suite needs to know of a dialect."""

    name: str
    path: str
    opening_pings: int
    """Signs of life that every stream begins with."""

    def body(self, prompt: str, *, stream: bool) -> bytes:
        """A request that offers the tool ``write`` with one string, ``text``."""

    def headers(self) -> dict[str, str]:
        """Those of a request."""

    def read_stream(self, data: bytes, heard: Heard) -> None:
        """Understand a stream as far as it came. Raises Malformed."""

    def read_whole(self, data: bytes, heard: Heard) -> None:
        """Understand a JSON answer. Raises Malformed."""

    def read_error(self, data: bytes, heard: Heard) -> None:
        """Understand a refusal. Raises Malformed."""

    def failure(self, kind: Kind, *, begun: bool = False) -> Failure:
        """What a failure of this kind is to look like: a refusal or, ``begun``, inside a stream."""

    def stop(self, reason: str) -> str:
        """What a client knows of a reason to stop: some dialects tell fewer apart."""

    def ends(self, state: CallState, stop: str | None) -> bool:
        """Whether a stream's client takes a call in this state for ended; ``stop`` is what it was
        told of the whole answer."""


def sse_events(data: bytes) -> Iterator[tuple[str, str]]:
    """(event, data) of each whole server-sent event; "" for a comment or no event line."""
    text = data.decode()
    for block in text.split("\n\n")[:-1]:
        name, payload = "", []
        for line in block.split("\n"):
            field_name, _, value = line.partition(":")
            if field_name == "event":
                name = value.strip()
            elif field_name == "data":
                payload.append(value.removeprefix(" "))
            elif field_name:
                raise Malformed(f"not a server-sent event: {line[:80]!r}")
        yield name, "\n".join(payload)


def check(condition: object, what: object) -> None:
    if not condition:
        raise Malformed(str(what))


WRITE = {
    "type": "object",
    "properties": {"text": {"type": "string"}},
    "required": ["text"],
}


ANTHROPIC_STOPS = {
    "end_turn": "end_turn",
    "tool_use": "tool_use",
    "max_tokens": "max_tokens",
    "stop_sequence": "stop_sequence",
    "model_context_window_exceeded": "context_window",
    "refusal": "refusal",
}


class Anthropic:
    """The Messages API."""

    name = "anthropic"
    path = "/v1/messages"
    opening_pings = 1

    def body(self, prompt: str, *, stream: bool) -> bytes:
        tool = {"name": "write", "description": "Write a text.", "input_schema": WRITE}
        return json.dumps(
            {
                "model": MODEL,
                "max_tokens": 4096,
                "stream": stream,
                "tools": [tool],
                "messages": [{"role": "user", "content": prompt}],
            }
        ).encode()

    def headers(self) -> dict[str, str]:
        return {"x-api-key": KEY, "content-type": "application/json"}

    def read_stream(self, data: bytes, heard: Heard) -> None:
        reader = _AnthropicStream(heard)
        for name, payload in sse_events(data):
            event = json.loads(payload)
            check(event["type"] == name, f"event {name!r} around {event['type']!r}")
            reader.take(event)

    def read_whole(self, data: bytes, heard: Heard) -> None:
        message = json.loads(data)
        check(message["type"] == "message", message)
        for block in message["content"]:
            if block["type"] == "text":
                heard.text += block["text"]
            elif block["type"] == "thinking":
                heard.thinking += block["thinking"]
            else:
                check(block["type"] == "tool_use", block)
                heard.calls.append(Call(block["name"], json.dumps(block["input"]), ended=True))
        heard.stop = ANTHROPIC_STOPS[message["stop_reason"]]

    def read_error(self, data: bytes, heard: Heard) -> None:
        _take_anthropic_error(json.loads(data), heard, heard.status)

    def failure(self, kind: Kind, *, begun: bool = False) -> Failure:
        return Failure(0 if begun else POLICY[kind].status, ANTHROPIC_TYPES[kind])

    def stop(self, reason: str) -> str:
        return reason

    def ends(self, state: CallState, stop: str | None) -> bool:
        return state != "open"


def _take_anthropic_error(error: dict[str, Any], heard: Heard, status: int) -> None:
    check(error["type"] == "error" and error["request_id"], error)
    heard.failure = Failure(status, error["error"]["type"])
    heard.message = error["error"]["message"]


class _AnthropicStream:
    """The state that the SDKs keep of a stream."""

    def __init__(self, heard: Heard) -> None:
        self._heard = heard
        self._state = "fresh"
        self._index = -1
        self._block: dict[str, Any] | None = None

    def take(self, event: dict[str, Any]) -> None:
        check(self._state != "over", f"{event['type']} after the end")
        getattr(self, "_" + event["type"])(event)

    def _message_start(self, event: dict[str, Any]) -> None:
        check(self._state == "fresh", "a second message_start")
        check(event["message"]["content"] == [], event)
        self._state = "open"

    def _ping(self, _: dict[str, Any]) -> None:
        self._heard.pings += 1

    def _content_block_start(self, event: dict[str, Any]) -> None:
        check(self._state == "open" and self._block is None, "a block inside another")
        check(event["index"] == self._index + 1, event)
        self._index += 1
        self._block = event["content_block"]
        if self._block["type"] == "tool_use":
            check(self._block["input"] == {}, event)
            self._heard.calls.append(Call(self._block["name"]))

    def _content_block_delta(self, event: dict[str, Any]) -> None:
        check(self._block is not None and event["index"] == self._index, event)
        delta = event["delta"]
        if delta["type"] == "text_delta":
            self._heard.text += delta["text"]
        elif delta["type"] == "thinking_delta":
            self._heard.thinking += delta["thinking"]
        elif delta["type"] == "input_json_delta":
            self._heard.calls[-1].written += delta["partial_json"]
        else:
            check(delta["type"] == "signature_delta", event)

    def _content_block_stop(self, event: dict[str, Any]) -> None:
        check(self._block is not None and event["index"] == self._index, event)
        if self._block and self._block["type"] == "tool_use":
            self._heard.calls[-1].ended = True
        self._block = None

    def _message_delta(self, event: dict[str, Any]) -> None:
        check(self._state == "open" and self._block is None, "message_delta inside a block")
        self._heard.stop = ANTHROPIC_STOPS[event["delta"]["stop_reason"]]
        self._state = "stopped"

    def _message_stop(self, _: dict[str, Any]) -> None:
        check(self._state == "stopped", "message_stop without message_delta")
        self._state = "over"

    def _error(self, event: dict[str, Any]) -> None:
        _take_anthropic_error(event, self._heard, 0)
        self._state = "over"


class _OpenAI:
    """What both OpenAI dialects share."""

    opening_pings = 0

    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {KEY}", "content-type": "application/json"}

    def read_error(self, data: bytes, heard: Heard) -> None:
        _take_openai_error(json.loads(data), heard, heard.status)

    def failure(self, kind: Kind, *, begun: bool = False) -> Failure:
        status = POLICY[kind].status
        type, code = openai.ERRORS[kind]
        return Failure(0 if begun else openai.STATUSES.get(status, status), type, code)


def _take_openai_error(data: dict[str, Any], heard: Heard, status: int) -> None:
    error = data["error"]
    check(error.keys() == {"message", "type", "param", "code"}, data)
    heard.failure = Failure(status, error["type"], error["code"])
    heard.message = error["message"]


CHAT_STOPS = {
    "stop": "end_turn",
    "tool_calls": "tool_use",
    "length": "max_tokens",
    "content_filter": "refusal",
}


class Chat(_OpenAI):
    """Chat Completions."""

    name = "openai-chat"
    path = "/v1/chat/completions"

    def body(self, prompt: str, *, stream: bool) -> bytes:
        function = {"name": "write", "description": "Write a text.", "parameters": WRITE}
        return json.dumps(
            {
                "model": MODEL,
                "stream": stream,
                "tools": [{"type": "function", "function": function}],
                "messages": [{"role": "user", "content": prompt}],
            }
        ).encode()

    def read_stream(self, data: bytes, heard: Heard) -> None:
        reader = _ChatStream(heard)
        for name, payload in sse_events(data):
            check(not name, f"event {name!r}")
            reader.take(payload)

    def read_whole(self, data: bytes, heard: Heard) -> None:
        [choice] = json.loads(data)["choices"]
        message = choice["message"]
        heard.text = message["content"] or ""
        heard.thinking = message.get("reasoning_content", "")
        for call in message.get("tool_calls", []):
            function = call["function"]
            heard.calls.append(Call(function["name"], function["arguments"], ended=True))
        heard.stop = CHAT_STOPS[choice["finish_reason"]]

    def stop(self, reason: str) -> str:
        return {"stop_sequence": "end_turn", "context_window": "max_tokens"}.get(reason, reason)

    def ends(self, state: CallState, stop: str | None) -> bool:
        return stop == "tool_use"


class _ChatStream:
    """The state that the SDKs keep of a stream."""

    def __init__(self, heard: Heard) -> None:
        self._heard = heard
        self._begun = self._over = False

    def take(self, payload: str) -> None:
        if not payload:
            self._heard.pings += 1
            return
        check(not self._over, f"{payload[:80]} after the end")
        if payload == "[DONE]":
            check(self._heard.stop, "[DONE] without a finish_reason")
            self._over = True
            return
        chunk = json.loads(payload)
        if "error" in chunk:
            _take_openai_error(chunk, self._heard, 0)
            self._over = True
            return
        check(chunk["object"] == "chat.completion.chunk", chunk)
        [choice] = chunk["choices"]
        self._take_delta(choice["delta"])
        if choice["finish_reason"]:
            check(self._heard.stop is None, "a second finish_reason")
            self._heard.stop = CHAT_STOPS[choice["finish_reason"]]
            for call in self._heard.calls:
                call.ended = self._heard.stop == "tool_use"

    def _take_delta(self, delta: dict[str, Any]) -> None:
        check(self._begun or delta.get("role") == "assistant", "no role in the first chunk")
        check(self._heard.stop is None, "more behind the finish_reason")
        self._begun = True
        self._heard.text += delta.get("content") or ""
        self._heard.thinking += delta.get("reasoning_content") or ""
        for call in delta.get("tool_calls", []):
            if "id" in call:
                check(call["index"] == len(self._heard.calls), call)
                self._heard.calls.append(Call(call["function"]["name"]))
            check(call["index"] == len(self._heard.calls) - 1, call)
            self._heard.calls[-1].written += call["function"]["arguments"]


class Responses(_OpenAI):
    """The Responses API."""

    name = "openai-responses"
    path = "/v1/responses"

    def body(self, prompt: str, *, stream: bool) -> bytes:
        tool = {"type": "function", "name": "write", "parameters": WRITE, "strict": False}
        request = {"model": MODEL, "stream": stream, "tools": [tool], "input": prompt}
        return json.dumps(request | {"reasoning": {"summary": "auto"}}).encode()

    def read_stream(self, data: bytes, heard: Heard) -> None:
        reader = _ResponsesStream(heard)
        for name, payload in sse_events(data):
            if not payload:
                heard.pings += 1
                continue
            event = json.loads(payload)
            check(event["type"] == name, f"event {name!r} around {event['type']!r}")
            reader.take(event)

    def read_whole(self, data: bytes, heard: Heard) -> None:
        response = json.loads(data)
        for item in response["output"]:
            check(item["status" if item["type"] != "reasoning" else "type"], item)
            if item["type"] == "message":
                heard.text += "".join(part["text"] for part in item["content"])
            elif item["type"] == "reasoning":
                heard.thinking += "".join(part["text"] for part in item["summary"])
            else:
                heard.calls.append(Call(item["name"], item["arguments"], ended=True))
        heard.stop = _responses_stop(response)

    def failure(self, kind: Kind, *, begun: bool = False) -> Failure:
        told = super().failure(kind, begun=begun)
        if begun and told.code not in RESPONSES_CODES:
            return told._replace(code=RESPONSES_OTHER)
        return told

    def stop(self, reason: str) -> str:
        return {"stop_sequence": "end_turn", "context_window": "max_tokens"}.get(reason, reason)

    def ends(self, state: CallState, stop: str | None) -> bool:
        return state == "whole"


def _responses_stop(response: dict[str, Any]) -> str:
    if response["status"] == "incomplete":
        reasons = {"max_output_tokens": "max_tokens", "content_filter": "refusal"}
        return reasons[response["incomplete_details"]["reason"]]
    check(response["status"] == "completed", response)
    calls = any(item["type"] == "function_call" for item in response["output"])
    return "tool_use" if calls else "end_turn"


class _ResponsesStream:
    """What a client keeps that builds its items from the events."""

    def __init__(self, heard: Heard) -> None:
        self._heard = heard
        self._number = 0
        self._begun = self._over = False
        self._item: dict[str, Any] | None = None
        self._done: list[dict[str, Any]] = []

    def take(self, event: dict[str, Any]) -> None:
        name = event["type"]
        check(not self._over, f"{name} after the end")
        check(event["sequence_number"] == self._number, event)
        check(self._begun or name == "response.created", f"{name} before response.created")
        self._number += 1
        self._begun = True
        if name.endswith(".delta"):
            self._delta(event)
        elif name == "response.output_item.added":
            self._added(event["item"])
        elif name == "response.output_item.done":
            self._item_done(event["item"])
        elif name in ("response.completed", "response.incomplete"):
            self._finished(event["response"])
        elif name == "response.failed":
            check(event["response"]["output"] == self._done, "another output than was told")
            _take_openai_error(event["response"], self._heard, 0)
            self._over = True

    def _added(self, item: dict[str, Any]) -> None:
        self._item = item
        if item["type"] == "function_call":
            self._heard.calls.append(Call(item["name"]))

    def _delta(self, event: dict[str, Any]) -> None:
        check(self._item and event["item_id"] == self._item["id"], event)
        match event["type"]:
            case "response.output_text.delta":
                self._heard.text += event["delta"]
            case "response.reasoning_summary_text.delta":
                self._heard.thinking += event["delta"]
            case "response.function_call_arguments.delta":
                self._heard.calls[-1].written += event["delta"]
            case name:
                check(False, name)

    def _item_done(self, item: dict[str, Any]) -> None:
        check(self._item and item["id"] == self._item["id"], item)
        if item["type"] == "function_call":
            check(item["arguments"] == self._heard.calls[-1].written, item)
            self._heard.calls[-1].ended = True
        self._done.append(item)
        self._item = None

    def _finished(self, response: dict[str, Any]) -> None:
        check(response["output"] == self._done, "another output than was told")
        told = Heard()
        for item in self._done:
            if item["type"] == "message":
                told.text += "".join(part["text"] for part in item["content"])
        check(told.text == self._heard.text, "another text in the items than in the deltas")
        self._heard.stop = _responses_stop(response)
        self._over = True


DIALECTS: tuple[Dialect, ...] = (Anthropic(), Chat(), Responses())
