"""The bytes of each chunk of a stream; :mod:`~app.dialects.openai_chat.stream` has their order.

Of a delta, of which there are many, everything but its text is encoded once: a
:class:`ChunkTemplate` goes around the text.
"""

from typing import NamedTuple

from msgspec import UNSET, UnsetType

from app.core.tokens import TokenCounts
from app.dialects import wire
from app.dialects.wire import HOLE, cut, encode

from . import reply
from .shapes import (
    Annotation,
    Chunk,
    ChunkChoice,
    CustomDelta,
    Delta,
    FinishReason,
    FunctionDelta,
    ToolCallDelta,
    Usage,
)
from .tool_forms import CallForm

PING = b": ping\n\n"
"""A comment: readers of event streams skip it."""

DONE = b"data: [DONE]\n\n"

_FRAGMENT = FunctionDelta(arguments=HOLE)
_NOTHING = encode(Delta())
_ROLE = encode(Delta(role="assistant", content=""))
_CONTENT = cut(encode(Delta(content=HOLE)))
_REASONING = cut(encode(Delta(reasoning_content=HOLE)))
_ARGUMENTS = cut(encode(Delta(tool_calls=[ToolCallDelta(index=HOLE, function=_FRAGMENT)])))
_TEXT = cut(encode(Delta(tool_calls=[ToolCallDelta(index=HOLE, custom=CustomDelta(input=HOLE))])))
_LEGACY_ARGUMENTS = cut(encode(Delta(function_call=_FRAGMENT)))


class ChunkTemplate(NamedTuple):
    """A chunk around its text."""

    head: bytes
    tail: bytes


class Chunks:
    """The chunks of one answer. If the client asked for usage, each has the member ``usage``, null
    in all but the last.
    """

    def __init__(self, context: reply.ReplyContext) -> None:
        self._context = context
        choice = ChunkChoice(index=0, delta=HOLE, logprobs=None, finish_reason=HOLE)
        chunk = self._chunk([choice], None if context.include_usage else UNSET)
        self._head, self._after_delta, self._end = cut(chunk)
        self._tail = self._after_delta + b"null" + self._end  # of a chunk without a finish reason
        self.content = self._template(*_CONTENT)
        self.reasoning = self._template(*_REASONING)

    def _chunk(self, choices: list[ChunkChoice], usage: Usage | UnsetType | None) -> bytes:
        chunk = Chunk(
            id=self._context.id,
            object="chat.completion.chunk",
            created=self._context.created,
            model=self._context.model,
            service_tier=None,
            system_fingerprint=None,
            choices=choices,
            usage=usage,
        )
        return wire.data(chunk)

    def _template(self, before: bytes, after: bytes) -> ChunkTemplate:
        return ChunkTemplate(self._head + before, after + self._tail)

    def role(self) -> bytes:
        """The first chunk."""
        return self._head + _ROLE + self._tail

    def call(self, index: int, call_id: str, name: str, form: CallForm) -> bytes:
        """The chunk that begins the call with this index."""
        function = FunctionDelta(name=name, arguments="")
        if self._context.legacy:
            delta = Delta(function_call=function)
        elif form == "custom":
            custom = CustomDelta(name=name, input="")
            call = ToolCallDelta(index=index, id=call_id, type="custom", custom=custom)
            delta = Delta(tool_calls=[call])
        else:
            call = ToolCallDelta(index=index, id=call_id, type="function", function=function)
            delta = Delta(tool_calls=[call])
        return self._head + encode(delta) + self._tail

    def arguments(self, index: int, form: CallForm) -> ChunkTemplate:
        """The chunk around a fragment of that call's arguments, or around a piece of its text."""
        if self._context.legacy:
            return self._template(*_LEGACY_ARGUMENTS)
        start, middle, end = _TEXT if form == "custom" else _ARGUMENTS
        return self._template(b"%b%d%b" % (start, index, middle), end)

    def refusal(self, explanation: str) -> bytes:
        """The chunk that says why the answer was declined."""
        return self._head + encode(Delta(refusal=explanation)) + self._tail

    def annotations(self, annotations: list[Annotation]) -> bytes:
        """The chunk that says which text is from which page."""
        return self._head + encode(Delta(annotations=annotations)) + self._tail

    def finish(self, reason: FinishReason) -> bytes:
        """The last chunk that has a choice."""
        return b"".join((self._head, _NOTHING, self._after_delta, encode(reason), self._end))

    def usage(self, counts: TokenCounts) -> bytes:
        """The extra chunk, without a choice, for a client that asked for it."""
        return self._chunk([], reply.usage(counts))
