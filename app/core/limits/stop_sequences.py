"""Ends an answer where its text has one of the client's stop sequences."""

from collections.abc import Sequence

from app.core.events import Event, Finish, TextDelta, ToolEnd, Usage
from app.core.typed_json import FieldError

from .automaton import ROOT, Automaton

MOST_CHARACTERS = 131_072
"""Of all stop sequences of a request together: each takes about a hundred bytes of memory while the
request lasts."""


def check_size(sequences: Sequence[str], name: str) -> None:
    """Raises :class:`FieldError` for the member ``name`` if the sequences are too long together."""
    if (size := sum(map(len, sequences))) > MOST_CHARACTERS:
        raise FieldError(
            (name,),
            f"The sequences have {size} characters together; this gateway takes at most"
            f" {MOST_CHARACTERS}",
        )


class StopSequences:
    """Only text is read, not reasoning and not the input of tools, as at the APIs. A match lies in
    one run of text: other content between two pieces of text keeps them apart.

    The first sequence that is complete ends the answer; if several are complete with the same
    character, the longest. Text that may be the beginning of a sequence is held back until it is
    known, and nothing else is. After a call that was cut off the reason is ``max_tokens``: clients
    take calls for complete by the reason.
    """

    name = "stop_sequence"

    def __init__(self, automaton: Automaton) -> None:
        self._automaton = automaton
        self._state = ROOT  # the text held back is the state's suffix
        self._has_cut_call = False
        self.reached = False

    def feed(self, events: Sequence[Event]) -> Sequence[Event]:
        """As in :class:`.Limit`."""
        passed: list[Event] = []
        for event in events:
            kind = type(event)
            if kind is TextDelta:
                if found := self._text(event.text, passed):  # type: ignore[union-attr]
                    self.reached = True
                    told = Finish("stop_sequence", stop_sequence=found)
                    passed.append(Finish("max_tokens") if self._has_cut_call else told)
                    return passed
                continue
            if kind is ToolEnd and not event.complete:  # type: ignore[union-attr]
                self._has_cut_call = True
            if kind is not Usage and self._state != ROOT:
                passed += self.flush()
            passed.append(event)
        return passed

    def _text(self, text: str, passed: list[Event]) -> str:
        """Pass on what is no part of a sequence; the sequence that was found, "" if none was."""
        held, automaton = self._state, self._automaton
        self._state, end, length = automaton.read(held, text)
        keep = length or automaton.depth[self._state]
        if end:
            text = text[:end]
        free = automaton.depth[held] + len(text) - keep  # characters to pass on
        if free > 0:
            begin = automaton.begin(held, free)
            passed.append(TextDelta(begin + text[: free - len(begin)]))
        return automaton.suffix(self._state)[-length:] if length else ""

    def flush(self) -> Sequence[Event]:
        """As in :class:`.Limit`."""
        held, self._state = self._state, ROOT
        return (TextDelta(self._automaton.suffix(held)),) if held != ROOT else ()
