"""One answer of several turns: the model calls a tool that the gateway runs, and goes on.

A client that declares such a tool gets one answer: what the model wrote, the call of the tool with
its result, what the model wrote then. Upstream each turn is a call of its own, with the earlier
turns and results behind the conversation. A turn that also calls a tool of the client ends the
answer, since the client has to go on.

To add a hosted tool: a ``kind`` of :class:`app.core.conversation.HostedTool`, a row in
:data:`RUNNERS`, and the form of its result in each dialect that offers it.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, TypeAlias

import gevent
from msgspec.structs import replace

from app.core.conversation import (
    Conversation,
    HostedTool,
    HostedToolUse,
    Part,
    ToolChoice,
    ToolSearchResult,
)
from app.core.events import Event, Finish, ToolEnd, ToolInput, ToolStart
from app.core.fold import ReplyBuilder
from app.core.hosted import turns
from app.core.lenient_json import decode_object
from app.core.usage import SummedMeter
from app.errors import GatewayError
from app.gateway import GatewayCall

from . import tool_search

MOST_TURNS = 10
"""Upstream calls of one answer, as many as the API's own loop has. After them the answer pauses."""

ID_PREFIX = "srvtoolu_"
"""Of the ids of hosted calls, in the Messages API."""

Open: TypeAlias = Callable[[Conversation, Any], GatewayCall]
Runner: TypeAlias = Callable[[HostedTool, dict[str, Any], Conversation], ToolSearchResult]


def _search(tool: HostedTool, given: dict[str, Any], conversation: Conversation) -> Any:
    kind = tool.kind.removeprefix("tool_search_")
    query = given.get("query", given.get("pattern"))
    return tool_search.search(kind, query, conversation.deferred, lambda: gevent.sleep(0))


RUNNERS: dict[str, Runner] = {"tool_search_regex": _search, "tool_search_bm25": _search}
"""By the kind of tool: what runs a call with this input in this conversation."""


def opener(open_call: Open, ping_interval: float) -> Callable[[Conversation, Any], Any]:
    """Opens conversations with ``open_call``, and those with hosted tools as a loop of such calls.
    ``ping_interval``: seconds of silence after which a client is due a sign of life.
    """

    def opened(conversation: Conversation, tap: Any) -> Any:
        if not conversation.hosted:
            return open_call(conversation, tap)
        return HostedLoop(open_call, conversation, tap, ping_interval)

    return opened


class HostedLoop:
    """What the web side needs of a call (:class:`app.web.gateway_call.GatewayCall`), made of one
    call after the other.
    """

    def __init__(
        self, open_call: Open, conversation: Conversation, tap: Any, ping_interval: float
    ) -> None:
        self._open = open_call
        self._conversation = conversation
        self._tools = {tool.name: tool for tool in conversation.hosted}
        self._ping_interval = ping_interval
        self._call = open_call(conversation, tap)
        self._calls = [self._call]
        self.meter = SummedMeter(self._call.meter)

    @property
    def repairs(self) -> tuple[str, ...]:
        """Of all turns so far."""
        return tuple(dict.fromkeys(name for call in self._calls for name in call.repairs))

    @property
    def ignored(self) -> tuple[str, ...]:
        """Of all turns so far."""
        return tuple(dict.fromkeys(name for call in self._calls for name in call.ignored))

    def wait(self, seconds: float) -> bool:
        """Wait for the first content of the first turn. Raises GatewayError."""
        return self._calls[0].wait(seconds)

    def retry(self, error: GatewayError) -> bool:
        """Only the first turn can be repeated: nothing of the others would be the same."""
        return len(self._calls) == 1 and self._call.retry(error)

    def facts(self) -> dict[str, Any]:
        """Of the last turn, with the first turn's first event and everyone's attempts."""
        facts = self._call.facts()
        first = self._calls[0].facts()
        facts["attempts"] = sum(call.facts()["attempts"] for call in self._calls)
        if "first_event_at" in first:
            facts["first_event_at"] = first["first_event_at"]
        return facts

    def close(self) -> None:
        """End the turn that is under way. Idempotent."""
        for call in self._calls:
            call.close()

    def batches(self) -> Iterator[Sequence[Event]]:
        """The events of all turns as those of one answer. Raises GatewayError."""
        while True:
            turn = _Turn(self._tools, self._run)
            for batch in self._call.batches():
                yield turn.rewritten(batch)
            if not turn.goes_on:
                return
            if len(self._calls) == MOST_TURNS:
                yield [Finish("pause_turn")]
                return
            self._next(turn)
            while not self._call.wait(self._ping_interval):
                yield ()

    def _run(self, call: ToolStart, given: dict[str, Any]) -> HostedToolUse:
        tool = self._tools[call.name]
        result = RUNNERS[tool.kind](tool, given, self._conversation)
        return HostedToolUse(ID_PREFIX + call.id, call.name, given, result)

    def _next(self, turn: "_Turn") -> None:
        """Open the next turn, with what this one said and found."""
        self._call.close()
        made = self._call.meter.counts().output_tokens
        self._conversation = _continued(self._conversation, turn.said, made)
        if getattr(self._call, "has_asked_again", False):  # once in all the turns of an answer
            self._conversation = replace(self._conversation, asks_again=False)
        self._call = self._open(self._conversation, None)
        self._calls.append(self._call)
        self.meter.add(self._call.meter)


class _Turn:
    """One turn of the model. ``hosted`` are the names of the tools that ``run`` runs."""

    def __init__(
        self,
        hosted: Collection[str],
        run: Callable[[ToolStart, dict[str, Any]], HostedToolUse],
    ) -> None:
        self._hosted = hosted
        self._run = run
        self._said = ReplyBuilder()
        self._call: ToolStart | None = None  # the open call, if it is of a hosted tool
        self._fragments: list[str] = []
        self._calls: set[bool] = set()  # of a hosted tool, of another one
        self.goes_on = False

    @property
    def said(self) -> tuple[Part, ...]:
        """All of a turn that goes on."""
        return self._said.reply().parts

    def rewritten(self, batch: Sequence[Event]) -> list[Event]:
        """The events for the client: each call of a hosted tool with its result, and no end if the
        model is to go on.
        """
        told = [event for each in batch for event in self._read(each)]
        self._said.feed(told)
        if batch and isinstance(end := batch[-1], Finish) and self._is_to_go_on(end):
            self.goes_on = True
            told.pop()
        return told

    def _is_to_go_on(self, end: Finish) -> bool:
        return end.reason == "tool_use" and self._calls == {True}

    def _read(self, event: Event) -> tuple[Event, ...]:
        if isinstance(event, ToolStart):
            self._calls.add(event.name in self._hosted)
            if event.name in self._hosted:
                self._call, self._fragments = event, []
                return ()
        elif self._call is not None and isinstance(event, ToolInput):
            self._fragments.append(event.fragment)
            return ()
        elif self._call is not None and isinstance(event, ToolEnd):
            call, self._call = self._call, None
            if not event.complete:  # it must not be run
                return ()
            written = "".join(self._fragments)
            return (self._run(call, decode_object(written) if written else {}),)
        return (event,)


def _continued(conversation: Conversation, said: Sequence[Part], made: int) -> Conversation:
    """The conversation for the next turn: with what was said, and the tools that were found. The
    client's limit is of all turns together, so this turn's ``made`` tokens are taken off it.
    """
    found = [name for part in said if isinstance(part, HostedToolUse) for name in part.result.found]
    offered = {tool.name: tool for tool in conversation.tools}
    deferred = {tool.name: tool for tool in conversation.deferred}
    offered |= {name: deferred[name] for name in found if name not in offered}
    choice, limit = conversation.tool_choice, conversation.max_tokens
    return replace(
        conversation,
        max_tokens=None if limit is None else max(0, limit - made),
        messages=(*conversation.messages, *turns(said)),
        tools=tuple(offered.values()),
        tool_choice=choice if choice.mode == "none" else ToolChoice(),  # a tool was called
    )
