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
_OPEN_OR_END = re.compile(f"{_OPEN.pattern}|{_END}")
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
        """What is certain of the text that is held, of which the rest stays there."""
        text, at = self._held, 0
        while at < len(text):
            if self._cited is not None:
                end = text.find(_END, at)
                if end < 0:
                    break
                yield from self._cite(text[at:end])
                at = end + len(_END)
                continue
            mark = (_OPEN_OR_END if self._ends_left else _OPEN).search(text, at)
            start = mark.start() if mark else self._unfinished(text, at)
            if start > at:
                yield TextDelta(text[at:start])
            at = mark.end() if mark else start
            if mark is None:
                break
            self._pass(mark)
        self._held = text[at:]
        if self._cited is not None and len(self._held) > LONGEST:
            yield from self._rest()

    def _pass(self, mark: re.Match[str]) -> None:
        """Go on behind a mark: into a citation, or after the end of one that was given up."""
        if mark[1] is None:
            self._ends_left -= 1
            return
        marks = (name.strip() for name in mark[1].split(","))
        self._cited = tuple(
            dict.fromkeys(self._pages[name] for name in marks if name in self._pages)
        )

    def _unfinished(self, text: str, at: int) -> int:
        """Where a mark begins that the text may go on with; its end if none does."""
        start = text.rfind("<", at)
        if start < 0:
            return len(text)
        rest = text[start : start + len(_BEGIN) + _LONGEST_MARKS + 2]
        is_begun = _BEGIN.startswith(rest) or _PART.fullmatch(rest)
        is_end = self._ends_left and _END.startswith(rest)
        return start if is_begun or is_end else len(text)

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
