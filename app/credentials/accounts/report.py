"""The report on an account: values for a page, and one line for a terminal."""

from dataclasses import dataclass
from datetime import UTC, datetime

from app.aws.quota import Quota
from app.credentials import health
from app.credentials.health import Availability, possible_wait

from .state import AccountState


@dataclass(frozen=True, slots=True)
class AccountReport:
    """Contains no secrets. ``expires_at`` and ``until`` are 0 if unknown. ``state`` is one of
    ``ready``, ``used last``, ``paused``, ``parked``, ``to be tried``, ``out``, ``login over`` and
    ``refresh fails``.
    """

    account: str
    source: str
    description: str
    kind: str
    expires_at: float
    profile_arn: str | None
    quota: Quota | None
    state: str
    why: str
    until: float


_STATES = {
    Availability.READY: "ready",
    Availability.LAST_RESORT: "used last",
    Availability.PROBE: "to be tried",
    Availability.BLOCKED: "parked",
}


def report(account: AccountState, now: float) -> AccountReport:
    """The state of an account at this moment."""
    known = account.health
    over, fails = known.over, possible_wait(known.refresh_at - now)
    state, why, until = _STATES[health.availability(known, now)], known.why, known.until
    if known.mode == "out":
        state, until = "out", 0.0
    elif state == "parked":
        state = known.mode
    elif (over or fails) and account.failure_counts():
        state, why = "login over" if over else "refresh fails", known.refresh_why
        until = 0.0 if over else known.refresh_at
    elif state == "ready":
        why, until = "", 0.0
    return AccountReport(
        account=account.name,
        source=account.login.source,
        description=account.login.description,
        kind=account.login.kind.value,
        expires_at=account.grant.expires_at,
        profile_arn=account.token.profile_arn,
        quota=known.quota,
        state=state,
        why=why,
        until=until,
    )


def line(one: AccountReport, now: float) -> str:
    """One line: account, source, kind, expiry, profile, quota, state, why."""
    state = one.state if not one.until else f"{one.state} until {_moment(one.until)}"
    parts = [
        one.account,
        one.source + (f" ({one.description})" if one.description else ""),
        one.kind,
        _expiry(one, now),
        (one.profile_arn or "no profile").rpartition("/")[2],
        _quota(one.quota),
        state,
        " ".join(one.why.split()),
    ]
    return "  ".join(part for part in parts if part)


def _expiry(one: AccountReport, now: float) -> str:
    if one.kind == "api_key":
        return "does not expire"
    if not one.expires_at:
        return "not refreshed yet"
    minutes = round((one.expires_at - now) / 60)
    if minutes < 0:
        return f"expired {_moment(one.expires_at)}"
    return f"expires {_moment(one.expires_at)} (in {minutes} min)"


def _quota(quota: Quota | None) -> str:
    if quota is None:
        return "quota unknown"
    plan = f"{quota.plan}: " if quota.plan else ""
    resets = f", resets {_moment(quota.resets_at)}" if quota.resets_at else ""
    charges = f", overage has cost {quota.charges}" if quota.charges else ""
    return f"{plan}{quota.used:g} of {quota.limit:g} used{_shares(quota)}{resets}{charges}"


def _shares(quota: Quota) -> str:
    """What the quota consists of, "" if it is the plan alone."""
    if len(quota.shares) < 2:
        return ""
    shares = (f"{share.name} {share.used:g} of {share.limit:g}" for share in quota.shares)
    return f" ({', '.join(shares)})"


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%MZ")
