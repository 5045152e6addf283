"""A strict client of the Responses API."""

import json
from collections.abc import Mapping
from typing import Any

from app.common.errors import POLICY, Kind
from app.dialects.openai_responses.errors import CODES, OTHER, RETRIED
from tests.chaos.openai import SAME_STOPS, OpenAIClient, read_error_body
from tests.chaos.received import (
    MODEL,
    TOKENS,
    WRITE,
    CallState,
    ReceivedAnswer,
    ReceivedCall,
    ReceivedFailure,
    check,
    sse_events,
)


class ResponsesClient(OpenAIClient):
    """A client of the Responses API."""

    name = "openai-responses"
    path = "/v1/responses"
    limits: Mapping[str, Mapping[str, Any]] = {
        "tokens": {"max_output_tokens": TOKENS},
        "one call": {"parallel_tool_calls": False},
    }

    def body(self, prompt: str, *, stream: bool) -> bytes:
        tool = {"type": "function", "name": "write", "parameters": WRITE, "strict": False}
        request = {"model": MODEL, "stream": stream, "tools": [tool], "input": prompt}
        return json.dumps(request | {"reasoning": {"summary": "auto"}}).encode()

    def read_stream(self, data: bytes, answer: ReceivedAnswer) -> None:
        reader = _StreamReader(answer)
        for name, payload in sse_events(data):
            if not payload:
                answer.pings += 1
                continue
            event = json.loads(payload)
            check(event["type"] == name, f"event {name!r} around {event['type']!r}")
            reader.take(event)

    def read_whole(self, data: bytes, answer: ReceivedAnswer) -> None:
        response = json.loads(data)
        for item in response["output"]:
            check(item["status" if item["type"] != "reasoning" else "type"], item)
            if item["type"] == "message":
                answer.text += _said(item, "text")
                answer.explained += _said(item, "refusal")
            elif item["type"] == "reasoning":
                answer.thinking += "".join(part["text"] for part in item["summary"])
            else:
                answer.calls.append(ReceivedCall(item["name"], item["arguments"], ended=True))
        answer.stop = _stop(response)

    def failure(self, kind: Kind, *, begun: bool = False) -> ReceivedFailure:
        failure = super().failure(kind, begun=begun)
        stays = failure.code == RETRIED and POLICY[kind].client_retry is False
        if begun and (stays or failure.code not in CODES):
            return failure._replace(code=OTHER)
        return failure

    def stop(self, reason: str) -> str:
        return SAME_STOPS.get(reason, reason)

    def ends(self, state: CallState, stop: str | None) -> bool:
        return state == "whole"


def _said(message: dict[str, Any], member: str) -> str:
    return "".join(part.get(member, "") for part in message["content"])


def _stop(response: dict[str, Any]) -> str:
    if response["status"] == "incomplete":
        reasons = {"max_output_tokens": "max_tokens", "content_filter": "refusal"}
        return reasons[response["incomplete_details"]["reason"]]
    check(response["status"] == "completed", response)
    calls = any(item["type"] == "function_call" for item in response["output"])
    return "tool_use" if calls else "end_turn"


class _StreamReader:
    """The state of a client that builds the output items from the events."""

    def __init__(self, answer: ReceivedAnswer) -> None:
        self._answer = answer
        self._number = 0
        self._begun = self._over = False
        self._item: dict[str, Any] | None = None
        self._done: list[dict[str, Any]] = []
        self._told: dict[str, Any] | None = None

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
        elif name == "error":
            self._told = event["error"]
        elif name == "response.failed":
            check(event["response"]["error"] == self._told, "failed without its error event")
            check(event["response"]["output"] == self._done, "the output differs from the items")
            read_error_body(event["response"], self._answer, 0)
            self._over = True

    def _added(self, item: dict[str, Any]) -> None:
        self._item = item
        if item["type"] == "function_call":
            self._answer.calls.append(ReceivedCall(item["name"]))

    def _delta(self, event: dict[str, Any]) -> None:
        check(self._item and event["item_id"] == self._item["id"], event)
        match event["type"]:
            case "response.output_text.delta":
                self._answer.text += event["delta"]
            case "response.refusal.delta":
                self._answer.explained += event["delta"]
            case "response.reasoning_summary_text.delta":
                self._answer.thinking += event["delta"]
            case "response.function_call_arguments.delta":
                self._answer.calls[-1].written += event["delta"]
            case name:
                check(False, name)

    def _item_done(self, item: dict[str, Any]) -> None:
        check(self._item and item["id"] == self._item["id"], item)
        if item["type"] == "function_call":
            check(item["arguments"] == self._answer.calls[-1].written, item)
            self._answer.calls[-1].ended = True
        self._done.append(item)
        self._item = None

    def _finished(self, response: dict[str, Any]) -> None:
        check(response["output"] == self._done, "the output differs from the items")
        items = ReceivedAnswer()
        for item in self._done:
            if item["type"] == "message":
                items.text += _said(item, "text")
                items.explained += _said(item, "refusal")
        check(items.text == self._answer.text, "the text of the items differs from the deltas")
        check(items.explained == self._answer.explained, "the refusal differs from its deltas")
        self._answer.stop = _stop(response)
        self._over = True
