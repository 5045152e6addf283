"""Looks after the accounts beside the requests: sends alerts, and asks now and then for quotas.

One worker of a host does it, the one that holds the lock; when it ends, another takes over. An
alert is sent when a condition is seen twice in a row, once, and once more when it has not been seen
twice in a row. What could not be sent is sent later, if it still holds.
"""

import errno
import logging
import socket
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gevent
from filelock import FileLock, Timeout

from app.aws.quota import Quota
from app.common import files
from app.common.errors import GatewayError
from app.credentials import AccountReport, Condition, Credentials

from . import conditions
from .conditions import Alert, Identity
from .memory import FILE, Memory, Told
from .receiver import Receiver, Undelivered

log = logging.getLogger("kiro2api.alerts")

LOOK_EVERY = 1.0
"""Seconds between two looks."""

FIRST_QUOTA = 600.0
"""Seconds after the start until quotas are asked for: most processes that start end again soon."""

QUOTA_EVERY = 1800.0
"""Seconds between two questions for the quota of an account."""

QUOTA_AGAIN = 60.0
"""Seconds until it is asked again for an account that could not be reached."""

SHORTEST_PAUSE, LONGEST_PAUSE = 5.0, 600.0
"""Seconds until what could not be sent is sent again."""

OnQuota = Callable[[str, float, Quota], object]


class Watch:
    """``receiver`` is None if nobody wants alerts. ``on_quota``, if there is one, is called with an
    account, a moment and the quota that it had then, once for each that is new.
    """

    def __init__(
        self,
        credentials: Credentials,
        directory: Path,
        receiver: Receiver | None,
        *,
        on_quota: OnQuota | None,
        version: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._credentials = credentials
        self._receiver = receiver
        self._on_quota = on_quota
        self._version = version
        self._clock = clock
        self._directory = directory
        self._memory = Memory(directory / FILE)
        self._lock = FileLock(
            str(directory / "alerts.lock"), mode=0o600, thread_local=False, fallback_to_soft=False
        )
        self._is_ours = False
        self._told: dict[Identity, Told] = {}
        self._before: dict[Identity, Alert] = {}
        self._quotas: dict[str, float] = {}
        self._ask_at = 0.0
        self._send_at = 0.0
        self._pause = SHORTEST_PAUSE
        self._greenlet: gevent.Greenlet[[], None] | None = None

    def start(self) -> None:
        """Begin to look, in a greenlet of its own; returns at once."""
        self._ask_at = time.monotonic() + FIRST_QUOTA
        self._greenlet = gevent.spawn(self._run)

    def close(self) -> None:
        """Stop looking, and let another worker do it."""
        if self._greenlet is not None:
            self._greenlet.kill(block=False)
        if self._is_ours:
            self._lock.release()

    def look(self) -> None:
        """One look, if it is this worker's turn."""
        if not self._is_ours and not self._take_over():
            return
        if time.monotonic() >= self._ask_at:
            self._ask_at = time.monotonic() + QUOTA_EVERY
            self._credentials.ask_quotas(older_than=QUOTA_EVERY / 2)
        reports = self._credentials.report()
        if any(one.state is Condition.UNREACHABLE for one in reports):
            self._ask_at = min(self._ask_at, time.monotonic() + QUOTA_AGAIN)
        for one in reports:
            if one.quota is not None and self._quotas.get(one.account) != one.quota_at:
                self._quotas[one.account] = one.quota_at
                if self._on_quota is not None:
                    self._on_quota(one.account, one.quota_at, one.quota)
        if self._receiver is not None:
            self._tell(self._receiver, reports)

    def _run(self) -> None:
        while True:
            try:
                self.look()
            except GatewayError as error:
                log.info("the accounts could not be looked at: %s", error.message)
            except Exception:  # a mistake here must not end the look-out for good
                log.exception("the accounts could not be looked at")
            gevent.sleep(LOOK_EVERY)

    def _take_over(self) -> bool:
        """Without a lock, for want of a directory, each worker looks for itself."""
        try:
            files.private_directory(self._directory)
            if why := files.why_unsafe(self._directory):
                raise PermissionError(errno.EPERM, why)
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        except (OSError, NotImplementedError) as error:
            log.warning("each worker sends alerts: %s cannot be used: %s", self._directory, error)
        self._is_ours = True
        self._told = self._memory.read()
        return True

    def _tell(self, receiver: Receiver, reports: Sequence[AccountReport]) -> None:
        problem = " ".join(self._credentials.store_problems())
        found = conditions.alerts(reports, problem, self._clock(), self._told)
        seen = {one.identity: one for one in found}
        before, self._before = self._before, seen
        new = [seen[one] for one in seen if one in before and one not in self._told]
        over = [one for one in self._told if one not in seen and one not in before]
        if time.monotonic() < self._send_at:
            return
        for alert in new:
            now = self._clock()
            if not self._send(receiver, alert, "began", now):
                return
            self._remember({**self._told, alert.identity: Told(alert, now)})
        for identity in over:
            told = self._told[identity]
            if not self._send(receiver, told.alert, "over", told.since):
                return
            self._remember({one: self._told[one] for one in self._told if one != identity})

    def _send(self, receiver: Receiver, alert: Alert, state: str, since: float) -> bool:
        try:
            receiver.send(self._message(alert, state, since))
        except Undelivered as error:
            log.warning("KIRO_ALERT_URL: an alert (%s) was not taken: %s", alert.kind.value, error)
            self._send_at = time.monotonic() + self._pause
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
            return False
        self._pause = SHORTEST_PAUSE
        log.info("KIRO_ALERT_URL: %s %s %s", alert.kind.value, alert.account, state)
        return True

    def _message(self, alert: Alert, state: str, since: float) -> dict[str, Any]:
        """``text`` is what Slack and Mattermost show."""
        return {
            "source": "kiro2api",
            "version": self._version,
            "host": socket.gethostname(),
            "kind": alert.kind.value,
            "state": state,
            "account": alert.account or None,
            "since": _written(since),
            "time": _written(self._clock()),
            "text": alert.text if state == "began" else f"Over: {alert.text}",
        }

    def _remember(self, told: dict[Identity, Told]) -> None:
        self._told = told
        self._memory.write(told)


def _written(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%FT%TZ}"
