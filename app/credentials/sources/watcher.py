"""Notices when a source holds something else, without a restart and without a thread of its own."""

import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from app.credentials.model import Login

from . import chain
from .chain import Choice
from .documents import Source

log = logging.getLogger("kiro2api.credentials")

LOOK_EVERY = 1.0
"""Seconds between two looks at the files."""


class Watch:
    """``complaints`` are what is wrong with the sources, in sentences."""

    def __init__(
        self, candidates: Iterable[Source], clock: Callable[[], float], *, announce: bool
    ) -> None:
        self._candidates = list(candidates)
        self._clock = clock
        self._announce = announce
        self._look_at = 0.0
        self._seen: Sequence[object] | None = None
        self._told: set[str] = set()
        self.complaints: list[str] = []

    def is_time(self) -> bool:
        """Whether to look again."""
        now = self._clock()
        if 0 <= self._look_at - now <= LOOK_EVERY:
            return False
        self._look_at = now + LOOK_EVERY
        return True

    def news(self) -> Choice | None:
        """What the sources hold, None if no file has changed since the last time."""
        seen = [_stamp(path) for source in self._candidates for path in source.watched()]
        if seen == self._seen:
            return None
        self._seen = seen
        return chain.choose(self._candidates)

    def reread(self, login: Login) -> Login | None:
        """The same login as its source holds it at this moment, None if it no longer does."""
        found = chain.choose(self._candidates).found
        return next((other for other in found.logins if other.account == login.account), None)

    def tell(self, choice: Choice) -> None:
        """Log what was not logged before, each thing once."""
        found = choice.found
        lines = dict.fromkeys(found.problems, logging.ERROR)
        lines |= dict.fromkeys(found.doubts, logging.WARNING)
        self.complaints = list(lines)
        if choice.source:
            lines[f"using {choice.source.name}: {len(found.logins)} login(s)"] = logging.INFO
        if self._announce:
            for line in lines.keys() - self._told:
                log.log(lines[line], "credential: %s", line)
        self._told = set(lines)
        self._announce = True


def _stamp(path: Path) -> object:
    """Whatever changes when the file does, None if there is no such file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
