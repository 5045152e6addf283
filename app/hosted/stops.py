"""Stop sequences of an answer whose text has citations.

The model writes marks around what it cites, which the client does not get. So its sequences are
looked for in the text without the marks, and behind them.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec.structs import replace

from app.core.conversation import CitedText, Conversation, WebPage
from app.core.events import Event, TextDelta
from app.core.limits import Limit, Limits, limited
from app.core.usage import Meter


class Stops:
    """Those of one answer, all its turns together."""

    def __init__(self, conversation: Conversation) -> None:
        only_stops = Conversation("", (), stop_sequences=conversation.stop_sequences)
        self._limits = Limits(only_stops)
        self.asked = replace(conversation, stop_sequences=())
        """The conversation for the model."""

    def kept(
        self, batches: Iterable[Sequence[Event]], cancel: Callable[[str], object], meter: Meter
    ) -> Iterator[Sequence[Event]]:
        """The batches up to the first sequence; then ``cancel`` is called as in :func:`limited`."""
        machines = self._limits.machines(meter.estimator, bounded=True)
        return limited(batches, [_Cited(machine) for machine in machines], cancel)


class _Cited:
    """A limit of text, which is shown cited text as if it were plain."""

    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self.name = limit.name
        self.reached = False
        self._runs: deque[tuple[int, tuple[WebPage, ...]]] = deque()
        """Of the text that the limit has and has not passed on: lengths, and what it cites."""
        self._passed = ""  # of the first run, which is passed on whole if it cites

    def feed(self, events: Sequence[Event]) -> Sequence[Event]:
        """As in :class:`.Limit`."""
        passed = self._limit.feed([*map(self._plain, events)])
        self.reached = self._limit.reached
        return list(self._marked(passed))

    def flush(self) -> Sequence[Event]:
        """As in :class:`.Limit`."""
        return [*self._marked(self._limit.flush()), *self._rest()]

    def _plain(self, event: Event) -> Event:
        if not isinstance(event, TextDelta | CitedText):
            return event
        pages = event.pages if isinstance(event, CitedText) else ()
        if event.text:
            self._runs.append((len(event.text), pages))
        return TextDelta(event.text) if pages else event

    def _marked(self, events: Sequence[Event]) -> Iterator[Event]:
        for event in events:
            if isinstance(event, TextDelta):
                yield from self._runs_of(event.text)
            else:
                yield from self._rest()
                yield event

    def _runs_of(self, text: str) -> Iterator[Event]:
        """This text in its runs; the last one is kept if it cites and more of it may come."""
        while text:
            length, pages = self._runs[0]
            part = text[: length - len(self._passed)]
            text = text[len(part) :]
            self._passed += part
            is_whole = len(self._passed) == length
            if is_whole or not pages:
                yield CitedText(self._passed, pages) if pages else TextDelta(self._passed)
                self._passed = ""
                self._runs.popleft()
                if not is_whole:
                    self._runs.appendleft((length - len(part), pages))

    def _rest(self) -> Iterator[Event]:
        """What is kept of a citation that goes no further."""
        if self._passed:
            yield CitedText(self._passed, self._runs[0][1])
            self._passed = ""
