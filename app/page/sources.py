"""Where the page learns what it shows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.accounting.reports import Recent, Reports
from app.credentials import AccountReport
from app.keys.key_file import ClientKey
from app.models.names import Names
from app.server.progress import Answer


class InProgress(NamedTuple):
    """The answers in progress, of all workers: those that are listed, the oldest first, and how
    many there are. ``at_least``: there may be more, since not all could be listed.
    """

    listed: Sequence[Answer]
    total: int
    at_least: bool = False


@dataclass(frozen=True, slots=True)
class Sources:
    """``why_unready`` gives the reason for which nothing can be answered, "" if something may;
    ``problems`` are those that the owner should repair. ``reports`` and ``recent`` are None if
    nothing is kept. ``ask_quotas`` has the quotas asked for that may be old, and does not wait.
    ``public_key``: the key that everybody knows, "" if there is none.
    """

    version: str
    accounts: Callable[[], Sequence[AccountReport]]
    why_unready: Callable[[], str]
    problems: Callable[[], Sequence[str]]
    names: Callable[[], Names]
    may_use: Callable[[ClientKey, str], bool]
    reports: Reports | None
    recent: Recent | None
    in_progress: Callable[[], InProgress]
    ask_quotas: Callable[[], object]
    is_ending: Callable[[], bool]
    public_key: str
