"""A strict client of the Messages API."""

import json
from collections.abc import Mapping
from typing import Any

from app.common.errors import POLICY, Kind
from app.dialects.anthropic.errors import TYPES
from tests.chaos.received import (
    ALMOST,
    MODEL,
    STOP,
    TOKENS,
    WRITE,
    CallState,
    ReceivedAnswer,
    ReceivedCall,
    ReceivedFailure,
    check,
    sse_events,
)
from tests.live.servers import KEY

STOPS = {
    "end_turn": "end_turn",
    "tool_use": "tool_use",
    "max_tokens": "max_tokens",
    "stop_sequence": "stop_sequence",
    "model_context_window_exceeded": "context_window",
    "pause_turn": "pause_turn",
    "refusal": "refusal",
}


class AnthropicClient:
    """A client of the Messages API."""

    name = "anthropic"
    path = "/v1/messages"
    opening_pings = 1
    limits: Mapping[str, Mapping[str, Any]] = {
        "stop": {"stop_sequences": [STOP, ALMOST]},
        "tokens": {"max_tokens": TOKENS},
        "one call": {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
    }

    def body(self, prompt: str, *, stream: bool) -> bytes:
        tool = {"name": "write", "description": "Write a text.", "input_schema": WRITE}
        return json.dumps(
            {
                "model": MODEL,
                "max_tokens": 20_000_000,
                "stream": stream,
                "tools": [tool],
                "messages": [{"role": "user", "content": prompt}],
            }
        ).encode()

    def headers(self) -> dict[str, str]:
        return {"x-api-key": KEY, "content-type": "application/json"}

    def read_stream(self, data: bytes, answer: ReceivedAnswer) -> None:
        reader = _StreamReader(answer)
        for name, payload in sse_events(data):
            event = json.loads(payload)
            check(event["type"] == name, f"event {name!r} around {event['type']!r}")
            reader.take(event)

    def read_whole(self, data: bytes, answer: ReceivedAnswer) -> None:
        message = json.loads(data)
        check(message["type"] == "message", message)
        for block in message["content"]:
            if block["type"] == "text":
                answer.text += block["text"]
            elif block["type"] == "thinking":
                answer.thinking += block["thinking"]
            else:
                check(block["type"] == "tool_use", block)
                answer.calls.append(
                    ReceivedCall(block["name"], json.dumps(block["input"]), ended=True)
                )
        _take_stop(message, answer)

    def read_error(self, data: bytes, answer: ReceivedAnswer) -> None:
        _take_error(json.loads(data), answer, answer.status)

    def failure(self, kind: Kind, *, begun: bool = False) -> ReceivedFailure:
        return ReceivedFailure(0 if begun else POLICY[kind].status, TYPES[kind])

    def stop(self, reason: str) -> str:
        return reason

    def ends(self, state: CallState, stop: str | None) -> bool:
        return state != "open"


def _take_stop(stopped: dict[str, Any], answer: ReceivedAnswer) -> None:
    answer.stop = STOPS[stopped["stop_reason"]]
    check((stopped["stop_details"] is not None) == (answer.stop == "refusal"), stopped)
    answer.explained = (stopped["stop_details"] or {}).get("explanation") or ""


def _take_error(error: dict[str, Any], answer: ReceivedAnswer, status: int) -> None:
    check(error["type"] == "error" and error["request_id"], error)
    answer.failure = ReceivedFailure(status, error["error"]["type"])
    answer.message = error["error"]["message"]


class _StreamReader:
    """The state of a stream, as the SDKs keep it."""

    def __init__(self, answer: ReceivedAnswer) -> None:
        self._answer = answer
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
        self._answer.pings += 1

    def _content_block_start(self, event: dict[str, Any]) -> None:
        check(self._state == "open" and self._block is None, "a block inside another block")
        check(event["index"] == self._index + 1, event)
        self._index += 1
        self._block = event["content_block"]
        if self._block["type"] == "tool_use":
            check(self._block["input"] == {}, event)
            self._answer.calls.append(ReceivedCall(self._block["name"]))

    def _content_block_delta(self, event: dict[str, Any]) -> None:
        check(self._block is not None and event["index"] == self._index, event)
        delta = event["delta"]
        if delta["type"] == "text_delta":
            self._answer.text += delta["text"]
        elif delta["type"] == "thinking_delta":
            self._answer.thinking += delta["thinking"]
        elif delta["type"] == "input_json_delta":
            self._answer.calls[-1].written += delta["partial_json"]
        else:
            check(delta["type"] == "signature_delta", event)

    def _content_block_stop(self, event: dict[str, Any]) -> None:
        check(self._block is not None and event["index"] == self._index, event)
        if self._block and self._block["type"] == "tool_use":
            self._answer.calls[-1].ended = True
        self._block = None

    def _message_delta(self, event: dict[str, Any]) -> None:
        check(self._state == "open" and self._block is None, "message_delta inside a block")
        _take_stop(event["delta"], self._answer)
        self._state = "stopped"

    def _message_stop(self, _: dict[str, Any]) -> None:
        check(self._state == "stopped", "message_stop without message_delta")
        self._state = "over"

    def _error(self, event: dict[str, Any]) -> None:
        _take_error(event, self._answer, 0)
        self._state = "over"
