"""Which of several grants of one login was refreshed last.

A grant names the refresh tokens that it replaced, so a grant that is named in another one is older,
whatever clocks and counters say. If neither of two grants names the other, nothing proves which one
is newer: both are candidates, and only a refresh that succeeds decides between them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from .model import Grant, fingerprint

_LONGEST = 32  # replaced tokens that are remembered: more than a day of hourly refreshes


def candidates(grants: Iterable[Grant]) -> list[Grant]:
    """The grants that may hold the valid refresh token, the most probable one first."""
    distinct: dict[str, Grant] = {}
    for grant in grants:
        known = distinct.get(name(grant))
        distinct[name(grant)] = _merged(known, grant) if known else grant
    found = list(distinct.values())
    left = [one for one in found if not any(replaces(other, one) for other in found)]
    return sorted(left, key=lambda one: (one.expires_at, one.refreshed_at), reverse=True)


def replaces(later: Grant, earlier: Grant) -> bool:
    """Whether ``later`` is proved to be newer."""
    return name(earlier) in later.ancestors and name(later) not in earlier.ancestors


def succeeding(fresh: Grant, before: Iterable[Grant]) -> Grant:
    """``fresh`` with the knowledge that it replaces all of ``before``, grants of the same login."""
    earlier: list[str] = []
    for grant in before:
        earlier += names(grant)
    return with_ancestors(fresh, earlier)


def with_ancestors(grant: Grant, ancestors: Sequence[str]) -> Grant:
    """``grant`` with these ancestors in addition to its own, the latest first."""
    own = name(grant)
    earlier = [one for one in dict.fromkeys([*ancestors, *grant.ancestors]) if one != own]
    return replace(grant, ancestors=tuple(earlier[:_LONGEST]))


def name(grant: Grant) -> str:
    """The name of a grant in the ancestors of others."""
    return fingerprint(grant.refresh_token or grant.access_token)


def names(grant: Grant) -> tuple[str, ...]:
    """The name of a grant and those of the ones that it replaced, the latest first."""
    return (name(grant), *grant.ancestors)


def holds(grants: Iterable[Grant], grant: Grant) -> bool:
    """Whether these tokens are among ``grants``."""
    return any(
        (one.refresh_token, one.access_token) == (grant.refresh_token, grant.access_token)
        for one in grants
    )


def _merged(one: Grant, other: Grant) -> Grant:
    """Two grants with the same refresh token: the later access token, and the ancestors of both."""
    later = max(one, other, key=lambda grant: (grant.expires_at, grant.generation))
    return with_ancestors(
        replace(
            later,
            generation=max(one.generation, other.generation),
            refreshed_at=later.refreshed_at or max(one.refreshed_at, other.refreshed_at),
            profile_arn=later.profile_arn or one.profile_arn or other.profile_arn,
        ),
        [*one.ancestors, *other.ancestors],
    )
