"""Assembles tool calls from the upstream's fragments, one call after another.

A call arrives as events that each repeat its id: the first names the tool, the next ones carry
pieces of its input (cut at any character), and the last one has the stop flag (source: Amazon Q
CLI, AWS language servers). The service is not known to interleave calls, but it could, since every
event has an id; clients could not handle that. Whatever arrives between the events of an open call
is held back until that call has ended, and then released in the order of arrival.
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
    """The payload of a toolUseEvent. ``input`` is a piece of JSON text; some upstreams send the
    whole input as an object instead.
    """

    tool_use_id: str
    name: str | None = None
    input: str | dict[str, Any] | None = None
    stop: bool | None = None


class ToolCallAssembler:
    """Emits core events for tool calls.

    ``open_id`` is the id of the open call, or None. ``completed`` counts the calls that may be run,
    ``cut_off`` those with incomplete input. ``tool_names``: the client's name by the upstream's
    name, for each renamed tool. ``skipped`` counts what was left out, by reason.
    """

    __slots__ = (
        "_ended",
        "_held",
        "_held_calls",
        "_names",
        "_pieces",
        "completed",
        "cut_off",
        "open_id",
        "skipped",
    )

    def __init__(self, tool_names: Mapping[str, str], skipped: Counter[str]) -> None:
        self.open_id: str | None = None
        self.completed = 0
        self.cut_off = 0
        self.skipped = skipped
        self._names = tool_names
        self._pieces: list[str] = []  # of the open call's input
        self._ended: set[str | None] = set()
        # Single events, and the fragments of each waiting call, in the order of their first event.
        self._held: deque[list[Event | ToolUse]] = deque()
        self._held_calls: dict[str, list[Event | ToolUse]] = {}

    @property
    def begun(self) -> bool:
        """Whether any call has begun."""
        return self.open_id is not None or bool(self._ended)

    def feed(self, use: ToolUse, events: list[Event]) -> None:
        """Append the events of the next fragment, and the held events that it releases."""
        if self.open_id is None or use.tool_use_id == self.open_id:
            self._emit(use, events)
            if self._held:
                self._release(events)
        else:
            self._hold_call(use)

    def hold(self, event: Event) -> None:
        """Keep an event that does not belong to the open call until that call has ended."""
        self._held.append([event])

    def finish(self, events: list[Event]) -> None:
        """End the calls that are still open, as cut off: the answer has ended."""
        while self.open_id is not None:
            self._end(events, stopped=False)
            self._release(events)

    def _emit(self, use: ToolUse, events: list[Event]) -> None:
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
        """Begin a call. False if it has already ended, or has no name or no id: no client could
        answer such a call.
        """
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
            self.cut_off += 1
        events.append(ToolEnd(complete))

    def _hold_call(self, use: ToolUse) -> None:
        waiting = self._held_calls.get(use.tool_use_id)
        if waiting is not None:
            waiting.append(use)
        else:
            self._held_calls[use.tool_use_id] = waiting = [use]
            self._held.append(waiting)

    def _release(self, events: list[Event]) -> None:
        """Emit what was held back, up to the first call that has not ended yet."""
        while self._held and self.open_id is None:
            for held in self._held.popleft():
                if isinstance(held, ToolUse):
                    self._held_calls.pop(held.tool_use_id, None)
                    self._emit(held, events)
                else:
                    events.append(held)


def _is_object(text: str) -> bool:
    """Whether a call's input is a JSON object, or empty, which means ``{}``."""
    try:
        if text:
            decode_object(text)
    except (ValueError, RecursionError):
        return False
    return True
