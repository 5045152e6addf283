"""The report on an account: values for a page, JSON for a program, a table for a terminal."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from app.aws.quota import Quota
from app.common.program import columns

from . import condition
from .condition import Condition
from .state import AccountState


@dataclass(frozen=True, slots=True)
class AccountReport:
    """Contains no secrets. ``expires_at`` and ``until`` are 0 if unknown. ``why`` gives the reason
    of ``state``. ``region`` is that of the API and ``login_region`` that of the sign-in service,
    None if not known. ``usable``: whether a request may succeed, as far as is known.
    ``quota_problem``: why ``quota`` is unknown or may be old, "" if it is neither.
    """

    account: str
    source: str
    description: str
    kind: str
    expires_at: float
    profile_arn: str | None
    region: str | None
    login_region: str | None
    quota: Quota | None
    quota_at: float
    quota_problem: str
    state: Condition
    why: str
    until: float
    usable: bool

    @property
    def said(self) -> str:
        """The state as people read it: ``quota used up until 2026-12-01 00:00Z``."""
        return f"{self.state} until {_moment(self.until)}" if self.until else self.state.value


def report(account: AccountState, now: float) -> AccountReport:
    """The state of an account at this moment."""
    found = condition.find(account, now)
    known = account.health
    return AccountReport(
        account=account.name,
        source=account.login.source,
        description=account.login.description,
        kind=account.login.kind.value,
        expires_at=account.grant.expires_at,
        profile_arn=account.token.profile_arn,
        region=account.token.region,
        login_region=account.login.region,
        quota=known.quota,
        quota_at=known.quota_at,
        quota_problem=_quota_problem(account, found.condition, now),
        state=found.condition,
        why=" ".join(found.why.split()),
        until=found.until,
        usable=condition.is_usable(account, found, now),
    )


def table(reports: Sequence[AccountReport], now: float) -> Iterator[str]:
    """The accounts as a table, then what is to be said of some of them, as lines of text."""
    head = ("ACCOUNT", "STATE", "KIND", "TOKEN", "QUOTA", "SOURCE", "PROFILE")
    yield from columns([head, *(_row(one, now) for one in reports)])
    remarks = [remark for one in reports for remark in _remarks(one)]
    yield from ["", *remarks] if remarks else []


def document(reports: Iterable[AccountReport], problems: Sequence[str]) -> Mapping[str, Any]:
    """The same for JSON. Times are seconds since the epoch, null if unknown."""
    return {"accounts": [_members(one) for one in reports], "problems": list(problems)}


def _members(one: AccountReport) -> dict[str, Any]:
    return {
        "account": one.account,
        "state": one.state.value,
        "why": one.why,
        "until": one.until or None,
        "usable": one.usable,
        "kind": one.kind,
        "source": one.source,
        "description": one.description,
        "expires_at": one.expires_at or None,
        "profile": _profile(one) or None,
        "quota": msgspec.to_builtins(one.quota),
        "quota_at": one.quota_at or None,
        "quota_problem": one.quota_problem,
    }


def _quota_problem(account: AccountState, state: Condition, now: float) -> str:
    """Why the quota is unknown, or why the one that is known may be old; "" for neither."""
    if account.problem:
        return " ".join(account.problem.message.split())
    if account.health.quota:
        return ""
    if account.health.accepted and condition.is_proved(account, now):
        return "the service was not asked yet, or names no quota for this account"
    if condition.CONDITIONS[state].is_bad:
        return f"it cannot be asked: {state}"
    return "it cannot be asked without a token that works; --check gets one"


def _row(one: AccountReport, now: float) -> Sequence[str]:
    source = one.source + (f" ({one.description})" if one.description else "")
    return (
        one.account,
        one.said,
        one.kind,
        _expiry(one, now),
        _quota(one.quota),
        source,
        _profile(one) or "none",
    )


def _remarks(one: AccountReport) -> Iterator[str]:
    if one.why:
        yield f"{one.account}: {one.state}: {one.why}"
    if (advice := condition.advice(one.state, one.account)) and not _says_what_to_do(one):
        yield f"{one.account}: what to do: {advice}"
    if one.quota_problem and one.quota_problem != one.why:
        old = f"is of {_moment(one.quota_at)}" if one.quota else "is unknown"
        yield f"{one.account}: its quota {old}: {one.quota_problem}"


def _says_what_to_do(one: AccountReport) -> bool:
    return one.state is Condition.LOGIN_OVER and "log in" in one.why


def _profile(one: AccountReport) -> str:
    """The profile without the AWS account that it is in."""
    return (one.profile_arn or "").rpartition("/")[2]


def _expiry(one: AccountReport, now: float) -> str:
    if one.kind == "api_key":
        return "does not expire"
    if not one.expires_at:
        return "not refreshed yet"
    minutes = round((one.expires_at - now) / 60)
    return f"expired {_moment(one.expires_at)}" if minutes < 0 else f"expires in {minutes} min"


def _quota(quota: Quota | None) -> str:
    if quota is None:
        return "unknown"
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
