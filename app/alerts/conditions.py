"""Which alerts there are. Pure: from what is known of the accounts to the alerts of this moment."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Protocol, TypeAlias

from msgspec import Struct

from app.aws.quota import Quota
from app.common.program import command
from app.credentials import CONDITIONS, NO_LOGIN, Condition

LOW = 0.1
"""The part of a quota that is little."""

WORKS = frozenset({Condition.READY, Condition.THROTTLED})
"""What proves that an account serves requests again."""


class Kind(StrEnum):
    """What an alert is about; the value is its name in the JSON."""

    LOGIN_OVER = "login_over"
    SUSPENDED = "account_suspended"
    QUOTA_LOW = "quota_low"
    ALL_PARKED = "all_accounts_parked"
    STORE_AWAY = "store_away"


KINDS: Mapping[Condition, Kind] = {
    Condition.LOGIN_OVER: Kind.LOGIN_OVER,
    Condition.SUSPENDED: Kind.SUSPENDED,
}
"""The alerts about the condition of one account."""

Identity: TypeAlias = tuple[str, str]
"""The kind of an alert, and its account."""


class Alert(Struct, frozen=True):
    """``account`` is "" for what concerns all. ``text`` says what it is and what to do, in
    sentences without secrets. Alerts of the same kind and account are the same alert.
    """

    kind: Kind
    account: str
    text: str

    @property
    def identity(self) -> Identity:
        """What makes it the same alert."""
        return self.kind.value, self.account


class Account(Protocol):
    """What is asked of the report on an account."""

    @property
    def account(self) -> str: ...
    @property
    def state(self) -> Condition: ...
    @property
    def why(self) -> str: ...
    @property
    def quota(self) -> Quota | None: ...
    @property
    def usable(self) -> bool: ...


def alerts(
    accounts: Sequence[Account], store_problem: str, now: float, told: Collection[Identity] = ()
) -> Iterator[Alert]:
    """The alerts of this moment. ``store_problem``: why logins cannot be shared, "" if they can.
    ``told``: what was sent already. That no account could be used is over once one works: one that
    is merely to be tried again could be parked again by the next request.
    """
    for one in accounts:
        yield from _of_account(one, now)
    was_told = (Kind.ALL_PARKED.value, "") in told
    serve = [one.state in WORKS if was_told else one.usable for one in accounts]
    if not any(serve):
        states = "; ".join(f"{one.account}: {one.state.value}" for one in accounts) or NO_LOGIN
        yield Alert(Kind.ALL_PARKED, "", f"No account can be used now ({states}).")
    if store_problem:
        yield Alert(Kind.STORE_AWAY, "", f"{store_problem}.")


def _of_account(one: Account, now: float) -> Iterator[Alert]:
    name = one.account
    if kind := KINDS.get(one.state):
        known = CONDITIONS[one.state]
        advice = known.advice.format(command=command(), account=name)
        text = f"Account {name} {known.meaning}: {one.why.rstrip('.')}. What to do: {advice}."
        yield Alert(kind, name, text)
    quota = one.quota
    if quota and quota.limit > 0 and not 0 < quota.resets_at <= now:
        left = quota.limit - quota.used
        if left < LOW * quota.limit:
            text = (
                f"Account {name} has {max(left, 0):.2f} of its {quota.limit:g} credits left, less "
                "than 10 %."
            )
            yield Alert(Kind.QUOTA_LOW, name, text)
