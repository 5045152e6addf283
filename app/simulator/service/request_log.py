"""What the simulator saw: one record a request, and counters."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from app.simulator.catalogue.models import Binding
from app.simulator.checks.validate import Violation
from app.simulator.wire.http import Request


@dataclass(slots=True, kw_only=True)
class Seen:
    """One request and what became of it; times are seconds since the epoch.

    `headers` has Authorization masked; `bearer` is the token if the simulator issued or was told
    it, else masked too. `outcome` is "open" while the answer is on its way, then "complete",
    "client_closed" (at `client_closed_at`, with `bytes_sent` and `events_sent` by then), or what a
    fault made of it: "cut", "reset"; "failed" is a defect of the simulator. Bytes are those of the
    body without its HTTP framing.
    """

    number: int
    connection: int
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    at: float
    bearer: str = ""
    operation: str = ""
    binding: Binding = "rest"
    body: Any = None
    body_bytes: int = 0
    violations: list[Violation] = field(default_factory=list)
    status: int | None = None
    outcome: str = "open"
    bytes_sent: int = 0
    events_sent: int = 0
    ended_at: float | None = None
    client_closed_at: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON values."""
        return asdict(self)


class Log:
    """The newest `limit` records and exact counters; safe to read from any thread."""

    def __init__(self, limit: int) -> None:
        self._records: deque[Seen] = deque(maxlen=limit)
        self._changed = threading.Condition()
        self._number = 0
        self._counts: Counter[str] = Counter()
        self._active: Counter[str] = Counter()

    def begin(self, request: Request, connection: int) -> Seen:
        """Open the record of a request."""
        headers = dict(request.headers)
        if "authorization" in headers:
            headers["authorization"] = "Bearer ***"
        with self._changed:
            self._number += 1
            return Seen(
                number=self._number,
                connection=connection,
                method=request.method,
                path=request.path,
                query=request.query,
                headers=headers,
                at=time.time(),
                body_bytes=len(request.body),
            )

    def add(self, seen: Seen) -> None:
        """Make a record visible, now that its request is understood."""
        with self._changed:
            self._records.append(seen)
            self._counts[f"operation.{seen.operation}"] += 1
            self._active[seen.operation] += 1
            self._counts["peak_active"] = max(
                self._counts["peak_active"], sum(self._active.values())
            )
            self._changed.notify_all()

    def progress(self, seen: Seen, size: int, events: int) -> None:
        """Note that `size` more bytes are handed to the socket, `events` events in all."""
        with self._changed:
            seen.bytes_sent += size
            seen.events_sent = events
            self._changed.notify_all()

    def end(self, seen: Seen, outcome: str, gone_at: float | None = None) -> None:
        """Close the record; a second call changes nothing. `gone_at` is monotonic."""
        with self._changed:
            if seen.ended_at is not None:
                return
            seen.ended_at = time.time()
            seen.outcome = outcome
            if gone_at is not None:
                seen.client_closed_at = seen.ended_at - time.monotonic() + gone_at
            self._active[seen.operation] -= 1
            self._counts[f"status.{seen.status}"] += 1
            self._counts[f"outcome.{outcome}"] += 1
            self._changed.notify_all()

    def count(self, name: str, step: int = 1) -> None:
        """Move a counter."""
        with self._changed:
            self._counts[name] += step
            self._changed.notify_all()

    def clear(self) -> None:
        """Forget records and counters; requests under way and open connections stay counted."""
        with self._changed:
            self._records.clear()
            open_connections = self._counts["connections_open"]
            self._counts.clear()
            self._counts["connections_open"] = open_connections

    @property
    def records(self) -> list[Seen]:
        """The records, oldest first."""
        with self._changed:
            return list(self._records)

    def stats(self) -> dict[str, int]:
        """Return every counter, and `active`: the requests under way."""
        with self._changed:
            return {**self._counts, "active": sum(self._active.values())}

    def wait_for(self, predicate: Callable[[list[Seen]], Any], timeout: float) -> Any:
        """Wait until `predicate(records)` is true and return what it gave; the last value upon
        timeout."""
        with self._changed:
            return self._changed.wait_for(lambda: predicate(list(self._records)), timeout)
