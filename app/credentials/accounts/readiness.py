"""Why no account can serve: for whoever asks without a key, a condition without any name."""

from collections.abc import Sequence
from math import inf

from app.common.errors import GatewayError, Kind
from app.credentials import health
from app.credentials.health import AccountHealth

from . import condition
from .state import AccountState

NO_LOGIN = "no login"


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
    """The condition of an account that is of no use, "" for one that may work: nobody has to have
    tried it. One whose login is over still serves until its token expires.
    """
    found = condition.find(account, now)
    return "" if condition.is_usable(account, found, now) else found.condition.value
