"""The answer as one completion, and the parts of it that a stream needs too.

An answer has one text and one run of reasoning here: what comes before and after a tool call is
joined, as a stream's reader joins it. Signatures and opaque reasoning have no place and are left
out, and so are calls that the gateway ran itself: of a search of the web, the API shows only what
the answer cites.
"""

from collections.abc import Iterable, Mapping

from msgspec import UNSET, Struct

from app.core.conversation import CitedText, Part, Text, Thinking, ToolCall
from app.core.events import StopReason
from app.core.fold import Reply
from app.core.tokens import TokenCounts
from app.core.usage import Meter
from app.dialects import custom_tools
from app.dialects.wire import encode

from . import shapes
from .tool_forms import CallForm

FINISH_REASONS: dict[StopReason, shapes.FinishReason] = {
    "end_turn": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "stop_sequence": "stop",
    "context_window": "length",
    "pause_turn": "stop",
    "refusal": "content_filter",
    "compaction": "stop",
}
"""A closed set: clients refuse answers with any other value."""


class ReplyContext(Struct, frozen=True):
    """What all parts of one answer share.

    ``created`` is in seconds since the epoch, ``model`` the name that the client used.
    ``include_usage``: a stream ends with its usage. ``legacy``: a call is written as
    ``function_call``, of which an answer has one; later calls are left out. ``forms``: how calls of
    each tool are written; those of other names are functions.
    """

    id: str
    created: int
    model: str
    include_usage: bool = False
    legacy: bool = False
    forms: Mapping[str, CallForm] = {}


def finish_reason(reason: StopReason, *, legacy: bool) -> shapes.FinishReason:
    """Why the answer ended, in the API's words; ``legacy`` as in :class:`ReplyContext`."""
    return "function_call" if legacy and reason == "tool_use" else FINISH_REASONS[reason]


def whole(context: ReplyContext, reply: Reply, meter: Meter) -> bytes:
    """The body of a whole answer."""
    choice = shapes.Choice(
        index=0,
        message=_message(context, reply),
        logprobs=None,
        finish_reason=finish_reason(reply.reason, legacy=context.legacy),
    )
    completion = shapes.Completion(
        id=context.id,
        object="chat.completion",
        created=context.created,
        model=context.model,
        service_tier=None,
        system_fingerprint=None,
        choices=[choice],
        usage=usage(meter.counts()),
    )
    return encode(completion)


def _message(context: ReplyContext, reply: Reply) -> shapes.ReplyMessage:
    text = "".join(part.text for part in reply.parts if isinstance(part, Text | CitedText))
    reasoning = "".join(part.text for part in reply.parts if isinstance(part, Thinking))
    calls = [part for part in reply.parts if isinstance(part, ToolCall)]
    legacy = context.legacy
    return shapes.ReplyMessage(
        role="assistant",
        content=None if calls and not text else text,
        refusal=(reply.refusal.explanation or None) if reply.refusal else None,
        annotations=_annotations(reply.parts),
        reasoning_content=reasoning or UNSET,
        tool_calls=UNSET if legacy or not calls else [_call(context, call) for call in calls],
        function_call=_function(calls[0]) if calls and legacy else UNSET,
    )


def _annotations(parts: Iterable[Part]) -> list[shapes.Annotation]:
    found: list[shapes.Annotation] = []
    start = 0
    for part in parts:
        if isinstance(part, CitedText):
            found += annotations(part, start)
        if isinstance(part, Text | CitedText):
            start += len(part.text)
    return found


def annotations(cited: CitedText, start: int) -> list[shapes.Annotation]:
    """Which pages a text is from that begins at this character of the content."""
    end = start + len(cited.text)
    return [
        shapes.Annotation(shapes.UrlCitation(start, end, page.url, page.title))
        for page in cited.pages
    ]


def _call(context: ReplyContext, call: ToolCall) -> shapes.ReplyToolCall | shapes.ReplyCustomCall:
    form = context.forms.get(call.name, "function")
    if form == "function":
        return shapes.ReplyToolCall(call.id, _function(call))
    text = custom_tools.as_text(call.input)
    if form == "text":
        return shapes.ReplyToolCall(call.id, shapes.ReplyFunction(call.name, text))
    return shapes.ReplyCustomCall(call.id, shapes.ReplyCustomInput(call.name, text))


def _function(call: ToolCall) -> shapes.ReplyFunction:
    return shapes.ReplyFunction(call.name, encode(call.input).decode())


def usage(counts: TokenCounts) -> shapes.Usage:
    """The tokens of the whole answer. OpenAI counts cached tokens among those of the prompt, and
    reasoning among those of the completion.
    """
    prompt = counts.input_tokens + counts.cache_read_tokens + counts.cache_write_tokens
    return shapes.Usage(
        prompt_tokens=prompt,
        completion_tokens=counts.output_tokens,
        total_tokens=prompt + counts.output_tokens,
        prompt_tokens_details=shapes.PromptDetails(
            cached_tokens=counts.cache_read_tokens,
            cache_write_tokens=counts.cache_write_tokens,
            audio_tokens=0,
        ),
        completion_tokens_details=shapes.CompletionDetails(
            reasoning_tokens=counts.reasoning_tokens,
            audio_tokens=0,
            accepted_prediction_tokens=0,
            rejected_prediction_tokens=0,
        ),
    )
