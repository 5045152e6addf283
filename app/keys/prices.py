"""What the tokens of a model cost on average, by the answers whose price the service has named."""

from collections.abc import Callable
from math import inf
from time import monotonic
from typing import Protocol

MEMORY = 10_000_000
"""Tokens of a model after which half of what is known of it is forgotten, since prices change."""

OWED = 100
"""Answers of a model that may wait for its price; the oldest are given up beyond them."""

ASK_AGAIN = 1.0
"""Seconds until the others are asked again for a price that nobody knew."""

Pay = Callable[[int], object]
"""Charges somebody so many micro-credits."""


class SharedPrices(Protocol):
    """What all workers know, in micro-credits and tokens."""

    def tell_price(self, model: str, micro_credits: int, tokens: int) -> None:
        """An answer of the model cost this."""

    def ask_price(self, model: str) -> tuple[int, int]:
        """What answers of the model cost, and their tokens; zeros if nobody knows."""


class Prices:
    """The prices of one worker, in micro-credits, and what waits for one that is not known yet."""

    def __init__(self, shared: SharedPrices | None = None) -> None:
        self._shared = shared
        self._known: dict[str, tuple[int, int]] = {}  # micro-credits and tokens, by model
        self._asked: dict[str, float] = {}  # when, by model
        self._owed: dict[str, list[tuple[int, Pay]]] = {}  # tokens, by model

    def note(self, model: str, micro_credits: int, tokens: int) -> None:
        """An answer of the model cost this. The first of a model in this worker is told to all."""
        before, known = self._known.get(model, (0, 0))
        spent, counted = before + micro_credits, known + tokens
        if counted > MEMORY:
            spent, counted = spent // 2, counted // 2
        self._known[model] = spent, counted
        if counted and not known:
            if self._shared is not None:
                self._shared.tell_price(model, micro_credits, tokens)
            self._pay(model)

    def charge(self, model: str, tokens: int, pay: Pay) -> None:
        """Charge what so many tokens of the model cost, once any price of it is known."""
        if price := self.estimate(model, tokens):
            pay(price)
        elif not self._knows(model):
            owed = self._owed.setdefault(model, [])
            owed.append((tokens, pay))
            del owed[:-OWED]

    def estimate(self, model: str, tokens: int) -> int:
        """What so many tokens of the model cost; 0 if no price of it is known yet."""
        if not self._knows(model):
            self._ask(model)
        spent, counted = self._known.get(model, (0, 0))
        return spent * tokens // counted if counted else 0

    def _ask(self, model: str) -> None:
        """Whether others know a price by now, unless they were asked just before."""
        now = monotonic()
        if self._shared is None or now - self._asked.get(model, -inf) < ASK_AGAIN:
            return
        self._asked[model] = now
        found = self._shared.ask_price(model)
        if found[1]:
            self._known[model] = found
            self._pay(model)

    def _pay(self, model: str) -> None:
        """Charge what waited for the model's price."""
        for size, pay in self._owed.pop(model, ()):
            pay(self.estimate(model, size))

    def _knows(self, model: str) -> bool:
        return bool(self._known.get(model, (0, 0))[1])
