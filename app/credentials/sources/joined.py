"""Several sources that are used together."""

from collections.abc import Sequence
from pathlib import Path

from .documents import without_duplicates
from .source import ReadResult, Source


class JoinedSource:
    """The logins of several explicit sources, in their order. Each source must have one: as on its
    own, a source that the user set is not skipped.
    """

    is_explicit = True

    def __init__(self, *sources: Source) -> None:
        self.name = " and ".join(source.name for source in sources)
        self._sources = sources

    def read(self) -> ReadResult:
        joined, complete = ReadResult(), True
        for source in self._sources:
            result = source.read()
            if not (result.logins or result.problems):
                joined.problems.append(f"{source.name} holds no enabled login")
            complete = complete and bool(result.logins)
            joined.logins += result.logins
            joined.problems += result.problems
            joined.warnings += result.warnings
        if not complete:
            joined.logins = []
        return without_duplicates(joined)

    def watched(self) -> Sequence[Path]:
        return [path for source in self._sources for path in source.watched()]
