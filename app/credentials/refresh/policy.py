"""When a token is refreshed: the whole policy, in words first and then in code that mirrors it.

A token with more than five minutes left is used as it is. In its last five minutes it still serves,
while one refresh goes on in the background; if that fails, the token serves on. Once it has expired
(or is about to, within seconds) whoever needs it waits for the one refresh there is. These margins
shrink with a token that lives for less than twenty minutes. A token whose end nobody knows is used
until it is refused, unless there is nothing but a refresh token. API keys and logins without a
refresh token are never refreshed.

A token that the upstream refuses (401, or a 403 that speaks of the token) is refreshed at once if
it was accepted before, by whichever worker: it was revoked, or a clock is wrong. One that was never
accepted is refreshed too, but not if it is itself the fruit of a refresh of the last sixty seconds:
then the reason is another (a wrong region, a wrong profile), which no refresh can cure. The request
that met the refusal is sent once more, with the new token.

There is one refresh at a time: the greenlets of a process share it, the workers of a host exclude
each other by a lock, and whoever gets the lock first looks whether another has already done the
work. A request that goes away does not end the refresh it waited for, since the answer may hold the
only valid refresh token.

A login without a profile is asked for it with its first token and at each refresh, since some
hosts want one; not to find any is no failure.

A refresh that fails is not tried again before a back-off of 1, 2, 4 ... 60 seconds, or what the
service's Retry-After says. A refresh that is refused for good is repeated with what the source
holds within the next two seconds, in case another program refreshed the same login; if that is
refused too, or nothing else comes, the login is over, and nobody is called again until the source
holds another one.

While the store cannot tell what other hosts did, nothing is refreshed ahead, and no refusal is
taken as final.
"""

from enum import Enum

from app.credentials.model import AuthKind, Grant, Login

ADVISORY = 300.0
"""Seconds before its end from which on a token is refreshed in the background."""

MANDATORY = 15.0
"""Seconds before its end at which a token counts as expired: it must outlive the way upstream."""

UNPROVEN = 60.0
"""Seconds for which a refreshed token that was never accepted is not refreshed again."""

_LONGEST_BACKOFF = 60.0


class Tier(Enum):
    """What a token's remaining time asks for."""

    USE = "use"
    REFRESH_AHEAD = "refresh ahead"
    REFRESH_FIRST = "refresh first"


def refreshable(login: Login, grant: Grant) -> bool:
    """Whether there is anything to refresh with."""
    return login.kind is not AuthKind.API_KEY and bool(grant.refresh_token)


def tier(login: Login, grant: Grant, now: float) -> Tier:
    """What to do with a token that nobody has refused."""
    if not refreshable(login, grant):
        return Tier.USE
    if not grant.access_token:
        return Tier.REFRESH_FIRST
    if not grant.expires_at:
        return Tier.USE
    left = grant.expires_at - now
    life = grant.expires_at - grant.refreshed_at  # decades where nobody knows the refresh
    if left > min(ADVISORY, life / 4):
        return Tier.USE
    return Tier.REFRESH_AHEAD if left > min(MANDATORY, life / 10) else Tier.REFRESH_FIRST


def may_cure(refreshed_at: float, *, accepted: bool, now: float) -> bool:
    """Whether a refresh can help a token that was refused."""
    return accepted or abs(now - refreshed_at) >= UNPROVEN


def wants_profile(login: Login, grant: Grant) -> bool:
    """Whether the service should be asked for the profile; social logins get it with each token."""
    return grant.profile_arn is None and login.kind is not AuthKind.SOCIAL


def backoff(failures: int, retry_after: float | None) -> float:
    """Seconds to leave a refresh alone after so many failures in a row."""
    return retry_after or min(_LONGEST_BACKOFF, 2.0 ** min(failures - 1, 10))
