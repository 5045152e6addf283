"""What is kept of what the keys have spent, and the interface of where it is kept."""

import secrets
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from .budgets import Place, Sums, places

KEPT_DAYS = 40
"""Days that an amount is kept: longer than the longest period."""


class Charge(NamedTuple):
    """What a key has spent, by where it counts. ``identity``: a charge that is made again, since
    nobody knows whether it was taken, counts once.
    """

    identity: str
    name: str
    amounts: Mapping[Place, int]


class Ledger(Protocol):
    """Keeps what was spent. Both methods raise one of :attr:`errors`."""

    errors: tuple[type[Exception], ...]

    def read(self, name: str, now: float) -> Sums:
        """What the key has spent in the periods of that moment, and in the minute before it."""

    def add(self, charges: Sequence[Charge], now: float) -> Mapping[str, Sums]:
        """Take the charges; what each of their keys has spent then."""

    def close(self) -> None:
        """Idempotent."""


def charge(name: str, micro_credits: int, tokens: int, now: float) -> Charge:
    """A charge of that moment. ``tokens`` is 0 for a key without a budget of tokens."""
    amounts = dict.fromkeys(places(now).values(), micro_credits) if micro_credits else {}
    if tokens:
        amounts["second", int(now)] = tokens
    return Charge(secrets.token_hex(8), name, amounts)
