"""What a key may spend: credits a day, a week and a month, and tokens in any sixty seconds.

Days, weeks (from Monday) and months are those of UTC. A budget is used up when what was spent has
reached it, so a key overshoots by what its answers in progress cost. Credits are counted in
millionths (micro-credits), which no fraction of a service's price is too small for.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from math import ceil
from typing import NamedTuple

from app.common.errors import GatewayError, Kind
from app.core import credits

from .key_file import ClientKey

MINUTE = 60
WARN_AT = 0.8
"""The part of a budget from which on its owner is warned."""

Place = tuple[str, int]
"""What an amount is counted under: a period and its first day, as ``date.toordinal()``; or
``second`` and the second, since the epoch."""

Sums = Mapping[Place, int]
"""What a key has spent in each period, in micro-credits, and in each second, in tokens."""


class Budget(NamedTuple):
    """A budget of a key as it is now. ``limit`` and ``spent`` in micro-credits, tokens for the
    ``minute``. ``reset``: when more may be spent, in seconds since the epoch.
    """

    period: str
    limit: int
    spent: int
    reset: float

    @property
    def is_spent(self) -> bool:
        """Whether nothing is left."""
        return self.spent >= self.limit

    @property
    def warns(self) -> bool:
        """Whether most of it is spent."""
        return self.spent >= WARN_AT * self.limit

    def amount(self, number: int) -> str:
        """A number of its unit, for a header."""
        return str(number) if self.period == "minute" else credits.text(number)


class BudgetExceeded(GatewayError):
    """A budget is used up; ``budgets``, all of the key, are for the response's headers."""

    def __init__(self, key: ClientKey, spent: Budget, budgets: Sequence[Budget], now: float):
        what = f"{spent.amount(spent.limit)} credits a {spent.period}"
        kind = Kind.BUDGET
        if spent.period == "minute":  # a client may well wait for it
            what, kind = f"{spent.limit} tokens a minute", Kind.KEY_LIMITED
        seconds = max(1, ceil(spent.reset - now))
        super().__init__(
            kind,
            f"The client key {key.name!r} has used up its budget of {what}: "
            f"{spent.amount(spent.spent)} are spent. It begins anew at "
            f"{datetime.fromtimestamp(ceil(spent.reset), UTC):%Y-%m-%d %H:%M:%S} UTC.",
            retry_after=seconds,
        )
        self.budgets = budgets


def has_budget(key: ClientKey) -> bool:
    """Whether the key has any."""
    return bool(next(_limits(key), None))


def places(now: float) -> dict[str, Place]:
    """Each period of credits, with what is counted under at that moment."""
    day = datetime.fromtimestamp(now, UTC).date()
    starts = {
        "day": day,
        "week": day - timedelta(days=day.weekday()),
        "month": day.replace(day=1),
    }
    return {period: (period, start.toordinal()) for period, start in starts.items()}


def budgets(key: ClientKey, sums: Sums, now: float) -> tuple[Budget, ...]:
    """The key's budgets as they are at that moment."""
    current = places(now)
    return tuple(
        _minute(limit, sums, now)
        if period == "minute"
        else Budget(period, limit, sums.get(current[period], 0), _end(current[period]))
        for period, limit in _limits(key)
    )


def crossed(key: ClientKey, after: Sums, place: Place, amount: int) -> Budget | None:
    """The budget of that period, if most of it was spent by this charge and not before it."""
    limit = next((limit for period, limit in _limits(key) if period == place[0]), None)
    if limit is None:
        return None
    spent, mark = after.get(place, 0), WARN_AT * limit
    if spent - amount < mark <= spent:
        return Budget(place[0], limit, spent, _end(place))
    return None


def headers(known: Sequence[Budget]) -> dict[str, str]:
    """The budgets, as they were when the request was let in, as headers of its response."""
    told = {}
    for one in known:
        name = f"x-kiro-budget-{one.period}"
        told[f"{name}-limit"] = one.amount(one.limit)
        told[f"{name}-remaining"] = one.amount(max(0, one.limit - one.spent))
        told[f"{name}-reset"] = f"{datetime.fromtimestamp(ceil(one.reset), UTC):%FT%TZ}"
    if warning := [one.period for one in known if one.warns]:
        told["x-kiro-budget-warning"] = ",".join(warning)
    return told


def _limits(key: ClientKey) -> Iterator[tuple[str, int]]:
    for period, limit in (
        ("day", key.credits_per_day),
        ("week", key.credits_per_week),
        ("month", key.credits_per_month),
    ):
        if limit is not None:
            yield period, credits.micro(limit)
    if key.tokens_per_minute is not None:
        yield "minute", key.tokens_per_minute


def _end(place: Place) -> float:
    """When a period is over."""
    period, ordinal = place
    start = date.fromordinal(ordinal)
    if period == "month":
        after = (start.replace(day=28) + timedelta(days=4)).replace(day=1)
    else:
        after = start + timedelta(days=7 if period == "week" else 1)
    return datetime(after.year, after.month, after.day, tzinfo=UTC).timestamp()


def _minute(limit: int, sums: Sums, now: float) -> Budget:
    """``reset`` is when so many of the tokens are a minute old that some may be spent again; if
    some may be now, when the oldest of them are.
    """
    second = int(now)
    recent = sorted(
        (at, amount)
        for (period, at), amount in sums.items()
        if period == "second" and second - MINUTE < at <= second
    )
    spent = left = sum(amount for _, amount in recent)
    reset = now
    for at, amount in recent:
        reset, left = at + MINUTE, left - amount
        if left < limit:
            break
    return Budget("minute", limit, spent, reset)
