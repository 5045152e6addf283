"""One answer of two turns: the model sums up the conversation, and goes on from its summary.

Upstream each turn is a call of its own. The first is the conversation with one more turn, which
asks for the summary; the client gets of it the summary alone, in one piece, and signs of life
before that. The second is the answer to the conversation with the summary in place of what it
stands for, unless the client wants the summary alone.
"""

import logging
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any, TypeAlias

from msgspec.structs import replace

from app import calls
from app.common.errors import GatewayError, Kind
from app.core.compaction import asking, compacted, without_tools
from app.core.conversation import Compaction, Conversation, Summary, Text
from app.core.events import Event, Finish
from app.core.fold import Reply, ReplyBuilder
from app.core.usage import CompactedMeter
from app.gateway import Open

log = logging.getLogger("kiro2api.compaction")

Silence: TypeAlias = Sequence[Event]

FAILED = "compaction_failed"
"""The repair that names a summary which was due and could not be had."""


def opener(
    open_call: Open,
    open_plain: Open,
    ping_interval: float,
    estimate: Callable[[Conversation], int],
) -> Callable[[Conversation, Any], Any]:
    """Opens conversations with ``open_call``, and those that are to be compacted as two calls: that
    for the summary, of which nothing else is demanded, with ``open_plain``. ``ping_interval``:
    seconds of silence after which a client is due a sign of life; ``estimate`` counts the tokens of
    a conversation.
    """

    def opened(conversation: Conversation, tap: Any) -> Any:
        wanted = conversation.compaction
        if wanted is None:
            return open_call(conversation, tap)
        if not _is_due(conversation, wanted, estimate):
            return open_call(replace(conversation, compaction=None), tap)
        return CompactedCall(open_call, open_plain, conversation, wanted, tap, ping_interval)

    return opened


def _is_due(
    conversation: Conversation, wanted: Compaction, estimate: Callable[[Conversation], int]
) -> bool:
    """A request for no tokens at all only warms the cache."""
    if not wanted.threshold:
        return True
    return conversation.max_tokens != 0 and estimate(conversation) >= wanted.threshold


class CompactedCall:
    """What the web side needs of a call (:class:`app.web.gateway_call.GatewayCall`). ``asked`` is
    a conversation whose compaction, which is ``wanted``, is due.
    """

    def __init__(
        self,
        open_call: Open,
        open_plain: Open,
        asked: Conversation,
        wanted: Compaction,
        tap: Any,
        ping_interval: float,
    ) -> None:
        self._open = open_call
        self._open_plain = open_plain
        self._asked = asked
        self._ends = wanted.ends
        self._tap = tap
        self._ping_interval = ping_interval
        self._summary: Summary | None = None
        self._call = open_plain(asking(asked), tap)
        self._calls = [self._call]
        self.meter = CompactedMeter(self._call.meter)

    @property
    def repairs(self) -> tuple[str, ...]:
        """Of all calls so far."""
        failed = (FAILED,) if self._summary and self._summary.content is None else ()
        return (*calls.repairs(self._calls), *failed)

    @property
    def ignored(self) -> tuple[str, ...]:
        """Of all calls so far."""
        return calls.ignored(self._calls)

    def wait(self, seconds: float) -> bool:
        """Wait for the first content of the call under way. Raises GatewayError."""
        return self._call.wait(seconds)

    def retry(self, error: GatewayError) -> bool:
        """Only the call that answers is repeated here: the summary stays."""
        return self._summary is not None and self._call.retry(error)

    def facts(self) -> dict[str, Any]:
        """Of all calls (:func:`app.calls.facts`)."""
        return calls.facts(self._calls)

    def close(self) -> None:
        """End the call that is under way. Idempotent."""
        for call in self._calls:
            call.close()

    def batches(self) -> Iterator[Sequence[Event]]:
        """The summary, and the events of the answer. Raises GatewayError."""
        if self._summary is None:
            self._summary = yield from self._summed()
            if self._ends:
                yield [self._summary, Finish("compaction")]
                return
            yield [self._summary]
            self._go_on(self._summary)
            yield from self._waited()
        else:  # the answer is repeated
            yield [self._summary]
        yield from self._call.batches()

    def _summed(self) -> Generator[Silence, None, Summary]:
        """The summary. A model that called a tool instead is asked once more, without its tools.

        Raises GatewayError if there is none, and the client wants nothing else.
        """
        reply = yield from self._reply()
        if not (text := _summary_of(reply)) and reply.reason in ("end_turn", "tool_use"):
            self._next(self._open_plain, without_tools(asking(self._asked)))
            self.meter.add(self._call.meter)
            yield from self._waited()
            reply = yield from self._reply()
            text = _summary_of(reply)
        if not text:
            log.warning("No summary of the conversation: the answer ended with %s", reply.reason)
            if self._ends:
                raise GatewayError(
                    Kind.EMPTY,
                    "The model was asked for a summary of the conversation and wrote none (its"
                    f" answer ended with {reply.reason}); the conversation is as it was: try again",
                )
        return Summary(text or None)

    def _reply(self) -> Generator[Silence, None, Reply]:
        """The whole answer of the call under way, which may be repeated once: the client has seen
        nothing of it. Raises GatewayError.
        """
        try:
            return (yield from self._read())
        except GatewayError as error:
            if not self._call.retry(error):
                raise
        yield from self._waited()
        return (yield from self._read())

    def _read(self) -> Generator[Silence, None, Reply]:
        builder = ReplyBuilder()
        for batch in self._call.batches():
            builder.feed(batch)
            yield ()
        return builder.reply()

    def _waited(self) -> Iterator[Silence]:
        """Until the first content of the call under way: one tick for each ping interval."""
        while not self._call.wait(self._ping_interval):
            yield ()

    def _go_on(self, summary: Summary) -> None:
        """Open the call that answers. It may be followed by another one for what it lacks, unless
        the summary was asked for twice: a request costs at most one call more than it needs.
        """
        asked = self._asked
        if len(self._calls) > 1:
            asked = replace(asked, asks_again=False)
        rest = compacted(asked, summary) if summary.content else replace(asked, compaction=None)
        self._next(self._open, rest)
        self.meter.add_answer(self._call.meter)

    def _next(self, open_call: Open, conversation: Conversation) -> None:
        self._call.close()
        self._call = open_call(conversation, self._tap)
        self._calls.append(self._call)


def _summary_of(reply: Reply) -> str:
    """The text of an answer that is nothing but a whole text; else ""."""
    if reply.reason != "end_turn":
        return ""
    return "".join(part.text for part in reply.parts if isinstance(part, Text)).strip()
