"""What each view of the page shows: values for its template."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from app.accounting.entry import Entry, Grouping, Query
from app.accounting.report import Report, moment
from app.client_setup import showing
from app.client_setup.clients import CLIENTS
from app.client_setup.gateway import PLACEHOLDER, Key
from app.client_setup.setup import Setup
from app.common.errors import GatewayError
from app.credentials import CONDITIONS, AccountReport, advice
from app.models.model import Model

from . import charts
from .sessions import Session
from .shelf import Shelf
from .sources import InProgress, Sources

LAST = 100
"""Requests that are shown: those that are over, and as many in progress."""

FAILURES = 5
"""Of them on the overview."""

PERIODS = ("24h", "7d", "30d")
MOST_SPEEDS = 5000
FRESH = 15.0
"""Seconds for which sums are shown again without adding up anew."""

ASK_EVERY = 60.0
"""Seconds until it is looked again whether a quota has to be asked for."""

Values = Mapping[str, Any]

_T = TypeVar("_T")


class Views:
    """The values of all views; what takes long is kept for a moment for all who look."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._shelf = Shelf()

    def values(self, view: str, session: Session, query: Mapping[str, str], url: str) -> Values:
        """The values of a view; ``url`` is how the browser reached the gateway."""
        makers: Mapping[str, Callable[[], Values]] = {
            "overview": lambda: self._overview(session),
            "requests": lambda: self._requests(session, query),
            "usage": lambda: self._usage(session, query),
            "models": lambda: {"models": self._models(session)},
            "setup": lambda: self._setup(session, url),
            "playground": lambda: {"models": self._models(session)},
        }
        try:
            return {"problem": "", **makers[view]()}
        except GatewayError as error:
            return {"problem": error.message}

    def _overview(self, session: Session) -> Values:
        """Whether requests can be answered is told also while what is kept cannot be read."""
        sources, unread = self._sources, list[str]()
        last = _read(lambda: self._last(session), unread)
        day = _read(lambda: self._report("model", "24h", session), unread)
        failed = None if last is None else [one for one in last if has_failed(one)][:FAILURES]
        values: dict[str, Any] = {
            "why_unready": sources.why_unready(),
            "in_progress": self._in_progress(session),
            "day": day.sum if day else None,
            "failures": failed,
            "to_repair": list(dict.fromkeys(unread)),
        }
        if session.is_owner:
            self._shelf.get("quotas", ASK_EVERY, sources.ask_quotas)
            accounts = [_account(one) for one in sources.accounts()]
            values["accounts"] = accounts
            values["dead"] = [one for one in accounts if one["is_bad"]]
            values["to_repair"] = [*sources.problems(), *values["to_repair"]]
        return values

    def _requests(self, session: Session, query: Mapping[str, str]) -> Values:
        only = "failed" if query.get("only") == "failed" else ""
        last = self._last(session)
        shown = [one for one in last if has_failed(one)] if only else last
        return {"entries": shown, "only": only, "in_progress": self._in_progress(session)}

    def _usage(self, session: Session, query: Mapping[str, str]) -> Values:
        since = query.get("since", "7d")
        since = since if since in PERIODS else "7d"
        groupings: tuple[Grouping, ...] = ("key", "model", "day")
        if not session.is_owner:
            groupings = ("model", "day")
        reports = {by: self._report(by, since, session) for by in groupings}
        days = reports["day"]
        now = time.time()
        speeds = self._speeds(session)
        return {
            "since": since,
            "periods": PERIODS,
            "reports": reports,
            "days": charts.days(days.totals, days.since, days.until) if days else [],
            "lines": (
                ("median_first", charts.first_events(speeds, now)),
                ("throughput", charts.throughput(speeds, now)),
            ),
        }

    def _models(self, session: Session) -> list[Model]:
        listed = self._sources.names().listing()
        return [model for model in listed if self._sources.may_use(session.key, model.id)]

    def _setup(self, session: Session, url: str) -> Values:
        models = tuple(one for one in self._models(session) if one.lifecycle == "active")
        default = self._sources.names().resolve("").model
        public = self._sources.public_key if session.is_owner else ""
        if not models:
            return {"clients": [], "needs_key": False}
        model = default if default in models else models[0]
        setup = Setup(url, Key(public or PLACEHOLDER), "", model, models)
        home = Path.home()
        made = [
            {
                "id": name,
                "title": client.title,
                "lines": "\n".join(showing.lines(client, setup, home, {})),
            }
            for name, client in CLIENTS.items()
        ]
        return {"clients": made, "needs_key": not public}

    def _in_progress(self, session: Session) -> InProgress:
        """All for the owner, for another key its own; the first :data:`LAST` are listed."""
        found = self._shelf.get("in progress", 1.5, self._sources.in_progress)
        if session.is_owner:
            return found._replace(listed=found.listed[:LAST])
        own = [one for one in found.listed if one.key == session.key.name]
        return InProgress(own[:LAST], len(own), at_least=found.total > len(found.listed))

    def _last(self, session: Session) -> list[Entry]:
        recent, key = self._sources.recent, _own(session)
        if recent is None:
            return []
        return self._shelf.get(("last", key), 1.5, lambda: recent.last(key, LAST))

    def _speeds(self, session: Session) -> Any:
        recent, key = self._sources.recent, _own(session)
        if recent is None:
            return []

        def read() -> Any:
            return recent.speeds(key, time.time() - charts.HOUR, MOST_SPEEDS)

        return self._shelf.get(("speeds", key), FRESH, read)

    def _report(self, by: Grouping, since: str, session: Session) -> Report | None:
        reports, key = self._sources.reports, _own(session)
        if reports is None:
            return None

        def make() -> Report:
            return reports.make(Query(by, moment(since, time.time()), key))

        return self._shelf.get((by, since, key), FRESH, make)


def has_failed(entry: Entry) -> bool:
    """Whether the request ended in an error or without its client."""
    return bool(entry.error) or entry.cancelled


def _read(read: Callable[[], _T], problems: list[str]) -> _T | None:
    """What is read; None if it cannot be, with the reason among the problems."""
    try:
        return read()
    except GatewayError as error:
        problems.append(error.message)
        return None


def _own(session: Session) -> str:
    """The only key to look at, "" for the owner."""
    return "" if session.is_owner else session.key.name


def _account(report: AccountReport) -> dict[str, Any]:
    quota = report.quota
    used = min(1.0, quota.used / quota.limit) if quota and quota.limit else None
    return {
        "report": report,
        "name": report.account,
        "is_bad": CONDITIONS[report.state].is_bad,
        "advice": advice(report.state, report.account),
        "quota": quota,
        "used": used,
    }
