"""How long another service may make this program wait."""

import re
from email.utils import parsedate_to_datetime

LONGEST_WAIT = 3600.0
"""Seconds. A longer wait is a mistake of a service or of a clock: after an hour, one more try shows
what is so. Only a quota may be used up for longer."""


def retry_after(value: str, now: float) -> float | None:
    """Seconds from a Retry-After header, at most :data:`LONGEST_WAIT`; None if it holds neither a
    number of seconds nor an HTTP date. ``now``: seconds since the epoch.
    """
    value = value.strip()
    if re.fullmatch(r"\d+(\.\d+)?", value, re.ASCII):
        return min(float(value), LONGEST_WAIT)
    try:
        seconds = parsedate_to_datetime(value).timestamp() - now
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, seconds), LONGEST_WAIT)
