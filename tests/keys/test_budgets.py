from datetime import UTC, datetime

import pytest

from app.common.errors import Kind
from app.core.credits import micro
from app.keys.budgets import (
    Budget,
    BudgetExceeded,
    Sums,
    budgets,
    crossed,
    headers,
    places,
)
from app.keys.key_file import ClientKey

FRIDAY = datetime(2026, 11, 27, 17, 30, 0, tzinfo=UTC).timestamp()
MIDNIGHT = datetime(2026, 11, 28, tzinfo=UTC).timestamp()
MONDAY = datetime(2026, 11, 30, tzinfo=UTC).timestamp()
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC).timestamp()


def key(**limits: float) -> ClientKey:
    return ClientKey("alice", "0" * 64, **limits)  # type: ignore[arg-type]


def spent(amount: int, at: float = FRIDAY) -> Sums:
    return dict.fromkeys(places(at).values(), amount)


@pytest.mark.parametrize(
    ("limits", "period", "reset"),
    [
        ({"credits_per_day": 2.5}, "day", MIDNIGHT),
        ({"credits_per_week": 2.5}, "week", MONDAY),
        ({"credits_per_month": 2.5}, "month", DECEMBER),
    ],
)
def test_each_period_and_when_it_begins_anew(
    limits: dict[str, float], period: str, reset: float
) -> None:
    found = budgets(key(**limits), spent(2_000_000), FRIDAY)
    assert found == (Budget(period, 2_500_000, 2_000_000, reset),)
    assert found[0].warns
    assert not found[0].is_spent
    assert budgets(key(**limits), spent(2_000_000), reset)[0].spent == 0


def test_december_is_followed_by_january() -> None:
    at = datetime(2026, 12, 31, 23, 59, tzinfo=UTC).timestamp()
    (month,) = budgets(key(credits_per_month=1), {}, at)
    assert month.reset == datetime(2027, 1, 1, tzinfo=UTC).timestamp()


def test_tokens_of_any_sixty_seconds() -> None:
    now = int(FRIDAY)
    sums = {("second", now - 70): 900, ("second", now - 50): 60, ("second", now - 10): 50}
    (minute,) = budgets(key(tokens_per_minute=100), sums, now + 0.5)
    assert (minute.spent, minute.is_spent) == (110, True)
    assert minute.reset == now + 10  # when the 60 are a minute old, 50 are left
    (minute,) = budgets(key(tokens_per_minute=50), sums, now + 0.5)
    assert minute.reset == now + 50


def test_the_refusal_says_when_it_begins_anew() -> None:
    known = budgets(key(credits_per_day=1, credits_per_week=10), spent(1_250_000), FRIDAY)
    error = BudgetExceeded(key(), known[0], known, FRIDAY)
    assert (error.kind, error.status, error.retry_after) == (Kind.BUDGET, 429, 6.5 * 3600)
    assert "budget of 1 credits a day: 1.25 are spent" in error.message
    assert "2026-11-28 00:00:00 UTC" in error.message


def test_headers() -> None:
    known = budgets(key(credits_per_day=1.5, tokens_per_minute=9), spent(1_200_001), FRIDAY)
    assert headers(known) == {
        "x-kiro-budget-day-limit": "1.5",
        "x-kiro-budget-day-remaining": "0.299999",
        "x-kiro-budget-day-reset": "2026-11-28T00:00:00Z",
        "x-kiro-budget-minute-limit": "9",
        "x-kiro-budget-minute-remaining": "9",
        "x-kiro-budget-minute-reset": "2026-11-27T17:30:00Z",
        "x-kiro-budget-warning": "day",
    }


@pytest.mark.parametrize(
    ("before", "amount", "warns"), [(70, 9, False), (70, 10, True), (80, 5, False), (0, 100, True)]
)
def test_the_charge_that_crosses_four_fifths_warns(before: int, amount: int, warns: bool) -> None:
    place = places(FRIDAY)["day"]
    after = {place: micro(before + amount)}
    assert bool(crossed(key(credits_per_day=100), after, place, micro(amount))) == warns
