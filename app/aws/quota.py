"""The usage quota of an account."""

from msgspec import Struct


class Quota(Struct, frozen=True):
    """``used`` and ``limit`` in the service's own units; ``resets_at`` in seconds since the epoch,
    0 if the service does not say.
    """

    used: float
    limit: float
    resets_at: float = 0.0
