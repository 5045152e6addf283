"""Chat Completions, as its clients speak it and read it."""

import json
from typing import Any

from tests.chaos.openai import OpenAI, take_error
from tests.chaos.received import MODEL, WRITE, Call, CallState, Heard, check, sse_events

STOPS = {
    "stop": "end_turn",
    "tool_calls": "tool_use",
    "length": "max_tokens",
    "content_filter": "refusal",
}


class Chat(OpenAI):
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
        reader = _Stream(heard)
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
        heard.stop = STOPS[choice["finish_reason"]]

    def stop(self, reason: str) -> str:
        return {"stop_sequence": "end_turn", "context_window": "max_tokens"}.get(reason, reason)

    def ends(self, state: CallState, stop: str | None) -> bool:
        return stop == "tool_use"


class _Stream:
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
            take_error(chunk, self._heard, 0)
            self._over = True
            return
        check(chunk["object"] == "chat.completion.chunk", chunk)
        [choice] = chunk["choices"]
        self._take_delta(choice["delta"])
        if choice["finish_reason"]:
            check(self._heard.stop is None, "a second finish_reason")
            self._heard.stop = STOPS[choice["finish_reason"]]
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
