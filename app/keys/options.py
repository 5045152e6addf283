"""The types of the options of ``keys``."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import click

from . import key_file

NONE = "none"
REMOVED = object()
"""The value of a limit that is taken away."""

_DAYS = re.compile(r"(\d{1,5})d")
_DURATION = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_MOST_CREDITS = 10**9


class Expiry(click.ParamType[datetime]):
    """When a key expires: a date (its beginning in UTC), or a number of days from now."""

    name = "DATE|DAYSd"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """``2027-01-31`` or ``90d`` as a moment."""
        now = key_file.now()
        if found := _DAYS.fullmatch(value):
            return (now + timedelta(days=int(found[1]))).replace(microsecond=0)
        try:
            moment = datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError:
            self.fail(
                f"{value!r} is neither a date such as 2027-01-31 nor a number of days such as 90d"
            )
        if moment <= now:
            self.fail(f"{value} is in the past")
        return moment


class Duration(click.ParamType[timedelta]):
    """A length of time, such as ``24h``."""

    name = "TIME"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """``90s``, ``30m``, ``24h`` or ``7d``."""
        found = _DURATION.fullmatch(value)
        if not found:
            self.fail(f"{value!r} is not a number of seconds, minutes, hours or days such as 24h")
        return timedelta(**{_UNITS[found[2]]: int(found[1])})


class Credits(click.ParamType[float]):
    """A number of credits, with at most six decimals."""

    name = "CREDITS"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """``12.5`` as a number."""
        try:
            credits = Decimal(value)
        except InvalidOperation:
            credits = Decimal("nan")
        allowed = credits.is_finite() and 0 < credits <= _MOST_CREDITS
        if not allowed or credits != round(credits, 6):
            self.fail(f"{value!r} is not a number of credits above 0, with at most six decimals")
        return float(credits)


class OrNone(click.ParamType[Any]):
    """Another type, or the word ``none``."""

    def __init__(self, other: click.ParamType[Any]) -> None:
        self._other = other
        self.name = f"{other.name}|{NONE}"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """:data:`REMOVED` for the word."""
        return REMOVED if value == NONE else self._other.convert(value, param, ctx)
