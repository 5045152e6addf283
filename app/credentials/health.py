"""The health of an account: what is held against it, and what each upstream error does to it.

:data:`CONSEQUENCES` is the complete decision table. All functions here are pure; the store keeps
the health, so that workers and hosts agree on it.

Times are by the clock of the machine, since hosts share them. A health says by how much that clock
differed from the time since the boot, so that within a boot a wait keeps its length when the clock
is set (:func:`rebased`). A wait longer than any can be comes from a wrong clock, and is over.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Literal, NamedTuple, TypeAlias

import msgspec
from msgspec import Struct

from app.aws.quota import Quota
from app.common.errors import GatewayError, Kind
from app.common.waits import LONGEST_WAIT

RETRY_PARKED = 600.0
"""Seconds until a parked account is tried again if nothing says when its quota resets."""

PROBE = 60.0
"""Seconds that one request has to probe a parked account before another may."""

ASK_QUOTA = 1800.0
"""Seconds between two quota queries for an account that used up its quota."""

LONGEST_QUOTA_WAIT = 31 * 86400.0
"""Quotas are reset each month."""

_LINEAGE = 8
_DRIFT = 1.0  # seconds by which a clock is corrected without a jump

Mode: TypeAlias = Literal["", "last", "paused", "parked", "out"]
"""``last``: for a while, used only if no other account can be; ``paused``: not used for a while;
``parked``: not used for a while, then probed by one request; ``out``: not used until its source
holds another login."""


class AccountHealth(Struct, frozen=True):
    """What is held against an account. This is also the stored format (JSON).

    ``lineage`` holds the ids of the login's latest refresh tokens; a login that is not in it starts
    with a clean health. ``accepted`` is the id of the access token that the upstream accepted last.
    ``over``: the sign-in service refused the login for good. ``refused`` is the id of the refresh
    token whose refresh failed last: what the failure forbids, it forbids for that token only.
    ``over_at`` says when. ``clears`` counts how often it was cleared: what was noted before a clear
    and is told after it no longer holds. ``boot`` names the boot of the machine that wrote this,
    and ``offset`` is its clock minus the seconds since that boot.
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
    over_at: float = 0.0
    refused: str = ""
    clears: int = 0
    boot: str = ""
    offset: float = 0.0
    quota: Quota | None = None
    quota_at: float = 0.0


class Availability(Enum):
    """Whether an account may serve a request now."""

    READY = 0
    PROBE = 1
    LAST_RESORT = 2
    BLOCKED = 3


class Failover(Enum):
    """How many other accounts a failed request may try."""

    NONE = 0
    ONE = 1
    ALL = 2


class Consequence(NamedTuple):
    """``seconds`` applies if the error itself names no time."""

    mode: Mode
    seconds: float
    failover: Failover


CONSEQUENCES: Mapping[Kind, Consequence] = {
    Kind.QUOTA: Consequence("parked", RETRY_PARKED, Failover.ALL),
    Kind.THROTTLED: Consequence("last", 30, Failover.ALL),
    Kind.SUSPENDED: Consequence("out", 0, Failover.ALL),
    Kind.REFUSED_TOKEN: Consequence("last", 60, Failover.ALL),
    Kind.FORBIDDEN: Consequence("", 0, Failover.ONE),
    Kind.INVALID_MODEL: Consequence("", 0, Failover.ONE),
    Kind.UNAVAILABLE: Consequence("", 0, Failover.ONE),
    Kind.UPSTREAM_ERROR: Consequence("", 0, Failover.ONE),
}
"""Any other kind is caused by the request, the network or the model, of whose capacity all accounts
have the same: no other account is tried."""


def availability(health: AccountHealth, now: float) -> Availability:
    """Whether the account may be used now."""
    if health.mode == "out":
        return Availability.BLOCKED
    if health.mode == "parked":
        is_probed = 0 < health.probe_until - now <= PROBE
        waits = is_probed or seconds_left(health, now) > 0
        return Availability.BLOCKED if waits else Availability.PROBE
    if not seconds_left(health, now):
        return Availability.READY
    during = {"last": Availability.LAST_RESORT, "paused": Availability.BLOCKED}
    return during.get(health.mode, Availability.READY)


def seconds_left(health: AccountHealth, now: float) -> float:
    """Until the account is used, or probed, again; 0 if it may be now."""
    is_quota = health.mode == "parked" and health.kind is Kind.QUOTA
    return possible_wait(health.until - now, LONGEST_QUOTA_WAIT if is_quota else LONGEST_WAIT)


def is_refused(health: AccountHealth) -> bool:
    """Whether the upstream refused the account's token and has not taken one since."""
    return health.mode == "last" and health.kind is Kind.REFUSED_TOKEN


def possible_wait(seconds: float, longest: float = LONGEST_WAIT) -> float:
    """The wait, 0 if it is over, or so long that it was measured by a wrong clock."""
    return seconds if 0 < seconds <= longest + _DRIFT else 0.0


def back_in(health: AccountHealth, now: float) -> float | None:
    """Seconds until the account can be used again, None for never. At least 1: while a request
    probes the account, its result is expected soon.
    """
    if health.mode == "out":
        return None
    return max(1.0, seconds_left(health, now))


def after(health: AccountHealth, error: GatewayError, now: float) -> AccountHealth:
    """The health after a request of the account failed upstream with ``error``."""
    row = CONSEQUENCES.get(error.kind)
    if row is None or not row.mode or health.mode == "out":
        return health
    seconds = row.seconds if error.retry_after is None else error.retry_after
    # a time that the upstream names is binding; without one, a lone account is still worth trying
    mode: Mode = "paused" if row.mode == "last" and error.retry_after else row.mode
    return msgspec.structs.replace(
        health,
        mode=mode,
        kind=error.kind,
        why=error.message,
        until=max(now + min(seconds, LONGEST_WAIT), _known_reset(health, error, now)),
        probe_until=0.0,
    )


def with_quota(health: AccountHealth, quota: Quota, now: float) -> AccountHealth:
    """The health with a new quota, which also sets how long an account without quota is parked."""
    health = msgspec.structs.replace(health, quota=quota, quota_at=now)
    if health.mode == "parked" and health.kind == Kind.QUOTA:
        if quota.used < quota.limit:
            return msgspec.structs.replace(health, until=min(health.until, now + RETRY_PARKED))
        if quota.resets_at > now:
            return msgspec.structs.replace(health, until=_soon(quota.resets_at, now))
    return health


def quota_is_due(health: AccountHealth, now: float) -> bool:
    """Whether to query the quota of a parked account now, to learn when it resets."""
    waits = health.mode == "parked" and health.kind == Kind.QUOTA
    return waits and abs(now - health.quota_at) >= ASK_QUOTA


def probing(health: AccountHealth, now: float) -> AccountHealth:
    """The health while one request probes the account."""
    return msgspec.structs.replace(health, probe_until=now + PROBE)


def cleared(health: AccountHealth) -> AccountHealth:
    """The health with nothing held against the account; facts about its login are kept."""
    return AccountHealth(
        lineage=health.lineage,
        refreshed_at=health.refreshed_at,
        accepted=health.accepted,
        quota=health.quota,
        quota_at=health.quota_at,
        clears=health.clears + 1,
    )


def is_cleared_since(health: AccountHealth, other: AccountHealth) -> bool:
    """Whether ``other`` is of the same login and lacks a clear that ``health`` has."""
    is_same = health.lineage == other.lineage or not set(health.lineage).isdisjoint(other.lineage)
    return is_same and health.clears > other.clears


def accepted(health: AccountHealth, token_id: str) -> AccountHealth:
    """The health after the upstream accepted the access token with this id."""
    return msgspec.structs.replace(health, accepted=token_id)


def refreshed(health: AccountHealth, token_id: str, now: float) -> AccountHealth:
    """The health after a refresh that returned the refresh token with this id."""
    lineage = (token_id, *(other for other in health.lineage if other != token_id))[:_LINEAGE]
    return msgspec.structs.replace(
        health,
        lineage=lineage,
        refreshed_at=now,
        refresh_failures=0,
        refresh_at=0.0,
        refresh_kind=None,
        refresh_why="",
        over=False,
        over_at=0.0,
        refused="",
    )


def refresh_failed(
    health: AccountHealth,
    error: GatewayError,
    *,
    pause: float,
    over: bool,
    refused: str,
    now: float,
) -> AccountHealth:
    """The health after a failed refresh, which is not repeated for ``pause`` seconds."""
    return msgspec.structs.replace(
        health,
        refresh_failures=health.refresh_failures + 1,
        refresh_at=now + pause,
        refresh_kind=error.kind,
        refresh_why=error.message,
        over=over,
        over_at=now if over else 0.0,
        refused=refused,
    )


def has_worked_since(before: AccountHealth, now: AccountHealth) -> bool:
    """Whether a token was got or accepted since, or the owner has cleared the account."""
    names = ("accepted", "clears", "refreshed_at")
    return any(getattr(before, name) != getattr(now, name) for name in names)


def of_login(health: AccountHealth, ids: Sequence[str]) -> AccountHealth:
    """The health of the login with these ids of refresh tokens, the latest first: ``health``, or a
    clean one if that belongs to another login.
    """
    if not ids or ids[0] in health.lineage:
        return health
    if set(ids).isdisjoint(health.lineage):
        return AccountHealth(lineage=tuple(ids[:_LINEAGE]))
    known = dict.fromkeys([*ids, *health.lineage])
    return msgspec.structs.replace(health, lineage=tuple(known)[:_LINEAGE])


def is_later(health: AccountHealth, other: AccountHealth) -> bool:
    """Whether ``health`` is proved to be of a later refresh of the same login than ``other``."""
    latest, others = health.lineage[:1], other.lineage[:1]
    return bool(others) and others[0] in health.lineage[1:] and latest[0] not in other.lineage


def _known_reset(health: AccountHealth, error: GatewayError, now: float) -> float:
    """When the quota resets, if the error is about it and the last known quota is used up."""
    quota = health.quota
    if error.kind is not Kind.QUOTA or quota is None or quota.used < quota.limit:
        return 0.0
    return _soon(quota.resets_at, now)


def _soon(moment: float, now: float) -> float:
    return min(moment, now + LONGEST_QUOTA_WAIT)


def written(health: AccountHealth, boot: str, offset: float) -> AccountHealth:
    """The health as written by this machine."""
    return msgspec.structs.replace(health, boot=boot, offset=offset)


def rebased(health: AccountHealth, boot: str, offset: float) -> AccountHealth:
    """The health by the clock as it is now, if the clock was set since this machine wrote it."""
    moved = offset - health.offset
    if health.boot != boot or abs(moved) <= _DRIFT:
        return health
    names = ("until", "probe_until", "refreshed_at", "refresh_at", "over_at", "quota_at")
    times = {name: time + moved for name in names if (time := getattr(health, name))}
    return written(msgspec.structs.replace(health, **times), boot, offset)
