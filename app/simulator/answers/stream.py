"""An Answer becomes event-stream frames.

The order is that seen from the service: messageMetadataEvent, what is said, meteringEvent,
contextUsageEvent and, on the JSON-RPC binding, metadataEvent with the stop reason. After an
exception or error frame nothing follows.
"""

import itertools
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.simulator.catalogue.models import AUTO, Binding, Model
from app.simulator.checks.conversation import current_user, history_of, tool_names, tool_results
from app.simulator.checks.sizes import estimate_tokens
from app.simulator.wire import frames

from .vocabulary import Answer, Error, Event, Interleaved, Part, Raised, Raw, Text, Think, Tool

_TERMINAL = (Raised, Error)
_CREDITS_PER_TOKEN = 1 / 100_000
_QUOTE_MAX = 80


@dataclass(frozen=True, slots=True)
class Chat:
    """One chat request as the answer needs it; `model` is the one that answers."""

    body: dict[str, Any]
    binding: Binding
    model: Model
    number: int

    @property
    def conversation_id(self) -> str:
        """The id the client gave, else one made from the number of the request."""
        given = self.body["conversationState"].get("conversationId")
        return given or str(uuid.UUID(int=self.number))

    @property
    def reported_model_id(self) -> str | None:
        """What `auto` picked; other requests are not told."""
        asked = current_user(self.body).get("modelId")
        return self.model.id if asked == AUTO else None


@dataclass(frozen=True, slots=True)
class Speech:
    """The frames of an answer, whole and in order, and the credits it says it cost."""

    frames: list[bytes]
    credits: float = 0.0


def speak(answer: Answer, chat: Chat) -> Speech:
    """Return what an answer that does not fail sends."""
    parts = (Text(_default_text(chat)),) if answer.say is None else answer.say
    left_out = set(answer.omit)
    out: list[bytes] = []
    if not answer.bare and "messageMetadataEvent" not in left_out:
        identity = {"conversationId": chat.conversation_id, "utteranceId": f"sim-{chat.number}"}
        out.append(frames.event("messageMetadataEvent", identity))
    ids = (f"tooluse_sim{chat.number}x{index}" for index in itertools.count(1))
    for part in parts:
        out += _frames_of_part(part, answer.model_id or chat.reported_model_id, ids)
        if isinstance(part, _TERMINAL):
            return Speech(out)
    if answer.bare:
        return Speech(out)
    trailer = dict(_trailer(answer, chat, estimate_tokens([_words(part) for part in parts])))
    out += [frames.event(kind, value) for kind, value in trailer.items() if kind not in left_out]
    return Speech(out, trailer["meteringEvent"]["usage"])


def _words(part: Part) -> Any:
    match part:
        case Text(deltas) | Think(deltas):
            return "".join(deltas)
        case Tool():
            return [part.name, part.input, part.fragments]
        case Interleaved(tools):
            return [_words(tool) for tool in tools]
    return None


def _frames_of_part(part: Part, model_id: str | None, ids: Iterator[str]) -> Iterator[bytes]:
    match part:
        case Text(deltas):
            yield from _text_frames(deltas, model_id)
        case Think():
            yield from _think_frames(part)
        case Tool():
            yield from _tool_frames(part, part.id or next(ids))
        case Interleaved(tools):
            calls = [_tool_frames(tool, tool.id or next(ids)) for tool in tools]
            rows = itertools.zip_longest(*calls)
            yield from filter(None, itertools.chain.from_iterable(rows))
        case Event(kind, payload):
            yield frames.event(kind, payload)
        case Raw(data):
            yield data
        case Raised(kind, message, reason):
            yield frames.exception(kind, message, reason)
        case Error(code, message):
            yield frames.error(code, message)


def _text_frames(deltas: tuple[str, ...], model_id: str | None) -> Iterator[bytes]:
    extra = {} if model_id is None else {"modelId": model_id}
    for delta in deltas:
        yield frames.event("assistantResponseEvent", {"content": delta, **extra})
        extra = {}


def _think_frames(think: Think) -> Iterator[bytes]:
    for delta in think.deltas:
        yield frames.event("reasoningContentEvent", {"text": delta})
    if think.signature is not None:
        yield frames.event("reasoningContentEvent", {"signature": think.signature})
    if think.redacted is not None:
        yield frames.event("reasoningContentEvent", {"redactedContent": think.redacted})


def _tool_frames(tool: Tool, tool_id: str) -> Iterator[bytes]:
    identity = {"toolUseId": tool_id, "name": tool.name}
    fragments = list(_fragments(tool))
    first = {"input": fragments.pop(0)} if tool.first_has_input and fragments else {}
    yield frames.event("toolUseEvent", {**identity, **first})
    for fragment in fragments:
        yield frames.event("toolUseEvent", {**identity, "input": fragment})
    if tool.stop:
        yield frames.event("toolUseEvent", {**identity, "stop": True})


def _fragments(tool: Tool) -> Iterator[str]:
    if tool.fragments is not None:
        yield from tool.fragments
    elif tool.input is not None:
        text = json.dumps(tool.input, ensure_ascii=False)
        yield from (text[at : at + tool.split] for at in range(0, len(text), tool.split))


def _trailer(answer: Answer, chat: Chat, tokens_said: int) -> Iterator[tuple[str, dict[str, Any]]]:
    tokens = estimate_tokens(chat.body) + tokens_said
    spent = answer.credits
    if spent is None:
        spent = round(tokens * chat.model.rate * _CREDITS_PER_TOKEN, 6)
    yield "meteringEvent", {"usage": spent, "unit": "credit", "unitPlural": "credits"}
    share = answer.context_usage
    if share is None:
        share = tokens / chat.model.window * 100
    yield "contextUsageEvent", {"contextUsagePercentage": share}
    metadata: dict[str, Any] = {} if answer.usage is None else {"tokenUsage": answer.usage}
    if answer.stop_reason is not None:
        metadata["stopReason"] = answer.stop_reason
    elif chat.binding == "json-rpc":
        metadata["stopReason"] = "TOOL_USE" if answer.tools() else "END_TURN"
    if metadata:
        yield "metadataEvent", metadata


def _default_text(chat: Chat) -> tuple[str, ...]:
    user = current_user(chat.body)
    results = tool_results(user)
    heard = f"{len(results)} tool result(s)" if results else f"“{_quote(user['content'])}”"
    text = (
        f"This is the bundled simulator, no model 🙂. I heard {heard}. "
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
