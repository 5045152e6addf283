"""A strict client of Chat Completions."""

import json
from collections.abc import Mapping
from typing import Any

from tests.chaos.openai import SAME_STOPS, OpenAIClient, read_error_body
from tests.chaos.received import (
    ALMOST,
    MODEL,
    STOP,
    TOKENS,
    WRITE,
    CallState,
    ReceivedAnswer,
    ReceivedCall,
    check,
    sse_events,
)

STOPS = {
    "stop": "end_turn",
    "tool_calls": "tool_use",
    "length": "max_tokens",
    "content_filter": "refusal",
}


class ChatClient(OpenAIClient):
    """A client of Chat Completions."""

    name = "openai-chat"
    path = "/v1/chat/completions"
    limits: Mapping[str, Mapping[str, Any]] = {
        "stop": {"stop": [STOP, ALMOST]},
        "tokens": {"max_tokens": TOKENS},
        "one call": {"parallel_tool_calls": False},
    }

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

    def read_stream(self, data: bytes, answer: ReceivedAnswer) -> None:
        reader = _StreamReader(answer)
        for name, payload in sse_events(data):
            check(not name, f"event {name!r}")
            reader.take(payload)

    def read_whole(self, data: bytes, answer: ReceivedAnswer) -> None:
        [choice] = json.loads(data)["choices"]
        message = choice["message"]
        answer.text = message["content"] or ""
        answer.explained = message["refusal"] or ""
        answer.thinking = message.get("reasoning_content", "")
        for call in message.get("tool_calls", []):
            function = call["function"]
            answer.calls.append(ReceivedCall(function["name"], function["arguments"], ended=True))
        answer.stop = STOPS[choice["finish_reason"]]

    def stop(self, reason: str) -> str:
        return SAME_STOPS.get(reason, reason)

    def ends(self, state: CallState, stop: str | None) -> bool:
        return stop == "tool_use"


class _StreamReader:
    """The state of a stream, as the SDKs keep it."""

    def __init__(self, answer: ReceivedAnswer) -> None:
        self._answer = answer
        self._begun = self._over = False

    def take(self, payload: str) -> None:
        if not payload:
            self._answer.pings += 1
            return
        check(not self._over, f"{payload[:80]} after the end")
        if payload == "[DONE]":
            check(self._answer.stop, "[DONE] without a finish_reason")
            self._over = True
            return
        chunk = json.loads(payload)
        if "error" in chunk:
            read_error_body(chunk, self._answer, 0)
            self._over = True
            return
        check(chunk["object"] == "chat.completion.chunk", chunk)
        [choice] = chunk["choices"]
        self._take_delta(choice["delta"])
        if choice["finish_reason"]:
            check(self._answer.stop is None, "a second finish_reason")
            self._answer.stop = STOPS[choice["finish_reason"]]
            for call in self._answer.calls:
                call.ended = self._answer.stop == "tool_use"

    def _take_delta(self, delta: dict[str, Any]) -> None:
        check(self._begun or delta.get("role") == "assistant", "no role in the first chunk")
        check(self._answer.stop is None, "a delta after the finish_reason")
        self._begun = True
        self._answer.text += delta.get("content") or ""
        self._answer.explained += delta.get("refusal") or ""
        self._answer.thinking += delta.get("reasoning_content") or ""
        for call in delta.get("tool_calls", []):
            if "id" in call:
                check(call["index"] == len(self._answer.calls), call)
                self._answer.calls.append(ReceivedCall(call["function"]["name"]))
            check(call["index"] == len(self._answer.calls) - 1, call)
            self._answer.calls[-1].written += call["function"]["arguments"]
