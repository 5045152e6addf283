"""The event-stream frames of a scripted answer.

Their order is that of the real service. REST binding: messageMetadataEvent, the content,
meteringEvent, contextUsageEvent. JSON-RPC binding: initial-response, the content, metadataEvent
with the stop reason, contextUsageEvent, meteringEvent. Nothing follows an exception or error frame.
Sources: published captures of kiro-cli and Kiro IDE, and measurements of the order of some hundred
answers.
"""

import itertools
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from app.simulator.catalogue.model import SimulatedModel
from app.simulator.catalogue.models import AUTO
from app.simulator.catalogue.signatures import sign
from app.simulator.checks.body import current_user, history_of, tool_names, tool_results
from app.simulator.checks.sizes import estimate_tokens
from app.simulator.wire import frames
from app.simulator.wire.bindings import Binding

from .obedience import wanted_call
from .vocabulary import (
    ErrorPart,
    EventPart,
    ExceptionPart,
    InterleavedCallsPart,
    Part,
    RawPart,
    ScriptedAnswer,
    TextPart,
    ThinkingPart,
    ToolCallPart,
)

_TERMINAL = (ExceptionPart, ErrorPart)
_MEMBERS = {
    "InternalServerException": "error",
    "ThrottlingException": "throttlingError",
    "ValidationException": "validationError",
    "ServiceUnavailableException": "serviceUnavailableError",
}
"""The exceptions of the stream's union by type: the names that the JSON-RPC binding sends."""
_CREDITS_PER_TOKEN = 1 / 100_000
_QUOTE_MAX = 80


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """The properties of a chat request that an answer needs. `model` is the one that answers."""

    body: dict[str, Any]
    binding: Binding
    model: SimulatedModel
    number: int

    @property
    def conversation_id(self) -> str:
        """The id that the client gave, else one made from the number of the request."""
        given = self.body["conversationState"].get("conversationId")
        return given or str(uuid.UUID(int=self.number))

    @property
    def reported_model_id(self) -> str | None:
        """The model that `auto` picked; None for requests that name a model."""
        asked = current_user(self.body).get("modelId")
        return self.model.id if asked == AUTO else None


@dataclass(frozen=True, slots=True)
class AnswerStream:
    """The complete frames of an answer in order, and the credits that its metering reports."""

    frames: list[bytes]
    credits: float = 0.0


def answer_stream(answer: ScriptedAnswer, chat: ChatRequest) -> AnswerStream:
    """Return the frames of an answer that does not fail."""
    if answer.say is None and answer.refusal is None and (call := wanted_call(chat.body)):
        answer = replace(answer, say=(call,))
    parts = _parts(answer, chat)
    left_out = set(answer.omit)
    kind, identity = _first_event(chat)
    out = [] if answer.bare or kind in left_out else [frames.event(kind, identity)]
    identity_of_answer = _answerer(answer, chat)
    ids = (f"tooluse_sim{chat.number}x{index}" for index in itertools.count(1))
    for part in parts:
        out += _frames_of_part(_signed(part, chat), identity_of_answer, ids, chat.binding)
        if isinstance(part, _TERMINAL):
            return AnswerStream(out)
    if answer.bare:
        return AnswerStream(out)
    tokens = estimate_tokens(chat.body) + estimate_tokens([_content(part) for part in parts])
    spent = _credits(answer, chat, tokens)
    tail = _tail(answer, chat, spent, tokens)
    out += [frames.event(kind, value) for kind, value in tail if kind not in left_out]
    return AnswerStream(out, sum(spent))


def _parts(answer: ScriptedAnswer, chat: ChatRequest) -> tuple[Part, ...]:
    if answer.say is None:
        return (TextPart(_default_text(chat)),) if answer.refusal is None else ()
    return answer.say


def _first_event(chat: ChatRequest) -> tuple[str, dict[str, Any]]:
    identity = {"conversationId": chat.conversation_id}
    if chat.binding == "json-rpc":
        return "initial-response", identity
    return "messageMetadataEvent", identity | {"utteranceId": f"sim-{chat.number}"}


def _answerer(answer: ScriptedAnswer, chat: ChatRequest) -> dict[str, str]:
    """Return the members of the first text event that tell which model answers."""
    members = {"modelId": answer.model_id or chat.reported_model_id, "modelTag": answer.model_tag}
    return {name: value for name, value in members.items() if value is not None}


def _signed(part: Part, chat: ChatRequest) -> Part:
    if isinstance(part, ThinkingPart) and isinstance(part.signature, bool):
        signature = sign(chat.model, chat.number) if part.signature else None
        return replace(part, signature=signature)
    return part


def _content(part: Part) -> Any:
    match part:
        case TextPart(deltas) | ThinkingPart(deltas):
            return "".join(deltas)
        case ToolCallPart():
            return [part.name, part.input, part.fragments]
        case InterleavedCallsPart(calls):
            return [_content(call) for call in calls]
    return None


def _frames_of_part(
    part: Part, answerer: dict[str, str], ids: Iterator[str], binding: Binding
) -> Iterator[bytes]:
    match part:
        case TextPart(deltas):
            yield from _text_frames(deltas, answerer)
        case ThinkingPart():
            yield from _thinking_frames(part)
        case ToolCallPart():
            yield from _tool_frames(part, part.id or next(ids))
        case InterleavedCallsPart(calls):
            columns = [_tool_frames(call, call.id or next(ids)) for call in calls]
            rows = itertools.zip_longest(*columns)
            yield from filter(None, itertools.chain.from_iterable(rows))
        case EventPart(kind, payload):
            yield frames.event(kind, payload)
        case RawPart(data):
            yield data
        case ExceptionPart(kind, message, reason, wait, exact):
            member = binding == "json-rpc" and not exact
            name = _MEMBERS.get(kind, kind) if member else kind
            yield frames.exception(name, message, reason, wait)
        case ErrorPart(code, message):
            yield frames.error(code, message)


def _text_frames(deltas: tuple[str, ...], answerer: dict[str, str]) -> Iterator[bytes]:
    for delta in deltas:
        yield frames.event("assistantResponseEvent", {"content": delta, **answerer})
        answerer = {}


def _thinking_frames(part: ThinkingPart) -> Iterator[bytes]:
    for delta in part.deltas:
        yield frames.event("reasoningContentEvent", {"text": delta})
    if part.signature is not None:
        yield frames.event("reasoningContentEvent", {"signature": part.signature})
    if part.redacted is not None:
        yield frames.event("reasoningContentEvent", {"redactedContent": part.redacted})


def _tool_frames(call: ToolCallPart, call_id: str) -> Iterator[bytes]:
    identity = {"toolUseId": call_id, "name": call.name}
    fragments = list(_fragments(call))
    first = {"input": fragments.pop(0)} if call.first_has_input and fragments else {}
    yield frames.event("toolUseEvent", {**identity, **first})
    for fragment in fragments:
        yield frames.event("toolUseEvent", {**identity, "input": fragment})
    if call.stop:
        yield frames.event("toolUseEvent", {**identity, "stop": True})


def _fragments(call: ToolCallPart) -> Iterator[str]:
    if call.fragments is not None:
        yield from call.fragments
    elif call.input is not None:
        text = json.dumps(call.input, ensure_ascii=False)
        yield from (text[at : at + call.split] for at in range(0, len(text), call.split))


def _credits(answer: ScriptedAnswer, chat: ChatRequest, tokens: int) -> tuple[float, ...]:
    if answer.credits is not None:
        return answer.credits
    if answer.refusal is not None:
        return (0.0,)
    return (round(tokens * chat.model.rate * _CREDITS_PER_TOKEN, 6),)


def _tail(
    answer: ScriptedAnswer, chat: ChatRequest, spent: tuple[float, ...], tokens: int
) -> list[tuple[str, dict[str, Any]]]:
    """Return the events after the content, in the order of the binding."""
    share = answer.context_usage
    if share is None:
        share = tokens / chat.model.window * 100
    usage = ("contextUsageEvent", {"contextUsagePercentage": share})
    metering: list[tuple[str, dict[str, Any]]] = [
        ("meteringEvent", {"usage": credits, "unit": "credit", "unitPlural": "credits"})
        for credits in spent
    ]
    members = _metadata(answer, chat)
    metadata = [("metadataEvent", members)] if members else []
    if chat.binding == "json-rpc":
        return [*metadata, usage, *metering]
    return [*metering, usage, *metadata]


def _metadata(answer: ScriptedAnswer, chat: ChatRequest) -> dict[str, Any]:
    members: dict[str, Any] = {} if answer.usage is None else {"tokenUsage": answer.usage}
    if answer.stop_reason is not None:
        members["stopReason"] = answer.stop_reason
    elif answer.refusal is not None:
        members["stopReason"] = "CONTENT_FILTERED"
    elif chat.binding == "json-rpc":
        members["stopReason"] = "TOOL_USE" if answer.tool_calls() else "END_TURN"
    if answer.refusal is not None:
        members["stopDetails"] = {"refusal": answer.refusal}
    return members


def _default_text(chat: ChatRequest) -> tuple[str, ...]:
    user = current_user(chat.body)
    results = tool_results(user)
    prompt = f"{len(results)} tool result(s)" if results else f"“{_quote(user['content'])}”"
    text = (
        f"This is the bundled simulator, not a model 🙂. I read {prompt}. "
        f"The request names {chat.model.id}, carries {len(history_of(chat.body))} earlier "
        f"message(s) and {len(tool_names(user))} tool(s). 你好, naïve café — done. ✅"
    )
    words = text.split(" ")
    return tuple(
        " ".join(words[at : at + 3]) + (" " if at + 3 < len(words) else "")
        for at in range(0, len(words), 3)
    )


def _quote(content: str) -> str:
    lines = [line.strip() for line in content.splitlines() if line.strip()]
    last = (lines or [""])[-1].encode("utf-8", "replace").decode()
    return last if len(last) <= _QUOTE_MAX else last[:_QUOTE_MAX] + "…"
