import pytest

from app.keys.prices import ASK_AGAIN, MEMORY, Prices


class Others:
    """The other workers: what they know, and how often they were asked."""

    def __init__(self) -> None:
        self.price, self.asked = (0, 0), 0

    def tell_price(self, model: str, micro_credits: int, tokens: int) -> None:
        raise AssertionError((model, micro_credits, tokens))

    def ask_price(self, model: str) -> tuple[int, int]:
        self.asked += 1
        return self.price


def test_tokens_cost_what_they_cost_before() -> None:
    prices = Prices()
    assert prices.estimate("m", 1000) == 0
    prices.note("m", 200_000, 1000)
    prices.note("m", 400_000, 1000)
    assert prices.estimate("m", 500) == 150_000
    assert prices.estimate("other", 500) == 0


def test_a_new_price_counts_more_and_more() -> None:
    prices = Prices()
    for price in (1, 3):
        for _ in range(20):
            prices.note("m", price * MEMORY, MEMORY // 2)
    assert 5.5 < prices.estimate("m", 1_000_000) / 1_000_000 <= 6


def test_an_answer_without_tokens_has_no_price() -> None:
    prices = Prices()
    prices.note("m", 0, 0)
    assert prices.estimate("m", 10) == 0


def test_an_answer_without_a_known_price_is_charged_when_there_is_one() -> None:
    prices, paid = Prices(), list[int]()
    prices.charge("m", 500, paid.append)
    prices.charge("other", 500, paid.append)
    assert paid == []
    prices.note("m", 0, 0)
    assert paid == []
    prices.note("m", 200_000, 1000)
    prices.note("m", 200_000, 1000)
    assert paid == [100_000]
    prices.charge("m", 100, paid.append)
    assert paid == [100_000, 20_000]


def test_what_is_free_is_owed_by_nobody() -> None:
    prices, paid = Prices(), list[int]()
    prices.note("m", 0, 1000)
    prices.charge("m", 500, paid.append)
    prices.note("m", 1000, 1000)
    assert paid == []


def test_the_others_are_asked_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what was owed until one of them knew the price is charged then."""
    now, others, paid = [100.0], Others(), list[int]()
    monkeypatch.setattr("app.keys.prices.monotonic", lambda: now[0])
    prices = Prices(others)
    for _ in range(3):
        prices.charge("m", 500, paid.append)
    others.price = 200_000, 1000
    prices.charge("m", 500, paid.append)
    assert (others.asked, paid) == (1, [])
    now[0] += ASK_AGAIN
    prices.charge("m", 10, paid.append)
    assert (others.asked, paid) == (2, [100_000] * 4 + [2000])
