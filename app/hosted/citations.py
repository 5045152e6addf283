"""Which words of an answer the model says it took from a page.

Nothing is matched or guessed: the model puts ``<cite n="MARK">`` and ``</cite>`` around those words
(:func:`app.core.hosted.web_search_tool` asks for it). The marks are taken out of the text. Words
whose mark is that of no page stay plain text, and so do those of a citation without an end.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from app.core.conversation import CitedText, WebPage
from app.core.events import Event, TextDelta, Usage

LONGEST = 4_000
"""Characters of one citation, which are held back until it ends."""

_BEGIN = '<cite n="'
_END = "</cite>"
_LONGEST_MARKS = 80
_OPEN = re.compile(rf'{_BEGIN}([^"<>]{{1,{_LONGEST_MARKS}}})">')
_PART = re.compile(rf'{_BEGIN}[^"<>]{{0,{_LONGEST_MARKS}}}"?')
"""What may still become an opening mark."""


class Citations:
    """Reads the events of an answer. ``pages`` has all that can be cited, by their marks."""

    def __init__(self, pages: Mapping[str, WebPage]) -> None:
        self._pages = pages
        self._held = ""
        self._cited: tuple[WebPage, ...] | None = None  # inside a citation
        self._ends_left = 0  # of citations that were given up

    def read(self, events: Sequence[Event]) -> list[Event]:
        """The events with the citations in them."""
        return [told for event in events for told in self._read(event)]

    def _read(self, event: Event) -> Iterator[Event]:
        if isinstance(event, TextDelta):
            self._held += event.text
            yield from self._texts()
        else:
            if not isinstance(event, Usage):
                yield from self._rest()
            yield event

    def _texts(self) -> Iterator[Event]:
        while True:
            if self._cited is not None:
                words, end, rest = self._held.partition(_END)
                if not end:
                    if len(self._held) > LONGEST:
                        yield from self._rest()
                    return
                yield from self._cite(words)
                self._held = rest
            elif found := self._mark():
                if found.start():
                    yield TextDelta(self._held[: found.start()])
                self._held = self._held[found.end() :]
            else:
                start = _unfinished(self._held, (_BEGIN, _END) if self._ends_left else (_BEGIN,))
                if start:
                    yield TextDelta(self._held[:start])
                self._held = self._held[start:]
                return

    def _mark(self) -> re.Match[str] | None:
        """The first mark in plain text: one that opens a citation, or an end that was left."""
        opened = _OPEN.search(self._held)
        left = re.search(_END, self._held) if self._ends_left else None
        if left and (opened is None or left.start() < opened.start()):
            self._ends_left -= 1
            return left
        if opened:
            marks = (mark.strip() for mark in opened[1].split(","))
            found = dict.fromkeys(self._pages[mark] for mark in marks if mark in self._pages)
            self._cited = tuple(found)
        return opened

    def _cite(self, words: str) -> Iterator[Event]:
        pages, self._cited = self._cited, None
        if pages and words.strip():
            yield CitedText(words, pages)
        elif words:
            yield TextDelta(words)

    def _rest(self) -> Iterator[Event]:
        """What is held back, as plain text."""
        self._ends_left += self._cited is not None
        text, self._held, self._cited = self._held, "", None
        if text:
            yield TextDelta(text)


def _unfinished(text: str, marks: Sequence[str]) -> int:
    """Where a mark begins that the text may go on with; the length of the text if none does."""
    start = text.rfind("<")
    if start < 0:
        return len(text)
    rest = text[start:]
    is_begun = any(mark.startswith(rest) for mark in marks) or _PART.fullmatch(rest)
    return start if is_begun else len(text)
