"""Lets through of an answer what fulfils the demands, and says at its end what is missing.

A state machine over the events of one answer of the upstream. What is not yet known to belong to
the answer is held back: text while a call is forced, or where the answer is JSON, and the calls of
tools with a schema, which are checked when they are complete. A call of a tool that was not offered
is left out. Everything else passes at once, and costs one look at the types of a batch.
"""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, Literal, TypeAlias

from msgspec import Struct
from msgspec.json import encode
from msgspec.structs import replace

from app.core.conversation import Part
from app.core.events import (
    CONTENT_EVENTS,
    Event,
    Finish,
    Refusal,
    TextDelta,
    ToolEnd,
    ToolInput,
    ToolStart,
)
from app.core.lenient_json import decode_object

from .found_json import documents
from .json_schema import Mismatch
from .plan import WRAPPED, Plan
from .said import Said

Check: TypeAlias = Callable[[str, Any], Mismatch | None]
"""How a value fails the schema of the tool of this name; None if it does not."""

Lack: TypeAlias = Literal["call", "json", "arguments", "tool"]
"""``call``: a forced call did not come. ``json``: the answer is not JSON of its schema.
``arguments``: those of a strict tool do not meet its schema. ``tool``: one that was not offered was
called, and no other.
"""


class Shortfall(Struct, frozen=True):
    """What an answer lacks. ``tool`` is the tool at fault, ``mismatch`` how its input, or the text,
    is wrong. ``refused`` says for each call of the answer, by its id, what the model is told of it.
    """

    lack: Lack
    tool: str = ""
    mismatch: Mismatch | None = None
    refused: dict[str, str] = {}


class _Call(Enum):
    """What becomes of the open call."""

    PASSED = "to the client, as it comes"
    HELD = "to the client, when it is complete and was checked"
    ANSWER = "to the client, as text"
    LEFT_OUT = "not to the client"


_ALWAYS: frozenset[type] = frozenset({ToolStart, ToolEnd, Finish})
_HOLDING_TEXT = _ALWAYS | {TextDelta}
_IN_CALL = _ALWAYS | {ToolInput}
_DONE: frozenset[type] = frozenset({*CONTENT_EVENTS, ToolInput, ToolEnd, Finish})
_FINISHED = frozenset({"end_turn", "tool_use", "stop_sequence", "pause_turn"})
"""Ends after which the clients of some dialect take the answer for finished. One that ended for
another reason, such as its limit, is given as it is."""


class Watch:
    """``note`` is called with the name of what is changed. ``called``: a complete call was let
    through.
    """

    def __init__(self, plan: Plan, check: Check, note: Callable[[str], object]) -> None:
        self._plan = plan
        self._check = check
        self._note = note
        self._said = Said()
        self._holds_text = plan.holds_text
        self._watched = _HOLDING_TEXT if self._holds_text else _ALWAYS
        self._text: list[Event] = []  # held back
        self._start = ToolStart("", "")  # of the last call
        self._call = _Call.PASSED
        self._events: list[Event] = []  # of the open call, if it is held
        self._fragments: list[str] = []  # of its input, unless it is passed
        self._refused: dict[str, str] = {}  # by the call's id: what the model would be told
        self._wrong: Shortfall | None = None  # the first call at fault
        self._answered = False
        self._spoilt = False
        self.called = False
        self.shortfall: Shortfall | None = None

    def feed(self, batch: Sequence[Event]) -> Sequence[Event]:
        """What the client gets of these events. At the end it has a Finish, or there is a
        :attr:`shortfall`.
        """
        self._said.add(batch)
        if self._watched.isdisjoint(map(type, batch)):
            return batch
        passed: list[Event] = []
        watched = self._watched
        for event in batch:
            if type(event) in watched:
                _STEPS[type(event)](self, event, passed)
                watched = self._watched  # a step may change it
            else:
                passed.append(event)
        return passed

    @property
    def waits_for_call(self) -> bool:
        """Whether there is text that is held back for a forced call."""
        return self._plan.forced and bool(self._text) and not self._plan.is_json

    def give_up(self) -> Sequence[Event]:
        """That text: the call is not waited for any longer."""
        self._spoilt = True
        return self._release()

    @property
    def can_go_on(self) -> bool:
        """Whether another answer can follow what was let through of this one."""
        return not (self.called or self._spoilt)

    @property
    def said(self) -> tuple[Part, ...]:
        """All that the model said, of an answer that ended."""
        return self._said.parts()

    def _release(self) -> list[Event]:
        """Hold text back no longer."""
        self._holds_text = False
        self._watched = self._watched - {TextDelta}
        held, self._text = self._text, []
        return held

    def _beside_call(self) -> list[Event]:
        """What the client gets of the text that is held back, if there is a call for it. Where it
        reads all text as JSON, it gets none, now and behind the call.
        """
        if not self._plan.is_json:
            return self._release()
        if self._text:
            self._note("text_beside_call_left_out")
            self._text = []
        return []

    def _on_text(self, event: Event, passed: list[Event]) -> None:
        if not self._answered:
            self._text.append(event)

    def _on_start(self, event: ToolStart, passed: list[Event]) -> None:
        self._start = event
        self._call = self._becomes(event.name)
        if self._call is _Call.PASSED:
            passed += (*self._beside_call(), event)
            return
        self._watched = self._watched | _IN_CALL
        self._events, self._fragments = [event], []
        if self._call is _Call.ANSWER:
            self._text.clear()

    def _becomes(self, name: str) -> _Call:
        plan = self._plan
        if self._answered:
            return _Call.LEFT_OUT
        if name == plan.answer_tool and name:
            return _Call.LEFT_OUT if self.called or self._wrong else _Call.ANSWER
        if name not in plan.offered:
            self._fault(Shortfall("tool", name), f"There is no tool {name!r} now.")
            return _Call.LEFT_OUT
        return _Call.HELD if name in plan.schemas else _Call.PASSED

    def _fault(self, shortfall: Shortfall, told: str) -> None:
        self._refused[self._start.id] = told
        self._wrong = self._wrong or shortfall

    def _on_input(self, event: ToolInput, passed: list[Event]) -> None:
        if self._call is _Call.HELD:
            self._events.append(event)
            self._fragments.append(event.fragment)
        elif self._call is _Call.ANSWER:
            self._fragments.append(event.fragment)
            if not self._plan.wrapped:
                passed.append(TextDelta(event.fragment))
                self._spoilt = True

    def _on_end(self, event: ToolEnd, passed: list[Event]) -> None:
        call, self._call = self._call, _Call.PASSED
        if call is _Call.PASSED:
            passed.append(event)
            self.called |= event.complete
        elif call is _Call.HELD:
            self._end_held(event, passed)
        elif call is _Call.ANSWER:
            self._end_answer(event, passed)
        held = _HOLDING_TEXT if self._holds_text else _ALWAYS
        self._watched = _DONE if self._answered else held

    def _end_held(self, event: ToolEnd, passed: list[Event]) -> None:
        name = self._start.name
        if event.complete and (found := self._check(name, self._input())):
            told = f"The input is not valid. {found.explained}"
            self._fault(Shortfall("arguments", name, found), told)
            return
        passed += (*self._beside_call(), *self._events, event)
        self.called |= event.complete

    def _end_answer(self, event: ToolEnd, passed: list[Event]) -> None:
        if not event.complete:  # the reason of the end says why
            return
        given, plan = self._input(), self._plan
        value = given.get(WRAPPED) if plan.wrapped else given
        if found := self._check(plan.answer_tool, value):
            told = f"The input is not valid. {found.explained}"
            self._fault(Shortfall("json", plan.answer_tool, found), told)
            return
        self._answered = True
        if plan.wrapped or not self._fragments:
            passed.append(TextDelta(encode(value).decode()))

    def _input(self) -> dict[str, Any]:
        written = "".join(self._fragments)
        return decode_object(written) if written else {}

    def _on_finish(self, event: Finish, passed: list[Event]) -> None:
        if self._answered:
            passed.append(Finish("end_turn"))
        elif event.reason not in _FINISHED:
            passed += self._as_it_is(event)
        elif self._plan.answer_tool and not self.called and self._in_text(passed):
            passed.append(Finish("end_turn"))
        elif (lack := self._lack()) is not None:
            self.shortfall = lack
        else:
            if self._wrong is not None:
                self._note("unoffered_call_left_out")
            passed += (*self._beside_call(), event)

    def _as_it_is(self, end: Finish) -> list[Event]:
        """The end of an answer that nothing is demanded of any more, and what is held back."""
        if self.called:
            return [*self._beside_call(), end]
        held = self._release()
        if not (self._plan.is_json and end.reason == "refusal"):
            return [*held, end]
        refusal = end.refusal or Refusal()
        words = "".join(event.text for event in held if isinstance(event, TextDelta))
        return [Finish("refusal", replace(refusal, explanation=refusal.explanation or words))]

    def _lack(self) -> Shortfall | None:
        plan, wrong = self._plan, self._wrong
        if wrong is not None and (wrong.lack != "tool" or not self.called):
            return Shortfall(wrong.lack, wrong.tool, wrong.mismatch, self._refused)
        if plan.answer_tool and not self.called:
            return Shortfall("json", plan.answer_tool)
        return Shortfall("call") if plan.forced and not self.called else None

    def _in_text(self, passed: list[Event]) -> bool:
        """Whether the model wrote the document as text, which then is the answer."""
        if self._wrong is not None or not self._holds_text:
            return False
        text = "".join(event.text for event in self._text if isinstance(event, TextDelta))
        for found in documents(text):
            if self._check(self._plan.answer_tool, found.value) is None:
                passed.append(TextDelta(found.text))
                if found.text != text.strip():
                    self._note("json_taken_out_of_text")
                return True
        return False

    def _on_rest(self, event: Event, passed: list[Event]) -> None:
        """What follows the answer is left out."""


_STEPS: dict[type, Callable[[Watch, Any, list[Event]], None]] = {
    **dict.fromkeys(CONTENT_EVENTS, Watch._on_rest),
    TextDelta: Watch._on_text,
    ToolStart: Watch._on_start,
    ToolInput: Watch._on_input,
    ToolEnd: Watch._on_end,
    Finish: Watch._on_finish,
}
