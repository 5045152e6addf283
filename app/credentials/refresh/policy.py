"""When a token is refreshed: the whole policy, first in words and then in code that mirrors it.

A token with more than five minutes left is used as it is. In its last five minutes it is still
used, while one refresh runs in the background; if that refresh fails, the token remains in use.
Once the token has expired (or will within seconds), every request that needs one waits for a single
refresh. These margins shrink for a token that lives for less than twenty minutes. A token without a
known expiry is used until it is refused; if there is only a refresh token, it is refreshed first.
API keys and logins without a refresh token are never refreshed.

If the upstream refuses a token (401, or a 403 about the token) that any worker has seen accepted
before, the token is refreshed at once: it was revoked, or a clock is wrong. A token that was never
accepted is refreshed too, unless it comes from a refresh in the last sixty seconds: then the cause
is a different one (a wrong region, a wrong profile) that no refresh can fix. The request that was
refused is sent once more with the new token.

Only one refresh runs at a time: the greenlets of a process share it, the workers of a host exclude
each other with a lock, and each lock holder first checks whether another process has already
refreshed. A request that is abandoned does not cancel the refresh it waited for, since the response
may hold the only valid refresh token.

A login without a profile is looked up with its first token and at each refresh, since some hosts
need a profile; finding none is not a failure. An API key is looked up again when the upstream has
refused it. If every region refuses the key itself, it is over, and it is not sent again until it is
replaced, the owner clears the account, or, once more each, the process is restarted or a file of
the source is touched.

A failed refresh is not repeated before a back-off of 1, 2, 4 ... 60 seconds, or the service's
Retry-After, of at most an hour. A refresh that is refused for good is repeated with what the source
holds within the next two seconds, in case another program refreshed the same login; if that is
refused too, or nothing new appears, the login is over, and the service is not called again until
the source or the store holds another refresh token, the owner clears the account, or, once more
each, the process is restarted or a file of the source is touched. While a refresh may not be tried,
each request, and a poll once a second, looks whether the source or the store has a newer token.

If nothing proves which of several refresh tokens of a login is the newest, the most probable one is
used, and the others are tried as soon as it is refused, for whatever reason.

While the store cannot tell what other hosts did, nothing is refreshed ahead of time and no refusal
is final.
"""

from enum import Enum

from app.credentials.model import AuthKind, Grant, Login

ADVISORY = 300.0
"""A token with fewer seconds left than this is refreshed in the background."""

MANDATORY = 15.0
"""A token with fewer seconds left than this counts as expired: it must last until it is used."""

UNPROVEN = 60.0
"""Seconds before a refreshed token that was never accepted is refreshed again."""

_LONGEST_BACKOFF = 60.0


class Action(Enum):
    """What the remaining lifetime of a token calls for."""

    USE = "use"
    REFRESH_AHEAD = "refresh ahead"
    REFRESH_FIRST = "refresh first"


def refreshable(login: Login, grant: Grant) -> bool:
    """Whether the login has a refresh token to use."""
    return login.kind is not AuthKind.API_KEY and bool(grant.refresh_token)


def next_action(login: Login, grant: Grant, now: float) -> Action:
    """What to do with a token that was not refused."""
    if not refreshable(login, grant):
        return Action.USE
    if not grant.access_token:
        return Action.REFRESH_FIRST
    if not grant.expires_at:
        return Action.USE
    left = grant.expires_at - now
    life = grant.expires_at - grant.refreshed_at  # decades if the time of the refresh is unknown
    if left > min(ADVISORY, life / 4):
        return Action.USE
    return Action.REFRESH_AHEAD if left > min(MANDATORY, life / 10) else Action.REFRESH_FIRST


def refresh_may_help(refreshed_at: float, *, accepted: bool, now: float) -> bool:
    """Whether a refresh can help a token that was refused."""
    return accepted or abs(now - refreshed_at) >= UNPROVEN


def needs_profile(login: Login, grant: Grant, refused: str = "") -> bool:
    """Whether to ask the upstream for the profile; social logins get it with each token. For an API
    key, the answer also tells whether the key is over, which matters when it was ``refused``.
    """
    if login.kind is AuthKind.API_KEY and refused == grant.access_token:
        return True
    return grant.profile_arn is None and login.kind is not AuthKind.SOCIAL


def backoff(failures: int, retry_after: float | None) -> float:
    """Seconds to wait after this many failed refreshes in a row."""
    return retry_after or min(_LONGEST_BACKOFF, 2.0 ** min(failures - 1, 10))
