"""The log of received requests, and counters."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from app.simulator.checks.validate import Violation
from app.simulator.wire.bindings import Binding
from app.simulator.wire.http import HttpRequest


@dataclass(slots=True, kw_only=True)
class LoggedRequest:
    """One request and its outcome. Times are seconds since the epoch.

    Authorization is masked in `headers`. `bearer` is the token if the simulator issued it or had it
    declared, else it is masked too. `outcome` is "open" while the answer is being sent. Then it is
    "complete", "client_closed" (at `client_closed_at`, after `bytes_sent` and `events_sent`), "cut"
    or "reset" by a scripted fault, or "failed", which is a defect of the simulator. Byte counts are
    those of the body without HTTP framing.
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
        """Return the entry as JSON values."""
        return asdict(self)


class RequestLog:
    """The newest `limit` requests, and exact counters. Any thread may read it."""

    def __init__(self, limit: int) -> None:
        self._requests: deque[LoggedRequest] = deque(maxlen=limit)
        self._changed = threading.Condition()
        self._number = 0
        self._counts: Counter[str] = Counter()
        self._active: Counter[str] = Counter()

    def begin(self, request: HttpRequest, connection: int) -> LoggedRequest:
        """Return a new entry for a request. It is not visible until `add`."""
        headers = dict(request.headers)
        if "authorization" in headers:
            headers["authorization"] = "Bearer ***"
        with self._changed:
            self._number += 1
            return LoggedRequest(
                number=self._number,
                connection=connection,
                method=request.method,
                path=request.path,
                query=request.query,
                headers=headers,
                at=time.time(),
                body_bytes=len(request.body),
            )

    def add(self, logged: LoggedRequest) -> None:
        """Make an entry visible, once its operation, bearer and body are filled in."""
        with self._changed:
            self._requests.append(logged)
            self._counts[f"operation.{logged.operation}"] += 1
            self._active[logged.operation] += 1
            self._counts["peak_active"] = max(
                self._counts["peak_active"], sum(self._active.values())
            )
            self._changed.notify_all()

    def progress(self, logged: LoggedRequest, size: int, events: int) -> None:
        """Record that `size` more bytes were written to the socket, and `events` events in
        total."""
        with self._changed:
            logged.bytes_sent += size
            logged.events_sent = events
            self._changed.notify_all()

    def end(self, logged: LoggedRequest, outcome: str, gone_at: float | None = None) -> None:
        """Close the entry; a second call has no effect. `gone_at` is a monotonic time."""
        with self._changed:
            if logged.ended_at is not None:
                return
            logged.ended_at = time.time()
            logged.outcome = outcome
            if gone_at is not None:
                logged.client_closed_at = logged.ended_at - time.monotonic() + gone_at
            self._active[logged.operation] -= 1
            self._counts[f"status.{logged.status}"] += 1
            self._counts[f"outcome.{outcome}"] += 1
            self._changed.notify_all()

    def count(self, name: str, step: int = 1) -> None:
        """Add `step` to a counter."""
        with self._changed:
            self._counts[name] += step
            self._changed.notify_all()

    def clear(self) -> None:
        """Remove all entries and counters, except the counts of active requests and open
        connections."""
        with self._changed:
            self._requests.clear()
            open_connections = self._counts["connections_open"]
            self._counts.clear()
            self._counts["connections_open"] = open_connections

    @property
    def requests(self) -> list[LoggedRequest]:
        """The logged requests, oldest first."""
        with self._changed:
            return list(self._requests)

    def stats(self) -> dict[str, int]:
        """Return every counter, and `active`: the number of requests in progress."""
        with self._changed:
            return {**self._counts, "active": sum(self._active.values())}

    def wait_for(self, predicate: Callable[[list[LoggedRequest]], Any], timeout: float) -> Any:
        """Wait until `predicate(requests)` is true, at most `timeout` seconds; return its last
        value."""
        with self._changed:
            return self._changed.wait_for(lambda: predicate(list(self._requests)), timeout)
