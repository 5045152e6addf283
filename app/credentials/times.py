"""The time formats that different programs write into token files."""

from datetime import UTC, datetime

_MILLISECONDS_FROM = 1e11  # in seconds this is the year 5138


def parse_time(value: object) -> float:
    """Seconds since the epoch, from ISO 8601 (UTC if there is no zone; any number of fraction
    digits) or from a number of seconds or milliseconds, also as text.

    Raises ValueError for anything else; the message does not quote the value.
    """
    if isinstance(value, bool):
        raise ValueError("not a time")
    if isinstance(value, int | float):
        return value / 1000 if value >= _MILLISECONDS_FROM else float(value)
    if isinstance(value, str):
        text = value.strip()
        if text.isascii() and text.replace(".", "", 1).isdigit() and len(text) > 8:
            return parse_time(float(text))
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError("not a time") from None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    raise ValueError("not a time")


def format_time(seconds: float) -> str:
    """The format of the Kiro IDE: UTC, milliseconds, Z."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
