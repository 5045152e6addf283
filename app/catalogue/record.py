"""What is kept of one list of models: the last good one, and how the last call went. Pure."""

import msgspec
from msgspec import Struct

from app.models.catalogue import Catalogue

KEEP = 24 * 3600.0
"""Seconds for which the last good list answers while no newer one can be had."""

RETRY = 60.0
"""Seconds between a call that failed and the next one."""

_AHEAD = 300.0  # seconds by which the clocks of two hosts may differ


class Record(Struct, frozen=True, omit_defaults=True):
    """Times in seconds since the epoch, 0 for never.

    ``listed_at`` is when ``catalogue`` was read, ``asked_at`` when the service was last asked.
    ``problem`` says why that failed, "" if it did not; ``retry`` is then the pause before the next
    call, in seconds.
    """

    catalogue: Catalogue | None = None
    listed_at: float = 0.0
    asked_at: float = 0.0
    problem: str = ""
    retry: float = RETRY

    def good(self, now: float) -> Catalogue | None:
        """The list, unless it is too old."""
        is_old = now - self.listed_at > KEEP or self.listed_at > now + _AHEAD
        return None if is_old else self.catalogue

    def is_due(self, now: float, *, since: float, refresh: float) -> bool:
        """Whether the service is to be asked: the list is older than ``since``, a moment, or than
        ``refresh`` seconds (0: it does not grow old). A call that failed is repeated after a pause.
        """
        if self.problem and 0 <= now - self.asked_at < self.retry:
            return False
        if self.catalogue is None or self.listed_at < since or self.listed_at > now + _AHEAD:
            return True
        return refresh > 0 and now - self.listed_at >= refresh


NOTHING = Record()


def encode(record: Record) -> bytes:
    """The record as JSON."""
    return msgspec.json.encode(record)


def decode(content: bytes) -> Record:
    """The record; :data:`NOTHING` for content of another version or that is damaged."""
    try:
        return msgspec.json.decode(content, type=Record)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return NOTHING
