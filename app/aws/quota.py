"""How much of what an account may use it has used."""

from msgspec import Struct


class Quota(Struct, frozen=True):
    """``used`` of ``limit`` in the service's own units, and when it begins anew (seconds since the
    epoch, 0 where the service does not say).
    """

    used: float
    limit: float
    resets_at: float = 0.0
