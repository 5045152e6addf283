"""The bytes of each chunk of a stream. Their order is :mod:`~app.dialects.openai_chat.stream`'s
affair.

Every chunk is a ``data:`` line with one JSON object, and an empty line. Of a delta, of which there
are many, all but its text is made once: a pair of what stands before and behind the text, which
goes between them JSON-encoded. ``system_fingerprint`` and ``logprobs`` are always there, as null.
"""

from typing import Any, NamedTuple

from app.core.tokens import TokenCounts
from app.dialects.wire import encode

from . import reply

PING = b": ping\n\n"
"""A comment: readers of event streams skip it."""

DONE = b"data: [DONE]\n\n"


class Frame(NamedTuple):
    """A chunk around its text."""

    head: bytes
    tail: bytes


class Chunks:
    """The chunks of one answer. Where its usage is asked for, each has ``usage``, null in all but
    the last.
    """

    def __init__(self, answer: reply.Answer) -> None:
        shell = encode(reply.shell(answer, "chat.completion.chunk"))
        self._open = b'data: %b,"choices":[' % shell.removesuffix(b"}")
        self._head = self._open + b'{"index":0,"delta":'
        self._end = b',"usage":null}\n\n' if answer.include_usage else b"}\n\n"
        self._tail = b',"logprobs":null,"finish_reason":null}]' + self._end
        self._legacy = answer.legacy
        self.content = self._frame(b'{"content":', b"}")
        self.reasoning = self._frame(b'{"reasoning_content":', b"}")

    def _frame(self, before: bytes, behind: bytes) -> Frame:
        return Frame(self._head + before, behind + self._tail)

    def role(self) -> bytes:
        """The first chunk."""
        return self._delta({"role": "assistant", "content": ""})

    def call(self, index: int, call_id: str, name: str) -> bytes:
        """The chunk that begins the call of that number."""
        if self._legacy:
            return self._delta({"function_call": reply.function(name, "")})
        call = {"index": index, **reply.tool_call(call_id, name, "")}
        return self._delta({"tool_calls": [call]})

    def arguments(self, index: int) -> Frame:
        """A chunk around a fragment of that call's arguments."""
        if self._legacy:
            return self._frame(b'{"function_call":{"arguments":', b"}}")
        before = b'{"tool_calls":[{"index":%d,"function":{"arguments":' % index
        return self._frame(before, b"}}]}")

    def finish(self, reason: str) -> bytes:
        """The last chunk that has a choice."""
        ended = b'{},"logprobs":null,"finish_reason":%b}]' % encode(reason)
        return self._head + ended + self._end

    def usage(self, counts: TokenCounts) -> bytes:
        """The extra chunk for a client that asked for it: without a choice."""
        return self._open + b'],"usage":%b}\n\n' % encode(reply.usage(counts))

    def _delta(self, delta: dict[str, Any]) -> bytes:
        return self._head + encode(delta) + self._tail
