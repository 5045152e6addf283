"""Keeps the budgets of the keys: asks the ledger before an answer, and charges it with its cost.

Both are done for keys with budgets while their request waits: the charge before the client has the
end of the answer, so that no next request can come before it. The other keys are charged too, a
moment later and beside the requests, so that a budget that they get counts what they spent before.

A ledger that cannot be used refuses nobody: until it can be, this worker counts by what it knew
last and by what was spent here since, and charges that later.
"""

import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from time import monotonic, time
from typing import Any

import gevent
from gevent.lock import Semaphore
from gevent.threadpool import ThreadPool

from .budgets import Budget, BudgetExceeded, Place, Sums, budgets, crossed, has_budget, places
from .key_file import ClientKey
from .ledger import Charge, Ledger, charge

log = logging.getLogger("kiro2api.keys")

SOON = 0.5
"""Seconds until the charge of a key without budgets is written."""

AVOID = 5.0
"""Seconds without a call to a ledger that could not be used."""

PENDING = 10_000
"""Charges that may wait for the ledger; the oldest are given up beyond them."""


class Spending:
    """The budgets of all keys, in one worker. ``in_thread``: whether the ledger's calls block."""

    def __init__(
        self, ledger: Ledger, *, in_thread: bool, clock: Callable[[], float] = time
    ) -> None:
        self._ledger = ledger
        self._in_thread = in_thread
        self._clock = clock
        self._threads: ThreadPool | None = None  # made after the fork: threads do not survive one
        self._pending: list[Charge] = []
        self._known: dict[str, Sums] = {}
        self._writing = Semaphore()
        self._unseen: Counter[tuple[str, Place]] = Counter()  # charged since the last look at it
        self._later: gevent.Greenlet[..., Any] | None = None
        self._away_until = 0.0
        self._problem = ""

    def check(self, key: ClientKey, read: Sums | None = None) -> tuple[Budget, ...]:
        """The key's budgets, before an answer. ``read``: what the ledger says, if that was asked
        just now. Raises :class:`BudgetExceeded`.
        """
        if not has_budget(key):
            return ()
        now = self._clock()
        if read is not None:
            self._known[key.name] = read
        sums = self._with_pending(key.name) if read is not None else self._spent(key.name, now)
        found = budgets(key, sums, now)
        spent = [one for one in found if one.is_spent]
        if spent:
            raise BudgetExceeded(key, max(spent, key=lambda one: one.reset), found, now)
        return found

    def charge(self, key: ClientKey, micro_credits: int, tokens: int) -> None:
        """Charge the key for an answer. Waits until that is known to all if it has a budget."""
        made = charge(
            key.name,
            micro_credits,
            tokens if key.tokens_per_minute is not None else 0,
            self._clock(),
        )
        if not made.amounts:
            return
        self._pending.append(made)
        del self._pending[:-PENDING]
        if has_budget(key):
            self._unseen.update({(key.name, place): made.amounts[place] for place in made.amounts})
            # in a greenlet of its own: whatever ends the request must not end this
            gevent.spawn(self._charged, key, made).join()
        elif not self._later:
            self._later = gevent.spawn_later(SOON, self._flush)

    def tell_price(self, model: str, micro_credits: int, tokens: int) -> None:
        """All workers are to know what an answer of the model cost: it is kept beside the charges,
        for a month, under names that no key can have.
        """
        now = self._clock()
        told = zip(_price_names(model), (micro_credits, tokens), strict=True)
        self._pending += [charge(name, amount, 0, now) for name, amount in told]
        if not self._later:
            self._later = gevent.spawn_later(SOON, self._flush)

    def ask_price(self, model: str) -> tuple[int, int]:
        """What answers of the model cost in this month, in micro-credits, and their tokens."""
        now = self._clock()
        month = places(now)["month"]
        cost, size = (self._spent(name, now).get(month, 0) for name in _price_names(model))
        return cost, size

    def close(self) -> None:
        """Write what waits, and close the ledger."""
        self._away_until = 0.0
        self._flush()
        if self._pending:
            log.error("what %d answers have cost is not charged to their keys", len(self._pending))
        with contextlib.suppress(*self._ledger.errors):
            self._call(self._ledger.close)

    def _charged(self, key: ClientKey, made: Charge) -> None:
        self._flush()
        after = self._with_pending(key.name)
        for place in made.amounts:  # with what was charged beside it: together they may cross
            amount = self._unseen.pop((key.name, place), 0)
            if warned := crossed(key, after, place, amount):
                log.warning(
                    "client key %s has spent %s of its %s credits of this %s",
                    key.name,
                    warned.amount(warned.spent),
                    warned.amount(warned.limit),
                    warned.period,
                )

    def _spent(self, name: str, now: float) -> Sums:
        if monotonic() >= self._away_until:
            try:
                self._known[name] = self._call(self._ledger.read, name, now)
            except self._ledger.errors as error:
                self._is_away(error)
        return self._with_pending(name)

    def _with_pending(self, name: str) -> Sums:
        sums: dict[Place, int] = dict(self._known.get(name, {}))
        for one in self._pending:
            if one.name == name:
                for place, amount in one.amounts.items():
                    sums[place] = sums.get(place, 0) + amount
        return sums

    def _flush(self) -> None:
        """Give the ledger what waits, and return when it is written, whoever writes it. What could
        not be given is kept."""
        self._later = None
        with self._writing:
            if self._pending and monotonic() >= self._away_until:
                self._give()

    def _give(self) -> None:
        given, self._pending = self._pending, []
        try:
            self._known.update(self._call(self._ledger.add, given, self._clock()))
        except self._ledger.errors as error:
            self._pending = [*given, *self._pending]
            self._is_away(error)
        else:
            if self._problem:
                self._problem = ""
                log.info("what the keys spend is shared again")

    def _is_away(self, error: Exception) -> None:
        self._away_until = monotonic() + AVOID
        problem = type(error).__name__
        if problem != self._problem:
            self._problem = problem
            log.error(
                "what the keys have spent cannot be read or written (%s: %s); each worker counts "
                "the budgets by what it knew last",
                problem,
                error,
            )

    def _call(self, call: Callable[..., Any], *arguments: Any) -> Any:
        if not self._in_thread:
            return call(*arguments)
        if self._threads is None:
            self._threads = ThreadPool(1, hub=gevent.get_hub())
        result, error = self._threads.apply(_attempt, (call, arguments))
        if error is not None:
            raise error
        return result


def _price_names(model: str) -> tuple[str, str]:
    return f"/credits/{model}", f"/tokens/{model}"


def _attempt(call: Callable[..., Any], arguments: Sequence[Any]) -> tuple[Any, Exception | None]:
    """What a call returns, or raises: gevent writes what a thread raises to stderr."""
    try:
        return call(*arguments), None
    except Exception as error:
        return None, error
