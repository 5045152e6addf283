"""Credits as whole millionths (micro-credits): sums of them have no binary fractions."""

from decimal import Decimal

MICRO = 1_000_000
"""Micro-credits in a credit."""


def micro(credits: float) -> int:
    """Credits in micro-credits."""
    return round(credits * MICRO)


def number(amount: int) -> float:
    """Micro-credits as the credits of a JSON document: at most six decimals when written."""
    return amount / MICRO


def text(amount: int) -> str:
    """Micro-credits as credits, without zeros at the end."""
    return f"{(Decimal(amount) / MICRO).normalize():f}"


def rounded(amount: int) -> str:
    """Micro-credits as credits for a table that people read."""
    return "<0.01" if 0 < amount < MICRO // 100 else f"{Decimal(amount) / MICRO:.2f}"
