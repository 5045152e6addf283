"""Detects changes of the sources, without a restart and without a thread of its own."""

import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from app.credentials.model import Login

from . import chain
from .chain import Choice
from .source import Source

log = logging.getLogger("kiro2api.credentials")

CHECK_INTERVAL = 1.0
"""Seconds between two checks of the files."""


class SourceWatcher:
    """``problems`` describes what is wrong with the sources, in sentences. ``touched_at`` is when a
    file of the chosen source was changed last, 0 if it has none.

    ``announce``: log the first choice too, not only later changes.
    """

    def __init__(
        self, sources: Iterable[Source], clock: Callable[[], float], *, announce: bool
    ) -> None:
        self._sources = list(sources)
        self._clock = clock
        self._announce = announce
        self._next_check = 0.0
        self._seen: Sequence[object] | None = None
        self._logged: set[str] = set()
        self.problems: list[str] = []
        self.touched_at = 0.0

    def is_due(self) -> bool:
        """Whether it is time for the next check; True at most once per interval."""
        now = self._clock()
        if 0 <= self._next_check - now <= CHECK_INTERVAL:
            return False
        self._next_check = now + CHECK_INTERVAL
        return True

    def poll(self) -> Choice | None:
        """The new choice, None if no file has changed since the last check."""
        seen = [_stamp(path) for source in self._sources for path in source.watched()]
        if seen == self._seen:
            return None
        self._seen = seen
        choice = chain.choose(self._sources)
        watched = choice.source.watched() if choice.source else ()
        self.touched_at = max(map(_changed_at, watched), default=0.0)
        return choice

    def reread(self, login: Login) -> Login | None:
        """The same login as its source holds it now, None if the source no longer holds it."""
        result = chain.choose(self._sources).result
        return next((other for other in result.logins if other.account == login.account), None)

    def log_choice(self, choice: Choice) -> None:
        """Log the choice and its problems, each line once until it changes."""
        result = choice.result
        lines = dict.fromkeys(result.problems, logging.ERROR)
        lines |= dict.fromkeys(result.warnings, logging.WARNING)
        self.problems = list(lines)
        if choice.source:
            lines[_told(choice.source.name, result.logins)] = logging.INFO
        if self._announce:
            for line in lines.keys() - self._logged:
                log.log(lines[line], "credential: %s", line)
        self._logged = set(lines)
        self._announce = True


def _told(source: str, logins: Sequence[Login]) -> str:
    described = ", ".join(filter(None, (login.description for login in logins)))
    return f"using {source}: {len(logins)} login(s){described and f' ({described})'}"


def _changed_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _stamp(path: Path) -> object:
    """A value that changes with the file, None if there is no such file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
