"""Ends an answer where the client wants it to end, for what the upstream cannot be told.

Each limit is a small state machine over core events. They stand between the decoder and the
encoders, so they hold for every dialect, streamed and whole:

- :class:`.one_call.OneCall`: at most one tool call;
- :class:`.output_tokens.OutputTokens`: at most so many tokens, by the gateway's own count;
- :class:`.stop_sequences.StopSequences`: the text ends where one of the client's sequences begins.

To add one, write a machine with the members of :class:`Limit`, build it in
:meth:`Limits.machines`, and describe it in :meth:`Limits.described`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from msgspec.structs import replace

from app.core.conversation import Conversation
from app.core.differences import shown
from app.core.events import Event, Finish, Usage
from app.core.explanation import LimitInForce
from app.core.tokens.text import UNIT, Estimator

from .automaton import Automaton
from .one_call import OneCall
from .output_tokens import OutputTokens, allowed
from .stop_sequences import StopSequences


class Limit(Protocol):
    """One limit of one answer. ``name`` is for the log; ``reached``: it has ended the answer."""

    name: str
    reached: bool

    def feed(self, events: Sequence[Event]) -> Sequence[Event]:
        """What the client gets of these events. If the limit is reached it ends with a Finish of
        the limit's own, after which nothing is fed.
        """

    def flush(self) -> Sequence[Event]:
        """What is held back, for an answer that breaks here."""


class Limits:
    """The limits of one request. They may be applied to several answers, of which each is new."""

    __slots__ = ("_automaton", "_conversation")

    def __init__(self, conversation: Conversation) -> None:
        """Takes a time that is linear in the length of the stop sequences."""
        self._conversation = conversation
        sequences = conversation.stop_sequences
        self._automaton = Automaton(sequences) if sequences else None

    def machines(self, estimator: Estimator, *, bounded: bool) -> list[Limit]:
        """The machines for one answer, in the order in which they see its events; none if nothing
        is limited. ``estimator`` is that of the model that answers. ``bounded``: the upstream
        itself keeps the conversation's ``max_tokens``.
        """
        asked, machines = self._conversation, list[Limit]()
        if not asked.parallel_calls and asked.tools:
            machines.append(OneCall())
        if asked.max_tokens is not None and not bounded:
            with_thinking = asked.reasoning.enabled is True
            machines.append(OutputTokens(asked.max_tokens, estimator, with_thinking=with_thinking))
        if self._automaton is not None:
            machines.append(StopSequences(self._automaton))
        return machines

    def described(self, *, bounded: bool) -> list[LimitInForce]:
        """The limits of an answer and how each is enforced; ``bounded`` as for :meth:`machines`."""
        asked, found = self._conversation, list[LimitInForce]()
        if not asked.parallel_calls and asked.tools:
            found.append(LimitInForce(name=OneCall.name, value=1, by="gateway", how=_ONE_CALL))
        if (most := asked.max_tokens) is not None:
            how = _IN_REQUEST if bounded else _COUNTED.format(allowed(most) // UNIT)
            found.append(
                LimitInForce(
                    name=OutputTokens.name,
                    value=most,
                    by="upstream" if bounded else "gateway",
                    how=how if most else _NOTHING,
                )
            )
        if asked.stop_sequences:
            sequences = shown(asked.stop_sequences)
            found.append(
                LimitInForce(name=StopSequences.name, value=sequences, by="gateway", how=_STOPS)
            )
        return found


_ONE_CALL = (
    "The answer ends where content follows the first complete tool call; the upstream is cancelled."
)
_IN_REQUEST = "The request to the upstream has it, in additionalModelRequestFields."
_COUNTED = (
    "The answer ends before the text, the names and the inputs of calls (and reasoning, if it was"
    " asked for) have more than {} tokens by the gateway's count; the upstream is cancelled."
)
_NOTHING = "The answer is empty, and the upstream is not asked."
_STOPS = (
    "The answer ends where its text has one of them, which is not sent; the upstream is cancelled."
)


def limited(
    batches: Iterable[Sequence[Event]], machines: Sequence[Limit], cancel: Callable[[str], object]
) -> Iterator[Sequence[Event]]:
    """The batches as ``machines`` let them through. Where one of them ends the answer, ``cancel``
    is called with its name, once, and the rest is not read; what that read told of the costs is
    kept.
    """
    try:
        for batch in batches:
            passed = batch
            for machine in machines:
                passed = machine.feed(passed)
            if passed and type(passed[-1]) is Finish and passed[-1] is not batch[-1]:
                cancel(next(machine.name for machine in machines if machine.reached))
                yield [*passed[:-1], *_costs(batch), passed[-1]]
                return
            yield passed
    except Exception:
        held: Sequence[Event] = ()
        for machine in machines:
            held = [*machine.feed(held), *machine.flush()]
        if held:
            yield held
        raise


def _costs(events: Sequence[Event]) -> list[Event]:
    """What the upstream told of the prompt and the price. Its figures of the output, and of the
    window that prompt and output fill, are of more than the client gets.
    """
    return [
        replace(event, output_tokens=None, context_percentage=None)
        for event in events
        if type(event) is Usage
    ]
