"""Tool calls put together from the upstream's fragments, one whole call after the other.

A call is told in events that each repeat its id: the first names the tool, those behind it carry
pieces of its input (cut at any character), the last one says stop (source: Amazon Q CLI, AWS
language servers). The service is not known to interleave calls, but every event has an id, so it
may; clients cannot take that. What comes between the events of an open call is held back until that
call has ended, and is then told in its order.
"""

from collections import Counter, deque
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from app.core.events import Event, ToolEnd, ToolInput, ToolStart
from app.core.lenient_json import decode_object

_encode = msgspec.json.encode


class ToolUse(Struct, rename="camel", gc=False):
    """The payload of a toolUseEvent. ``input`` is a piece of JSON text; some upstreams were seen to
    send an object instead, which is then the whole of it.
    """

    tool_use_id: str
    name: str | None = None
    input: str | dict[str, Any] | None = None
    stop: bool | None = None


class ToolCallAssembler:
    """``open_id`` is the id of the call that is being told, or None. ``tool_names`` leads from the
    upstream's names of tools to the client's; ``skipped`` counts what was left out, by reason.
    """

    __slots__ = (
        "_ended",
        "_held",
        "_held_calls",
        "_names",
        "_pieces",
        "completed",
        "cut",
        "open_id",
        "skipped",
    )

    def __init__(self, tool_names: Mapping[str, str], skipped: Counter[str]) -> None:
        self.open_id: str | None = None
        self.completed = 0  # calls that may be run
        self.cut = 0  # calls whose input is not whole
        self.skipped = skipped
        self._names = tool_names
        self._pieces: list[str] = []  # of the open call's input
        self._ended: set[str | None] = set()
        # Single events, and the fragments of each waiting call, in the order they began in.
        self._held: deque[list[Event | ToolUse]] = deque()
        self._held_calls: dict[str, list[Event | ToolUse]] = {}

    @property
    def begun(self) -> bool:
        """Whether any call was told, be it in part."""
        return self.open_id is not None or bool(self._ended)

    def take(self, use: ToolUse, events: list[Event]) -> None:
        """Append the events of the next fragment, and those that waited for it."""
        if self.open_id is None or use.tool_use_id == self.open_id:
            self._tell(use, events)
            if self._held:
                self._release(events)
        else:
            self._hold_call(use)

    def hold(self, event: Event) -> None:
        """Keep an event that is none of the open call's until that call has ended."""
        self._held.append([event])

    def finish(self, events: list[Event]) -> None:
        """The answer has ended: end the calls that are open still, as cut off."""
        while self.open_id is not None:
            self._end(events, stopped=False)
            self._release(events)

    def _tell(self, use: ToolUse, events: list[Event]) -> None:
        if self.open_id is None and not self._start(use, events):
            return
        piece = use.input
        if piece:
            if not isinstance(piece, str):
                piece = _encode(piece).decode()
            self._pieces.append(piece)
            events.append(ToolInput(piece))
        if use.stop:
            self._end(events, stopped=True)

    def _start(self, use: ToolUse, events: list[Event]) -> bool:
        """Begin a call; False for one that no client could tell from others, or answer."""
        if use.tool_use_id in self._ended:
            self.skipped["toolUseEvent after its stop"] += 1
        elif not use.name or not use.tool_use_id:
            self.skipped["toolUseEvent without a name or an id"] += 1
        else:
            self.open_id = use.tool_use_id
            events.append(ToolStart(use.tool_use_id, self._names.get(use.name, use.name)))
        return self.open_id is not None

    def _end(self, events: list[Event], *, stopped: bool) -> None:
        complete = stopped and _is_object("".join(self._pieces))
        self._pieces.clear()
        self._ended.add(self.open_id)
        self.open_id = None
        if complete:
            self.completed += 1
        else:
            self.cut += 1
        events.append(ToolEnd(complete))

    def _hold_call(self, use: ToolUse) -> None:
        waiting = self._held_calls.get(use.tool_use_id)
        if waiting is not None:
            waiting.append(use)
        else:
            self._held_calls[use.tool_use_id] = waiting = [use]
            self._held.append(waiting)

    def _release(self, events: list[Event]) -> None:
        """Tell what was held back, up to the first call that has not ended yet."""
        while self._held and self.open_id is None:
            for held in self._held.popleft():
                if isinstance(held, ToolUse):
                    self._held_calls.pop(held.tool_use_id, None)
                    self._tell(held, events)
                else:
                    events.append(held)


def _is_object(written: str) -> bool:
    """Whether the input can be run: a JSON object, or nothing, which stands for an empty one."""
    try:
        if written:
            decode_object(written)
    except (ValueError, RecursionError):
        return False
    return True
