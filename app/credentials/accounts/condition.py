"""The condition of an account, in one word: what the command line, ``/health/ready`` and every page
say of it.

:data:`CONDITIONS` is the complete table. An account is ready only if that was proved: the upstream
took its present token, or the sign-in service gave that token to this gateway.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from app.common.errors import Kind
from app.common.program import command
from app.credentials import health
from app.credentials.model import AuthKind, token_id
from app.credentials.refresh import policy

from .state import AccountState


class Condition(StrEnum):
    """The value is the word that people read."""

    UNTRIED = "untried"
    READY = "ready"
    THROTTLED = "throttled"
    QUOTA_USED_UP = "quota used up"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    LOGIN_OVER = "login over"
    SUSPENDED = "suspended"


class Meaning(NamedTuple):
    """``meaning`` completes "The account ..."; ``advice`` says what the owner does, "" for
    nothing. ``is_bad``: requests of the account fail, as far as is known.
    """

    is_bad: bool
    meaning: str
    advice: str = ""


CONDITIONS: Mapping[Condition, Meaning] = {
    Condition.UNTRIED: Meaning(
        False,
        "was not tried since its token is what it is, so that nobody knows whether it works",
        "`{command} accounts --check` tries it, without cost",
    ),
    Condition.READY: Meaning(False, "works: its present token was accepted"),
    Condition.THROTTLED: Meaning(
        False, "is asked to wait a moment, and is used last or not at all"
    ),
    Condition.QUOTA_USED_UP: Meaning(
        True,
        "has no credits left",
        "wait until the quota resets, buy more, or add an account",
    ),
    Condition.UNREACHABLE: Meaning(
        True,
        "could not be reached: its login may be good, but no service said so",
        "`{command} doctor` looks for the reason in the network, the proxy and the clock",
    ),
    Condition.REFUSED: Meaning(
        True,
        "has a token that the upstream refuses, and a new one did not help",
        "check that the account has a plan and that its profile and region are right "
        "(KIRO_REGION); then log in again: `{command} login`",
    ),
    Condition.LOGIN_OVER: Meaning(
        True,
        "has a login that the sign-in service no longer accepts",
        "log in again: `{command} login`, or where the login comes from",
    ),
    Condition.SUSPENDED: Meaning(
        True,
        "was suspended by the service; the gateway does not use it",
        "ask AWS; once it is lifted, `{command} accounts --clear {account}`",
    ),
}


class Found(NamedTuple):
    """A condition, its reason in words ("" for none), and the time at which it ends (0 if unknown),
    in seconds since the epoch.
    """

    condition: Condition
    why: str = ""
    until: float = 0.0


_CHECKED: Mapping[Kind, Condition] = {
    Kind.REFUSED_TOKEN: Condition.REFUSED,
    Kind.FORBIDDEN: Condition.REFUSED,
    Kind.SUSPENDED: Condition.SUSPENDED,
    Kind.LOGIN_OVER: Condition.LOGIN_OVER,
    Kind.THROTTLED: Condition.THROTTLED,
    Kind.QUOTA: Condition.QUOTA_USED_UP,
}
"""What the answer to a check means; any other kind means that the account is unreachable."""


def advice(condition: Condition, account: str) -> str:
    """What the owner does about it, as a sentence without its full stop; "" for nothing."""
    return CONDITIONS[condition].advice.format(command=command(), account=account)


def find(account: AccountState, now: float) -> Found:
    """The condition of an account at this moment."""
    found = _held_against_the_login(account, now) or _held_against_the_account(account, now)
    if found:
        return found
    if account.finding and account.finding.kind is not Kind.REJECTED:
        condition = _CHECKED.get(account.finding.kind, Condition.UNREACHABLE)
        return Found(condition, account.finding.message)
    quota = account.health.quota
    if quota and quota.used >= quota.limit and quota.resets_at > now:
        return Found(Condition.QUOTA_USED_UP, "", quota.resets_at)
    if is_proved(account, now):
        return Found(Condition.READY)
    return Found(Condition.UNTRIED, _why_untried(account, now))


def is_usable(account: AccountState, found: Found, now: float) -> bool:
    """Whether a request of this account may succeed, as far as is known. One that failed becomes
    usable again when a request would try it: otherwise nobody would ever find out.
    """
    if found.condition in (Condition.LOGIN_OVER, Condition.UNREACHABLE):
        blocked = account.refresh_block() is not None or has_ended(account, now)
        return not blocked or _still_works(account, now)
    if found.condition is Condition.QUOTA_USED_UP:
        return health.availability(account.health, now) is not health.Availability.BLOCKED
    return not CONDITIONS[found.condition].is_bad or (
        found.condition is Condition.REFUSED and not found.until
    )


def is_proved(account: AccountState, now: float) -> bool:
    """Whether the present token is known to be good."""
    grant = account.grant
    if not grant.access_token or account.has_expired(now):
        return False
    is_accepted = account.health.accepted == token_id(grant.access_token)
    return is_accepted or (grant.generation > 0 and bool(grant.expires_at))


def has_ended(account: AccountState, now: float) -> bool:
    """Whether the token has expired and nothing can renew it."""
    return account.has_expired(now) and not policy.refreshable(account.login, account.grant)


def _still_works(account: AccountState, now: float) -> bool:
    """Whether the token was good before it could no longer be renewed, and has not expired."""
    was_refused = account.finding is not None or health.is_refused(account.health)
    return bool(account.grant.expires_at) and not was_refused and not account.has_expired(now)


def _held_against_the_login(account: AccountState, now: float) -> Found | None:
    known = account.health
    if known.mode == "out":
        return Found(Condition.SUSPENDED, known.why)
    if known.over and account.failure_counts():
        return Found(Condition.LOGIN_OVER, known.refresh_why)
    if has_ended(account, now):
        why = "its token has expired, and there is no refresh token to renew it with"
        return Found(Condition.LOGIN_OVER, why)
    return None


def _held_against_the_account(account: AccountState, now: float) -> Found | None:
    known = account.health
    until = known.until if health.seconds_left(known, now) else 0.0
    if known.mode == "parked":
        if health.availability(known, now) is health.Availability.BLOCKED:
            return Found(Condition.QUOTA_USED_UP, known.why, until)
        return Found(Condition.UNTRIED, "its quota was used up; the next request tries it again")
    if known.refresh_failures and account.failure_counts():
        again = known.refresh_at if health.possible_wait(known.refresh_at - now) else 0.0
        return Found(Condition.UNREACHABLE, known.refresh_why, again)
    if health.is_refused(known):
        return Found(Condition.REFUSED, known.why, until)
    return Found(Condition.THROTTLED, known.why, until) if until else None


def _why_untried(account: AccountState, now: float) -> str:
    if account.login.kind is AuthKind.API_KEY:
        return "no request has used this key yet"
    if not account.grant.access_token:
        return "it has no token yet; the first request gets one"
    if account.has_expired(now):
        return "its token has expired; the next request renews it"
    return "no request has used this token yet"
