"""The usage quota of an account."""

from msgspec import Struct


class Share(Struct, frozen=True):
    """A part of a quota: the plan itself, a trial, bonuses, what was bought, overage."""

    name: str
    used: float
    limit: float


class Quota(Struct, frozen=True):
    """``used`` and ``limit`` in the service's own units; ``resets_at`` in seconds since the epoch,
    0 if the service does not say. ``shares`` are what the two consist of. ``charges``: what overage
    has cost so far, with its currency, "" if nothing.
    """

    used: float
    limit: float
    resets_at: float = 0.0
    plan: str = ""
    shares: tuple[Share, ...] = ()
    charges: str = ""
