"""The answer as one response, its items, and the parts of it that a stream needs too.

Every member a client's types name is always there: some clients fail without one they never read.
Members that repeat the request tell what is in effect, which is not always what was asked for.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TypeAlias

from msgspec import Raw, Struct

from app.core.conversation import Part, RedactedThinking, Text, Thinking, ToolCall
from app.core.events import StopReason
from app.core.fold import Reply
from app.core.tokens import TokenCounts
from app.core.usage import Meter
from app.dialects.wire import encode

from . import custom_input, reasoning_content
from .tools import Callee

Status: TypeAlias = Literal["in_progress", "completed", "incomplete", "failed"]

OUTCOMES: dict[StopReason, tuple[Status, str | None]] = {
    "end_turn": ("completed", None),
    "tool_use": ("completed", None),
    "stop_sequence": ("completed", None),
    "max_tokens": ("incomplete", "max_output_tokens"),
    "context_window": ("incomplete", "max_output_tokens"),
    "refusal": ("incomplete", "content_filter"),
}
"""The status of a response, and why it is incomplete."""

PREFIXES = {
    "message": "msg",
    "reasoning": "rs",
    "function_call": "fc",
    "custom_tool_call": "ctc",
}
"""Of the ids of items."""


class Form(Struct, frozen=True):
    """What an answer takes from its request. ``model`` is the name the client used, ``told`` are
    the members that repeat the request, ``callees`` the client's tools by their names in the
    conversation. ``sealed``: reasoning items carry their content for the next turn; ``summary``:
    they show their text.
    """

    model: str
    told: dict[str, Raw]
    callees: Mapping[str, Callee]
    sealed: bool = False
    summary: bool = False

    def __repr__(self) -> str:
        return f"<Form of an answer of {self.model}>"

    def callee(self, name: str) -> Callee:
        """The client's tool of that name; one it never named is a function."""
        return self.callees.get(name) or Callee(name)


class Answer(Struct, frozen=True):
    """What everything that is told of one answer shares. ``number`` makes its ids; ``clock`` gives
    seconds since the epoch.
    """

    number: str
    form: Form
    created: int
    clock: Callable[[], float]

    @property
    def id(self) -> str:
        """The id of the response."""
        return f"resp_{self.number}"

    def item_id(self, kind: str, index: int) -> str:
        """The id of the item at ``index`` of the output."""
        return f"{PREFIXES[kind]}_{self.number}_{index}"


def whole(answer: Answer, reply: Reply, meter: Meter) -> bytes:
    """The body of a whole answer."""
    output = [encode(_item(answer, index, part)) for index, part in enumerate(reply.parts)]
    return encode(finished(answer, reply.reason, output, meter))


def finished(
    answer: Answer, reason: StopReason, output: Iterable[bytes], meter: Meter
) -> dict[str, Any]:
    """The response at the end of its answer; ``output`` are encoded items."""
    status, why = OUTCOMES[reason]
    return {
        **shell(answer, status, output),
        "completed_at": int(answer.clock()) if status == "completed" else None,
        "incomplete_details": {"reason": why} if why else None,
        "usage": usage(meter.counts()),
    }


def shell(answer: Answer, status: Status, output: Iterable[bytes] = ()) -> dict[str, Any]:
    """The response as it stands before its end."""
    return {
        "id": answer.id,
        "object": "response",
        "created_at": answer.created,
        "completed_at": None,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": None,
        "model": answer.form.model,
        "output": [Raw(item) for item in output],
        "usage": None,
        "conversation": None,
        "previous_response_id": None,
        "prompt": None,
        "max_tool_calls": None,
        "top_logprobs": None,
        "safety_identifier": None,
        "service_tier": None,
        "user": None,
        **answer.form.told,
    }


def usage(counts: TokenCounts) -> dict[str, Any]:
    """OpenAI counts cached tokens among those of the input, and details as parts of the whole.

    Of reasoning the upstream tells no count apart from the output's; 0 there is as the API has it
    for a model that tells none.
    """
    tokens = counts.input_tokens + counts.cache_read_tokens + counts.cache_write_tokens
    return {
        "input_tokens": tokens,
        "input_tokens_details": {
            "cached_tokens": counts.cache_read_tokens,
            "cache_write_tokens": counts.cache_write_tokens,
        },
        "output_tokens": counts.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": tokens + counts.output_tokens,
    }


def message_item(item_id: str, content: list[dict[str, Any]], status: Status) -> dict[str, Any]:
    """What the assistant said; ``content`` are text parts."""
    return {
        "id": item_id,
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": content,
    }


def text_part(text: str) -> dict[str, Any]:
    """The one part that a message has."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def reasoning_item(
    form: Form, item_id: str, part: reasoning_content.Reasoning | None
) -> dict[str, Any]:
    """``part`` is None while it is still being made."""
    text = part.text if isinstance(part, Thinking) and form.summary else ""
    return {
        "id": item_id,
        "type": "reasoning",
        "summary": [summary_part(text)] if text else [],
        "encrypted_content": reasoning_content.seal(part) if part and form.sealed else None,
    }


def summary_part(text: str) -> dict[str, str]:
    """The one part that a reasoning item has, if it shows its text."""
    return {"type": "summary_text", "text": text}


def call_item(
    item_id: str, call_id: str, callee: Callee, given: str, status: Status
) -> dict[str, Any]:
    """``given`` is the JSON of a function's arguments, or a custom tool's text."""
    return {
        "id": item_id,
        "type": call_kind(callee),
        "status": status,
        "call_id": call_id,
        "name": callee.name,
        **({"namespace": callee.namespace} if callee.namespace else {}),
        "input" if callee.custom else "arguments": given,
    }


def call_kind(callee: Callee) -> str:
    """The type of the item that calls this tool."""
    return "custom_tool_call" if callee.custom else "function_call"


def _item(answer: Answer, index: int, part: Part) -> dict[str, Any]:
    match part:
        case Text():
            item_id = answer.item_id("message", index)
            return message_item(item_id, [text_part(part.text)], "completed")
        case Thinking() | RedactedThinking():
            return reasoning_item(answer.form, answer.item_id("reasoning", index), part)
        case ToolCall():
            callee = answer.form.callee(part.name)
            given = (
                custom_input.as_text(part.input) if callee.custom else encode(part.input).decode()
            )
            item_id = answer.item_id(call_kind(callee), index)
            return call_item(item_id, part.id, callee, given, "completed")
    raise TypeError(f"{type(part).__name__} is no part of an answer")
