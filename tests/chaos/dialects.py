"""How each dialect asks, and what its clients read of an answer: one adapter object for each.

An adapter's reader is as strict as the strictest client: what that would choke on is
:class:`Malformed`. What it heard is the same :class:`Heard` for every dialect, so that a row of
faults has one expectation for all of them.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

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
    """A tool call. ``ended``: the dialect said so."""

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

    def failure(self, kind: Kind) -> Failure:
        """What a refusal of this kind is to look like."""


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

    def failure(self, kind: Kind) -> Failure:
        from app.dialects.anthropic.errors import TYPES

        return Failure(POLICY[kind].status, TYPES[kind])


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


DIALECTS: tuple[Dialect, ...] = (Anthropic(),)
