"""One answer of several turns: the model calls a tool that the gateway runs, and goes on.

A client that declares such a tool gets one answer: what the model wrote, the call of the tool with
its result, what the model wrote then. Upstream each turn is a call of its own, with the earlier
turns and results behind the conversation. A turn that also calls a tool of the client ends the
answer, since the client has to go on.

To add a hosted tool: a ``kind`` of :class:`app.core.conversation.HostedTool`, a row in
:data:`RUNNERS`, and the form of its result in each dialect that offers it.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextvars import copy_context
from functools import partial
from typing import Any, TypeAlias

import gevent
from msgspec.structs import replace

from app import calls
from app.common.errors import GatewayError
from app.core.conversation import (
    Conversation,
    HostedTool,
    HostedToolUse,
    Part,
    ToolSearchResult,
    WebPage,
    WebSearchResult,
)
from app.core.events import Event, Finish, HostedToolStart, ToolEnd, ToolInput, ToolStart
from app.core.fold import ReplyBuilder
from app.core.lenient_json import decode_object
from app.core.limits.output_tokens import OutputTokens
from app.core.usage import SummedMeter
from app.gateway import Open

from . import tool_search
from .citations import Citations
from .following import continued
from .stops import Stops
from .web_search import Find, WebSearcher

MOST_TURNS = 10
"""Upstream calls of one answer, as many as the API's own loop has. After them the answer pauses. If
its client knows no pause, the search of the call before the last is refused: the model must answer.
"""

ID_PREFIX = "srvtoolu_"
"""Of the ids of hosted calls, in the Messages API."""

Result: TypeAlias = ToolSearchResult | WebSearchResult
Runner: TypeAlias = Callable[[dict[str, Any]], Result]
"""Runs one call: takes its input."""
Search: TypeAlias = Callable[[str, str], Sequence[WebPage]]
"""Searches the web for a query, by an account. Raises GatewayError."""


def _tool_search(tool: HostedTool, conversation: Conversation, _: Find) -> Runner:
    kind = tool.kind.removeprefix("tool_search_")

    def run(given: dict[str, Any]) -> Result:
        query = given.get("query", given.get("pattern"))
        return tool_search.search(kind, query, conversation.deferred, lambda: gevent.sleep(0))

    return run


def _web_search(tool: HostedTool, conversation: Conversation, find: Find) -> Runner:
    return WebSearcher(tool.name, tool.web, conversation, find)


RUNNERS: dict[str, Callable[[HostedTool, Conversation, Find], Runner]] = {
    "tool_search_regex": _tool_search,
    "tool_search_bm25": _tool_search,
    "web_search": _web_search,
}
"""By the kind of tool: what runs the calls of one answer."""


def opener(
    open_call: Open, search: Search, ping_interval: float
) -> Callable[[Conversation, Any], Any]:
    """Opens conversations with ``open_call``, and those with hosted tools as a loop of such calls.
    ``ping_interval``: seconds of silence after which a client is due a sign of life.
    """

    def opened(conversation: Conversation, tap: Any) -> Any:
        if not conversation.hosted:
            return open_call(conversation, tap)
        return HostedLoop(open_call, search, conversation, tap, ping_interval)

    return opened


class HostedLoop:
    """What the web side needs of a call (:class:`app.web.gateway_call.GatewayCall`), made of one
    call after the other.
    """

    def __init__(
        self,
        open_call: Open,
        search: Search,
        conversation: Conversation,
        tap: Any,
        ping_interval: float,
    ) -> None:
        self._open = open_call
        self._search = search
        self._conversation = conversation
        self._tap = tap
        self._ping_interval = ping_interval
        self._searches = 0
        self._cut: dict[str, str] = {}  # by which limit, for the log
        self._runners = self._new_runners()
        self._unpaused = {tool.name for tool in conversation.hosted if not tool.web.pauses}
        self._pages = {page.mark: page for tool in conversation.hosted for page in tool.web.earlier}
        self._cites = any(
            tool.kind == "web_search" and tool.web.cites for tool in conversation.hosted
        )
        self._stops = Stops(conversation) if self._cites and conversation.stop_sequences else None
        if self._stops is not None:
            self._conversation = self._stops.asked
        self._call = open_call(self._conversation, tap)
        self._calls = [self._call]
        self.meter = SummedMeter(self._call.meter)

    @property
    def repairs(self) -> tuple[str, ...]:
        """Of all turns so far."""
        return calls.repairs(self._calls)

    @property
    def ignored(self) -> tuple[str, ...]:
        """Of all turns so far."""
        return calls.ignored(self._calls)

    def wait(self, seconds: float) -> bool:
        """Wait for the first content of the first turn. Raises GatewayError."""
        return self._calls[0].wait(seconds)

    def retry(self, error: GatewayError) -> bool:
        """Only the first turn can be repeated: nothing of the others would be the same."""
        if len(self._calls) > 1 or not self._call.retry(error):
            return False
        self._runners = self._new_runners()
        return True

    def facts(self) -> dict[str, Any]:
        """Of all turns (:func:`app.calls.facts`). ``web_searches``: how often the web was
        searched.
        """
        facts = calls.facts(self._calls) | self._cut
        if self._searches:
            facts["web_searches"] = self._searches
        return facts

    def close(self) -> None:
        """End the turn that is under way. Idempotent."""
        for call in self._calls:
            call.close()

    def batches(self) -> Iterator[Sequence[Event]]:
        """The events of all turns as those of one answer. Raises GatewayError."""
        turns = self._turns()
        return self._stops.kept(turns, self._end, self.meter) if self._stops else turns

    def _end(self, limit: str) -> None:
        """A limit has ended the answer before the upstream did."""
        self._cut["cut_by"] = limit
        self._call.close()

    def _turns(self) -> Iterator[Sequence[Event]]:
        while True:
            turn = _Turn(self._runners, self._run, self._pages if self._cites else None)
            for batch in self._call.batches():
                yield from turn.rewritten(batch)
            if not turn.goes_on:
                return
            if len(self._calls) == MOST_TURNS:
                yield [Finish("max_tokens" if self._unpaused else "pause_turn")]
                return
            rest = self._rest(turn)
            if rest.max_tokens == 0:  # nothing more may be said, so nothing is asked
                self._cut["cut_by"] = OutputTokens.name
                yield [Finish("max_tokens")]
                return
            self._next(rest)
            while not self._call.wait(self._ping_interval):
                yield ()

    def _new_runners(self) -> dict[str, Runner]:
        conversation = self._conversation
        return {
            tool.name: RUNNERS[tool.kind](tool, conversation, self._find)
            for tool in conversation.hosted
        }

    def _find(self, query: str) -> Sequence[WebPage]:
        self._searches += 1
        return self._search(query, self._call.facts().get("account", ""))

    def _run(self, name: str, given: dict[str, Any]) -> Iterator[Result | None]:
        """The result of a call, in a greenlet of its own: None for each ping interval before it is
        there. Whoever stops asking for it stops the tool.
        """
        if name in self._unpaused and len(self._calls) >= MOST_TURNS - 1:
            yield WebSearchResult(error="max_uses_exceeded")
            return
        run = partial(_outcome, self._runners[name], given)
        running = gevent.spawn(copy_context().run, run)
        try:
            while not running.ready():
                running.join(self._ping_interval)
                if not running.ready():
                    yield None
        finally:
            running.kill(block=False)
        result = running.value
        if isinstance(result, Exception):
            raise result
        if isinstance(result, WebSearchResult):
            self._pages |= {page.mark: page for page in result.pages}
        yield result

    def _rest(self, turn: "_Turn") -> Conversation:
        """The conversation for the next turn, with what this one said and found."""
        asked_again = getattr(self._call, "has_asked_again", False)  # once in all the turns
        rest = continued(self._conversation, turn.said, self._call.meter.counts().output_tokens)
        return replace(rest, asks_again=rest.asks_again and not asked_again)

    def _next(self, conversation: Conversation) -> None:
        """Open the next turn."""
        self._call.close()
        self._conversation = conversation
        self._call = self._open(conversation, self._tap)
        self._calls.append(self._call)
        self.meter.add(self._call.meter)


def _outcome(run: Runner, given: dict[str, Any]) -> Result | Exception:
    """What a runner gives or raises: gevent prints what a greenlet raises."""
    try:
        return run(given)
    except Exception as error:
        return error


class _Turn:
    """One turn of the model. ``hosted`` are the names of the tools that ``run`` runs, and ``pages``
    those that can be cited, None if no citations are read.
    """

    def __init__(
        self,
        hosted: Collection[str],
        run: Callable[[str, dict[str, Any]], Iterator[Result | None]],
        pages: Mapping[str, WebPage] | None,
    ) -> None:
        self._hosted = hosted
        self._run = run
        self._citations = None if pages is None else Citations(pages)
        self._said = ReplyBuilder()
        self._call: ToolStart | None = None  # the open call, if it is of a hosted tool
        self._fragments: list[str] = []
        self._calls: set[bool] = set()  # of a hosted tool, of another one
        self.goes_on = False

    @property
    def said(self) -> tuple[Part, ...]:
        """All of a turn that goes on."""
        return self._said.reply().parts

    def rewritten(self, batch: Sequence[Event]) -> Iterator[Sequence[Event]]:
        """The events for the client: each call of a hosted tool with its result, and no end if the
        model is to go on; an empty batch for each tick of silence.
        """
        ready: list[Event] = []
        for event in batch:
            call = self._read(event, ready)
            if call is not None:
                written = "".join(self._fragments)
                given = decode_object(written) if written else {}
                start = HostedToolStart(ID_PREFIX + call.id, call.name, given)
                yield self._told([*ready, start])
                ready = []
                for result in self._run(call.name, given):
                    if result is None:
                        yield ()
                    else:
                        ready.append(HostedToolUse(start.id, start.name, given, result))
        yield self._told(ready)

    def _told(self, events: Sequence[Event]) -> Sequence[Event]:
        """These events, of which the last may be that of the turn."""
        told = list(events) if self._citations is None else self._citations.read(events)
        self._said.feed(told)
        if told and isinstance(end := told[-1], Finish) and self._is_to_go_on(end):
            self.goes_on = True
            told.pop()
        return told

    def _is_to_go_on(self, end: Finish) -> bool:
        return end.reason == "tool_use" and self._calls == {True}

    def _read(self, event: Event, ready: list[Event]) -> ToolStart | None:
        """Put an event that is for the client behind the others; a call of a hosted tool if it ends
        with this event.
        """
        if isinstance(event, ToolStart):
            self._calls.add(event.name in self._hosted)
            if event.name in self._hosted:
                self._call, self._fragments = event, []
                return None
        elif self._call is not None and isinstance(event, ToolInput):
            self._fragments.append(event.fragment)
            return None
        elif self._call is not None and isinstance(event, ToolEnd):
            call, self._call = self._call, None
            return call if event.complete else None  # one that was cut off must not be run
        ready.append(event)
        return None
