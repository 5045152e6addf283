"""The answer as one JSON message, and the parts of it that a stream needs too."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar, get_args

from msgspec import UNSET, Struct, UnsetType

from app.core.conversation import (
    CitedText,
    HostedToolUse,
    Part,
    RedactedThinking,
    Summary,
    Text,
    Thinking,
    ToolCall,
    WebSearchResult,
)
from app.core.edits import Applied
from app.core.events import Finish, Refusal, StopReason
from app.core.fold import Reply
from app.core.tokens import TokenCounts
from app.core.usage import Iteration, Meter
from app.dialects.wire import encode

from . import context_shapes, search_shapes, shapes, web_search
from .context import response

STOP_REASONS: dict[StopReason, shapes.StopReason] = {
    "end_turn": "end_turn",
    "tool_use": "tool_use",
    "max_tokens": "max_tokens",
    "stop_sequence": "stop_sequence",
    "context_window": "model_context_window_exceeded",
    "pause_turn": "pause_turn",
    "refusal": "refusal",
    "compaction": "compaction",
}
CATEGORIES: dict[str, shapes.RefusalCategory] = {
    name: name for name in get_args(shapes.RefusalCategory)
}
"""A closed set: a category that the API does not have is null."""


_Usage = TypeVar("_Usage", bound=shapes.DeltaUsage)


class ReplyContext(Struct, frozen=True):
    """What all parts of one answer share.

    ``model`` is the name that the client used. ``omit_thinking``: thinking blocks have their
    signature and no text, as with the API's ``display: omitted``. ``safeguards`` are the types of
    the checks that the client asked for, ``edits`` what was cleared of its conversation, None if it
    did not ask for that, ``tool_changes`` what a summary carries.
    """

    id: str
    model: str
    omit_thinking: bool = False
    safeguards: tuple[str, ...] = ()
    edits: tuple[Applied, ...] | None = None
    tool_changes: Sequence[dict[str, Any]] = ()

    @property
    def management(self) -> context_shapes.ContextManagement | UnsetType:
        """What was cleared, as the answer has it."""
        return UNSET if self.edits is None else response(self.edits)


def whole(context: ReplyContext, reply: Reply, meter: Meter) -> bytes:
    """The body of a whole answer."""
    content = [block for part in reply.parts for block in _blocks(part, context)]
    end = Finish(reply.reason, reply.refusal, reply.stop_sequence)
    uses = [part for part in reply.parts if isinstance(part, HostedToolUse)]
    used = usage(meter, uses, shapes.Usage)
    return encode(message(context, content, used, end))


def message(
    context: ReplyContext,
    content: Sequence[shapes.Block],
    used: shapes.Usage,
    end: Finish | None,
) -> shapes.Message:
    """A message; ``end`` is None while its stream is under way."""
    return shapes.Message(
        id=context.id,
        type="message",
        role="assistant",
        model=context.model,
        content=content,
        stop_reason=STOP_REASONS[end.reason] if end else None,
        stop_sequence=end.stop_sequence if end else None,
        stop_details=_details(end) if end else None,
        usage=used,
        safeguard_results=_safeguard_results(context) if end else UNSET,
        context_management=context.management if end else UNSET,
    )


def stopped(context: ReplyContext, end: Finish) -> shapes.Stopped:
    """Why the answer ended, for a stream's ``message_delta``."""
    reason, results = STOP_REASONS[end.reason], _safeguard_results(context)
    return shapes.Stopped(reason, end.stop_sequence, _details(end), results)


def _safeguard_results(context: ReplyContext) -> list[shapes.SafeguardResult] | UnsetType:
    """That no check was made: there is none here, and a verdict must come from one. With this
    answer Claude Code shows a short notice, and asks its user before each checked tool call;
    without it, a dialog at every start (seen with 2.1.332).
    """
    disabled = shapes.SafeguardUnavailable("disabled")
    return [shapes.SafeguardResult(kind, disabled) for kind in context.safeguards] or UNSET


def _details(end: Finish) -> shapes.Refusal | None:
    if end.reason != "refusal":
        return None
    said = end.refusal or Refusal()
    return shapes.Refusal(CATEGORIES.get(said.category), said.explanation or None)


def usage(meter: Meter, uses: Iterable[HostedToolUse], kind: type[_Usage]) -> _Usage:
    """The tokens of the whole answer; cached tokens are counted apart, and so are those of a
    summary. ``uses`` are all calls that the gateway ran.
    """
    iterations = meter.iterations()
    counts = _answered(iterations) if iterations else meter.counts()
    thought = counts.reasoning_tokens
    return kind(
        counts.input_tokens,
        counts.cache_write_tokens,
        counts.cache_read_tokens,
        counts.output_tokens,
        shapes.OutputDetails(thought) if thought else None,
        _server_tool_usage(uses),
        list(map(_iteration, iterations)) or UNSET,
    )


def _answered(iterations: Sequence[Iteration]) -> TokenCounts:
    """The tokens without those of summaries; none if the answer is a summary alone."""
    return next((each.counts for each in iterations if not each.summary), TokenCounts(0, 0))


def _iteration(each: Iteration) -> context_shapes.Iteration:
    counts = each.counts
    return context_shapes.Iteration(
        "compaction" if each.summary else "message",
        counts.input_tokens,
        counts.output_tokens,
        counts.cache_write_tokens,
        counts.cache_read_tokens,
    )


def _server_tool_usage(uses: Iterable[HostedToolUse]) -> shapes.ServerToolUsage | None:
    results = [use.result for use in uses]
    if not results:
        return None
    of_the_web = [result for result in results if isinstance(result, WebSearchResult)]
    return shapes.ServerToolUsage(
        len(results) - len(of_the_web), sum(not result.error for result in of_the_web)
    )


def first_usage(meter: Meter) -> shapes.Usage:
    """The tokens before anything was answered: only an estimate of the input is known."""
    return shapes.Usage(meter.input_estimate, 0, 0, 0)


def hosted(
    use: HostedToolUse,
) -> tuple[shapes.ServerToolUse, shapes.ToolSearchResult | search_shapes.WebSearchResult]:
    """The blocks of a call that the gateway ran, and of its result."""
    call, result = shapes.ServerToolUse(use.id, use.name, use.input), use.result
    if isinstance(result, WebSearchResult):
        return call, web_search.result_block(use, result)
    content: shapes.ToolSearchFound | shapes.ToolSearchFailed
    if result.error:
        content = shapes.ToolSearchFailed(result.error)
    else:
        content = shapes.ToolSearchFound([shapes.ToolReference(name) for name in result.found])
    return call, shapes.ToolSearchResult(use.id, content)


def _blocks(part: Part, context: ReplyContext) -> Sequence[shapes.Block]:
    return hosted(part) if isinstance(part, HostedToolUse) else (_block(part, context),)


def _block(part: Part, context: ReplyContext) -> shapes.Block:
    match part:
        case Text():
            return shapes.Text(part.text)
        case CitedText():
            return shapes.Text(part.text, web_search.citations(part))
        case Thinking():
            return shapes.Thinking("" if context.omit_thinking else part.text, part.signature)
        case RedactedThinking():
            return shapes.RedactedThinking(part.data)
        case ToolCall():
            return shapes.ToolUse(part.id, part.name, part.input)
        case Summary():
            return context_shapes.Compaction(part.content, context.tool_changes)
    raise TypeError(f"{type(part).__name__} cannot be part of an answer")
