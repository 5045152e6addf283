"""Whether an account is known to be of no use now: the kind of the reason, without any name."""

from collections.abc import Sequence
from math import inf

from app.credentials import health
from app.credentials.health import AccountHealth, Availability
from app.credentials.model import AuthKind
from app.credentials.refresh.policy import Action
from app.errors import GatewayError, Kind

from .state import AccountState

NO_LOGIN = "no usable login"

REASONS = {
    Kind.REFUSED_TOKEN: "the service refuses the login",
    Kind.THROTTLED: "the service asks to wait",
    Kind.QUOTA: "the quota is used up",
    Kind.SUSPENDED: "the account is suspended",
}
"""Of what is held against an account after a request."""

FAILED_REFRESH = "the login cannot be refreshed now"


def why_none(accounts: Sequence[AccountState], now: float) -> str:
    """Why none of the accounts can serve, "" if one may. If the reasons differ, it is that of the
    account that is available again first.
    """
    if not accounts:
        return NO_LOGIN
    reasons = [why_unusable(account, now) for account in accounts]
    if not all(reasons):
        return ""
    waits = [health.back_in(account.health, now) or inf for account in accounts]
    return reasons[waits.index(min(waits))]


def first_to_return(
    unavailable: Sequence[AccountHealth], now: float, *, of_model: bool
) -> GatewayError:
    """The error that is held against the account that is available again first. ``of_model``: the
    accounts are only those that have a model.
    """
    first = min(unavailable, key=lambda one: (one.mode == "out", health.seconds_left(one, now)))
    why, count = first.why, len(unavailable)
    if count > 1:
        which = " that have the model" if of_model else ""
        why = f"All {count} accounts{which} are unavailable now. First one to return: {why}"
    after = health.back_in(first, now)
    return GatewayError(first.kind or Kind.UNAVAILABLE, why, retry_after=after)


def why_unusable(account: AccountState, now: float) -> str:
    """The kind of the reason, "" for an account that may work: nobody has to have tried it. One
    whose login is over still serves until its token expires.
    """
    known = account.health
    state = health.availability(known, now)
    refused = state is Availability.LAST_RESORT and known.kind is Kind.REFUSED_TOKEN
    if refused or (state is Availability.BLOCKED and not _is_probed(account, now)):
        return REASONS.get(known.kind or Kind.INTERNAL, "the service does not serve the account")
    if account.refresh_block() is None or not _needs_refresh(account):
        return ""
    return NO_LOGIN if known.over else FAILED_REFRESH


def _is_probed(account: AccountState, now: float) -> bool:
    """A parked account whose time is over, and that a request is trying: it may work again."""
    known = account.health
    return known.mode == "parked" and not health.seconds_left(known, now)


def _needs_refresh(account: AccountState) -> bool:
    is_key = account.login.kind is AuthKind.API_KEY
    return is_key or account.next_action() is Action.REFRESH_FIRST
