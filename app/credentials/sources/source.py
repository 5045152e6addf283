"""The interface of a source of logins."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from app.credentials.model import Login


@dataclass(slots=True)
class ReadResult:
    """The usable logins of a source, the problems of its unusable entries, and warnings about
    usable ones.
    """

    logins: list[Login] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


class Source(Protocol):
    """A place that may hold logins. ``is_explicit``: the user set it, so it must not be skipped."""

    name: str
    is_explicit: bool

    def read(self) -> ReadResult:
        """The current content. A missing file is empty, which is not a problem."""

    def watched(self) -> Sequence[Path]:
        """The files whose change requires another read."""
