"""The answer as one completion, and the parts of it that a stream needs too.

Every member a client's types name is always there: some clients fail without one they never read.
An answer has one text and one run of reasoning here: what stands before and behind a tool call is
joined, as a stream's reader joins it. Signed and opaque reasoning has no place and is left out.
"""

from typing import Any

from msgspec import Struct

from app.core.conversation import Text, Thinking, ToolCall
from app.core.events import StopReason
from app.core.fold import Reply
from app.core.tokens import TokenCounts
from app.core.usage import Meter
from app.dialects.wire import encode

FINISH_REASONS: dict[StopReason, str] = {
    "end_turn": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "stop_sequence": "stop",
    "context_window": "length",
    "refusal": "content_filter",
}
"""A closed set: clients refuse answers with any other word."""


class Answer(Struct, frozen=True):
    """What everything that is told of one answer shares.

    ``created`` is in seconds since the epoch, ``model`` the name the client used. ``include_usage``
    asks a stream for its usage. ``legacy``: calls are told as ``function_call``, which takes one:
    the calls behind the first are left out.
    """

    id: str
    created: int
    model: str
    include_usage: bool = False
    legacy: bool = False


def finish_reason(reason: StopReason, *, legacy: bool) -> str:
    """Why the answer ended, in the API's words; ``legacy``: calls are told as ``function_call``."""
    return "function_call" if legacy and reason == "tool_use" else FINISH_REASONS[reason]


def whole(answer: Answer, reply: Reply, meter: Meter) -> bytes:
    """The body of a whole answer."""
    choice = {
        "index": 0,
        "message": _message(reply, legacy=answer.legacy),
        "logprobs": None,
        "finish_reason": finish_reason(reply.reason, legacy=answer.legacy),
    }
    return encode(
        shell(answer, "chat.completion") | {"choices": [choice], "usage": usage(meter.counts())}
    )


def shell(answer: Answer, kind: str) -> dict[str, Any]:
    """The members of a completion, and of each chunk, that stand before its choices."""
    return {
        "id": answer.id,
        "object": kind,
        "created": answer.created,
        "model": answer.model,
        "system_fingerprint": None,
    }


def _message(reply: Reply, *, legacy: bool) -> dict[str, Any]:
    said = "".join(part.text for part in reply.parts if isinstance(part, Text))
    thought = "".join(part.text for part in reply.parts if isinstance(part, Thinking))
    calls = [part for part in reply.parts if isinstance(part, ToolCall)]
    message: dict[str, Any] = {
        "role": "assistant",
        "content": None if calls and not said else said,
        "refusal": None,
        "annotations": [],
    }
    if thought:
        message["reasoning_content"] = thought
    if calls and legacy:
        message["function_call"] = function(calls[0].name, _arguments(calls[0]))
    elif calls:
        message["tool_calls"] = [tool_call(call.id, call.name, _arguments(call)) for call in calls]
    return message


def _arguments(call: ToolCall) -> str:
    return encode(call.input).decode()


def tool_call(call_id: str, name: str, arguments: str) -> dict[str, Any]:
    """A call; ``arguments`` is JSON, or the beginning of it."""
    return {"id": call_id, "type": "function", "function": function(name, arguments)}


def function(name: str, arguments: str) -> dict[str, str]:
    """What is called, as a tool call or alone as a ``function_call``."""
    return {"name": name, "arguments": arguments}


def usage(counts: TokenCounts) -> dict[str, Any]:
    """OpenAI counts cached tokens among those of the prompt, and details as parts of the whole.

    Of reasoning the upstream tells no count apart from the output's; 0 there is as the API has it
    for a model that tells none.
    """
    prompt = counts.input_tokens + counts.cache_read_tokens + counts.cache_write_tokens
    return {
        "prompt_tokens": prompt,
        "completion_tokens": counts.output_tokens,
        "total_tokens": prompt + counts.output_tokens,
        "prompt_tokens_details": {
            "cached_tokens": counts.cache_read_tokens,
            "cache_write_tokens": counts.cache_write_tokens,
            "audio_tokens": 0,
        },
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
