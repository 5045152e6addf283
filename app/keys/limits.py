"""What a client's key allows: which models, how many requests a minute, how many answers at once.

Each worker counts for itself and takes its share of a limit, ``limit / WEB_CONCURRENCY`` rounded
up; the requests of a minute are counted exactly, by all workers of all hosts together, if
``KIRO_TOKEN_STORE`` names a Redis. A minute is any sixty seconds, not a minute of the clock.

Requests that call a model count, and those whose body is refused; the others cost nothing and are
not limited.
"""

from collections import Counter
from collections.abc import Callable
from functools import lru_cache, partial
from math import ceil
from time import time
from typing import NamedTuple, Protocol

from app.common.errors import GatewayError, Kind
from app.models.names import Resolution

from .budgets import Budget, BudgetExceeded, Sums, has_budget
from .key_file import OWN, ClientKey
from .prices import Prices
from .spending import Spending

MINUTE = 60.0


class RateStatus(NamedTuple):
    """``remaining`` of ``limit`` requests, after this one if it was ``allowed``; ``reset`` is when
    the oldest request of the minute expires, in seconds since the epoch."""

    allowed: bool
    limit: int
    remaining: int
    reset: float


class RateExceeded(GatewayError):
    """KEY_LIMITED by the requests of a minute; ``rate`` is for the response's headers."""

    def __init__(self, message: str, rate: RateStatus, *, retry_after: float) -> None:
        super().__init__(Kind.KEY_LIMITED, message, retry_after=retry_after)
        self.rate = rate


class Entry(NamedTuple):
    """A request that was let in: call ``leave``, once, when its answer is over. ``rate`` is None
    for a key without a limit per minute; ``budgets`` are the key's, as they were then."""

    leave: Callable[[], object]
    rate: RateStatus | None
    budgets: tuple[Budget, ...] = ()


class Rates(Protocol):
    """Counts the requests of a minute."""

    def hit(self, key: ClientKey, limit: int) -> RateStatus:
        """Count one request if the limit allows it."""

    def hit_and_read(self, key: ClientKey, limit: int) -> tuple[RateStatus, Sums | None]:
        """As :meth:`hit`, and what the key has spent if one call tells both; else None."""

    def take_back(self, key: ClientKey) -> None:
        """Count one request less, since the last was refused for another reason."""

    def close(self) -> None:
        """Idempotent."""


class KeyLimits:
    """The limits of all keys, in one worker."""

    def __init__(
        self,
        rates: Rates | None,
        *,
        workers: int,
        resolve: Callable[[str], Resolution],
        spending: Spending | None = None,
    ) -> None:
        """``rates`` and ``spending`` may be None if no key can have a limit per minute, or a
        budget. ``prices`` are those of the answers that keys are charged for."""
        self._rates = rates
        self._spending = spending
        self.prices = Prices(spending)
        self._workers = workers
        self._resolve = resolve
        self._in_progress: Counter[str] = Counter()
        self._exhausted: dict[tuple[str, int], RateStatus] = {}
        self._allowed = lru_cache(maxsize=1000)(self._ids)

    def enter(self, key: ClientKey, model: str) -> Entry:
        """Let in a request that calls a model.

        Raises GatewayError: PERMISSION for a model that the key may not use, KEY_LIMITED beyond
        its limits (:class:`RateExceeded` for the limit per minute), BudgetExceeded beyond a budget.
        """
        self._check_model(key, model)
        leave = self._take_stream(key)
        try:
            return Entry(leave, *self._spend(key))
        except BaseException:
            leave()
            raise

    def _spend(self, key: ClientKey) -> tuple[RateStatus | None, tuple[Budget, ...]]:
        """Count a request against the key's minute and look at its budgets, in one call where one
        store has both. A budget that is used up comes first, and the request is not counted then.
        """
        if self._spending is None or not has_budget(key):
            return self.count(key), ()
        if (limit := key.requests_per_minute) is None:
            return None, self._spending.check(key)
        rate, sums = self._counting().hit_and_read(key, limit)
        try:
            budgets = self._spending.check(key, sums)
        except BudgetExceeded:
            if rate.allowed:
                self._counting().take_back(key)
            raise
        return self._allowed_rate(key, limit, rate), budgets

    def check(self, key: ClientKey) -> None:
        """Raises :class:`RateExceeded` for a key that is known to have used up its minute; counts
        nothing. Call it before a request costs anything.
        """
        if self._exhausted and (limit := key.requests_per_minute) is not None:
            rate = self._exhausted.get((key.sha256, limit))
            if rate is not None:
                if 0 < rate.reset - time() <= MINUTE:
                    raise _exceeded(key, limit, rate)
                del self._exhausted[key.sha256, limit]

    def charges(self, key: ClientKey) -> bool:
        """Whether it matters what the key spends."""
        return self._spending is not None and key.name != OWN

    def charge(self, key: ClientKey, micro_credits: int, tokens: int) -> None:
        """Charge the key for what an answer has cost. Waits if the key has a budget."""
        if self._spending is not None:
            self._spending.charge(key, micro_credits, tokens)

    def close(self) -> None:
        """Write what the keys have spent, and close connections."""
        if self._spending is not None:
            self._spending.close()
        if self._rates is not None:
            self._rates.close()

    def may_use(self, key: ClientKey, model: str) -> bool:
        """Whether the key allows the model that this name resolves to."""
        return key.models is None or self._resolve(model).model.id in self._allowed(key.models)

    def _ids(self, names: tuple[str, ...]) -> set[str]:
        return {one.model.id for one in map(self._resolve, names) if is_meant(one)}

    def _check_model(self, key: ClientKey, model: str) -> None:
        if self.may_use(key, model):
            return
        resolved = self._resolve(model).model.id
        meant = "" if resolved == model else f" (which is {resolved!r} here)"
        raise GatewayError(
            Kind.PERMISSION,
            f"model: the client key {key.name!r} may not use {model!r}{meant}; it may use "
            f"{', '.join(key.models or ())}.",
            field="model",
        )

    def _take_stream(self, key: ClientKey) -> Callable[[], object]:
        limit = key.concurrent_streams
        if limit is None:
            return _nothing
        share = ceil(limit / self._workers)
        if self._in_progress[key.sha256] >= share:
            raise GatewayError(
                Kind.KEY_LIMITED,
                f"The client key {key.name!r} has reached its limit of answers in progress: {share}"
                f"{_of(share, limit)}. Try again when one has ended.",
                retry_after=1,
            )
        self._in_progress[key.sha256] += 1
        return partial(self._leave, key.sha256)

    def _leave(self, identity: str) -> None:
        self._in_progress[identity] -= 1
        if not self._in_progress[identity]:
            del self._in_progress[identity]

    def count(self, key: ClientKey) -> RateStatus | None:
        """Count a request, of a key with a limit per minute. Raises :class:`RateExceeded`."""
        limit = key.requests_per_minute
        if limit is None:
            return None
        return self._allowed_rate(key, limit, self._counting().hit(key, limit))

    def _counting(self) -> Rates:
        if self._rates is None:
            raise TypeError("a key with a limit per minute needs something that counts requests")
        return self._rates

    def _allowed_rate(self, key: ClientKey, limit: int, rate: RateStatus) -> RateStatus:
        if not rate.allowed:
            self._exhausted[key.sha256, limit] = rate
            raise _exceeded(key, limit, rate)
        return rate


def _exceeded(key: ClientKey, limit: int, rate: RateStatus) -> RateExceeded:
    seconds = ceil(rate.reset - time()) or 1
    return RateExceeded(
        f"The client key {key.name!r} has used up its {rate.limit} requests per minute"
        f"{_of(rate.limit, limit)}. Try again in {seconds} s.",
        rate,
        retry_after=seconds,
    )


def is_meant(resolution: Resolution) -> bool:
    """Whether the name means this model; an unknown one resolves to another."""
    return resolution.matched or resolution.model.id == resolution.name


def _nothing() -> None:
    """The ``leave`` of a key without a limit on answers at once."""


def _of(share: int, limit: int) -> str:
    return "" if share == limit else f" (this worker's share of {limit})"
