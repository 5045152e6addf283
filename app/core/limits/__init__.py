"""Ends an answer where the client wants it to end, for what the upstream cannot be told.

Each limit is a small state machine over core events. They stand between the decoder and the
encoders, so they hold for every dialect, streamed and whole:

- :class:`.one_call.OneCall`: at most one tool call;
- :class:`.output_tokens.OutputTokens`: at most so many tokens, by the gateway's own count;
- :class:`.stop_sequences.StopSequences`: the text ends where one of the client's sequences begins.

To add one, write a machine with the two methods of :class:`Limit` and build it in
:meth:`Limits.machines`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from msgspec.structs import replace

from app.core.conversation import Conversation
from app.core.events import Event, Finish, Usage

from .automaton import Automaton
from .one_call import OneCall
from .output_tokens import OutputTokens
from .stop_sequences import StopSequences


class Limit(Protocol):
    """One limit of one answer."""

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

    def machines(self, *, bounded: bool) -> list[Limit]:
        """The machines for one answer, in the order in which they see its events; none if nothing
        is limited. ``bounded``: the upstream itself keeps the conversation's ``max_tokens``.
        """
        asked, machines = self._conversation, list[Limit]()
        if not asked.parallel_calls and asked.tools:
            machines.append(OneCall())
        if asked.max_tokens is not None and not bounded:
            with_thinking = asked.reasoning.enabled is True
            machines.append(OutputTokens(asked.max_tokens, with_thinking=with_thinking))
        if self._automaton is not None:
            machines.append(StopSequences(self._automaton))
        return machines


def limited(
    batches: Iterable[Sequence[Event]], machines: Sequence[Limit], cancel: Callable[[], object]
) -> Iterator[Sequence[Event]]:
    """The batches as ``machines`` let them through. Where one of them ends the answer, ``cancel``
    is called, once, and the rest is not read; what that read told of the costs is kept.
    """
    try:
        for batch in batches:
            passed = batch
            for machine in machines:
                passed = machine.feed(passed)
            if passed and type(passed[-1]) is Finish and passed[-1] is not batch[-1]:
                cancel()
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
