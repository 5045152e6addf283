"""What is held against an account: why it is not used for now, and what an error does to it.

:data:`CONSEQUENCES` is the whole decision. Everything here is pure; the standing itself lives in
the store, so that workers and hosts agree on it.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Literal, NamedTuple, TypeAlias

import msgspec
from msgspec import Struct

from app.aws.quota import Quota
from app.errors import GatewayError, Kind

RETRY_PARKED = 600.0
"""Seconds until an account whose reset nobody knows is tried again."""

PROBE = 60.0
"""Seconds that the one request which tries a parked account has for it."""

ASK_QUOTA = 1800.0
"""Seconds between two questions for the quota of an account that used it up."""

_LINEAGE = 8

Mode: TypeAlias = Literal["", "last", "paused", "parked", "out"]
"""``last``: for a time used only when no other account can be; ``paused``: not used for a time;
``parked``: not used for a time, and then by one request first; ``out``: not used until its source
changes."""


class Standing(Struct, frozen=True):
    """``lineage``: fingerprints of the login's latest refresh tokens; a login that is not in it
    begins with a clean slate. ``accepted``: the mark of the access token that the upstream took
    last. ``over``: the login was refused for good.
    """

    lineage: tuple[str, ...] = ()
    mode: Mode = ""
    kind: Kind | None = None
    why: str = ""
    until: float = 0.0
    probe_until: float = 0.0
    refreshed_at: float = 0.0
    accepted: str = ""
    refresh_failures: int = 0
    refresh_at: float = 0.0
    refresh_kind: Kind | None = None
    refresh_why: str = ""
    over: bool = False
    quota: Quota | None = None
    quota_at: float = 0.0


class Use(Enum):
    """What the standing of an account means for a request."""

    NOW = 0
    PROBE = 1
    LAST = 2
    NOT = 3


class Others(Enum):
    """Whether the request goes on with other accounts."""

    NONE = 0
    ONE = 1
    ALL = 2


class Consequence(NamedTuple):
    """``seconds`` counts where the error brings no time of its own."""

    mode: Mode
    seconds: float
    others: Others


CONSEQUENCES: Mapping[Kind, Consequence] = {
    Kind.QUOTA: Consequence("parked", RETRY_PARKED, Others.ALL),
    Kind.THROTTLED: Consequence("last", 30, Others.ALL),
    Kind.SUSPENDED: Consequence("out", 0, Others.ALL),
    Kind.REFUSED_TOKEN: Consequence("last", 60, Others.ALL),
    Kind.FORBIDDEN: Consequence("", 0, Others.ONE),
    Kind.CAPACITY: Consequence("", 0, Others.ONE),
    Kind.UNAVAILABLE: Consequence("", 0, Others.ONE),
    Kind.UPSTREAM_ERROR: Consequence("", 0, Others.ONE),
}
"""Any other kind is the request's own, or the network's: nobody else is tried."""


def use(standing: Standing, now: float) -> Use:
    """Whether to use an account now."""
    if standing.mode == "out":
        return Use.NOT
    if standing.mode == "parked":
        due = now >= standing.until and now >= standing.probe_until
        return Use.PROBE if due else Use.NOT
    if now >= standing.until:
        return Use.NOW
    return {"last": Use.LAST, "paused": Use.NOT}.get(standing.mode, Use.NOW)


def back_in(standing: Standing, now: float) -> float | None:
    """Seconds until the account can be asked for again, None for never. While one request tries it
    the answer is soon there.
    """
    if standing.mode == "out":
        return None
    return max(1.0, standing.until - now)


def after(standing: Standing, error: GatewayError, now: float) -> Standing:
    """The standing after the upstream failed a request of the account with ``error``."""
    row = CONSEQUENCES.get(error.kind)
    if row is None or not row.mode or standing.mode == "out":
        return standing
    seconds = row.seconds if error.retry_after is None else error.retry_after
    # a time that the upstream names is kept; without one a lone account had better be tried
    mode: Mode = "paused" if row.mode == "last" and error.retry_after else row.mode
    return msgspec.structs.replace(
        standing,
        mode=mode,
        kind=error.kind,
        why=error.message,
        until=max(now + seconds, _known_reset(standing, error, now)),
        probe_until=0.0,
    )


def with_quota(standing: Standing, quota: Quota, now: float) -> Standing:
    """What the service says of the quota moves the time of an account parked for it."""
    standing = msgspec.structs.replace(standing, quota=quota, quota_at=now)
    if standing.mode == "parked" and standing.kind == Kind.QUOTA:
        if quota.used < quota.limit:
            return msgspec.structs.replace(standing, until=min(standing.until, now + RETRY_PARKED))
        if quota.resets_at > now:
            return msgspec.structs.replace(standing, until=quota.resets_at)
    return standing


def quota_is_due(standing: Standing, now: float) -> bool:
    """Whether to ask the service when the account may be used again."""
    waits = standing.mode == "parked" and standing.kind == Kind.QUOTA
    return waits and abs(now - standing.quota_at) >= ASK_QUOTA


def probing(standing: Standing, now: float) -> Standing:
    """The standing while one request tries whether the account works again."""
    return msgspec.structs.replace(standing, probe_until=now + PROBE)


def cleared(standing: Standing) -> Standing:
    """Nothing is held against the account any more; what is known of it stays."""
    return Standing(
        lineage=standing.lineage,
        refreshed_at=standing.refreshed_at,
        accepted=standing.accepted,
        quota=standing.quota,
        quota_at=standing.quota_at,
    )


def accepted(standing: Standing, mark: str) -> Standing:
    """After the upstream took the access token with this mark."""
    return msgspec.structs.replace(standing, accepted=mark)


def refreshed(standing: Standing, mark: str, now: float) -> Standing:
    """After a refresh that gave the refresh token with the fingerprint ``mark``."""
    lineage = (mark, *(other for other in standing.lineage if other != mark))[:_LINEAGE]
    return msgspec.structs.replace(
        standing,
        lineage=lineage,
        refreshed_at=now,
        refresh_failures=0,
        refresh_at=0.0,
        refresh_kind=None,
        refresh_why="",
        over=False,
    )


def refresh_failed(
    standing: Standing, error: GatewayError, *, pause: float, over: bool, now: float
) -> Standing:
    """After a refresh that failed, and is to be left alone for ``pause`` seconds."""
    return msgspec.structs.replace(
        standing,
        refresh_failures=standing.refresh_failures + 1,
        refresh_at=now + pause,
        refresh_kind=error.kind,
        refresh_why=error.message,
        over=over,
    )


def _known_reset(standing: Standing, error: GatewayError, now: float) -> float:
    """When the quota begins anew, if it is what ran out as far as the service told."""
    quota = standing.quota
    if error.kind is not Kind.QUOTA or quota is None or quota.used < quota.limit:
        return 0.0
    return quota.resets_at
