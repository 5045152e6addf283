"""Which profile a request names.

The official clients of late 2026 name one with every call, and the newest hosts refuse calls
without one. Where the account's own is not known, two profiles exist that many accounts share: one
for Builder ID, in the source of the Amazon Q CLI, and one for social logins. A wrong profile looks
like a refused token. Nothing here waits: the callers say how to look a profile up.
"""

import logging
from collections.abc import Callable
from typing import NamedTuple

from app.aws.regions import region_of
from app.common.errors import GatewayError, Kind
from app.models.model import Generation
from app.upstream import AccessToken

from .error_table import WANTS_PROFILE
from .hosts import Host

log = logging.getLogger("kiro2api.upstream")

BUILDER_ID = "arn:aws:codewhisperer:us-east-1:638616132270:profile/AAAACCCCXXXX"
SOCIAL = "arn:aws:codewhisperer:us-east-1:699475941385:profile/EHGA3GRVQMUK"
_SHARED = {"idc": BUILDER_ID, "social": SOCIAL}  # by the kind of login


def profile_for(host: Host, kind: str, known: str | None) -> str | None:
    """The profile to name: the account's own, else that of Builder ID on the newest hosts, where
    nothing works without one. The older hosts serve Builder ID without a profile.
    """
    if known or kind != "idc" or host.generation != "kiro":
        return known
    return BUILDER_ID if host.region == region_of(BUILDER_ID) else None


class _Learnt(NamedTuple):
    """The profile ``found`` for an account that named ``known``, for hosts of one generation or,
    if it is the account's own, of every one.
    """

    known: str | None
    found: str
    generation: Generation | None

    def is_for(self, host: Host, token: AccessToken) -> bool:
        """Whether it is the profile to name to this host; a new login starts anew."""
        return self.known == token.profile_arn and self.generation in (None, host.generation)


class ProfileChoice:
    """The profile that each account's requests name, and the one other that is tried after the
    service refused it. One per worker. ``find`` looks up the profile of a token; it waits, and
    raises GatewayError.
    """

    def __init__(self, find: Callable[[AccessToken], str | None]) -> None:
        self._find = find
        self._learnt: dict[str, _Learnt] = {}  # by account
        self._looked_up: dict[str, str] = {}  # the access token by account

    def first(self, host: Host, token: AccessToken) -> str | None:
        """The profile to name in a request to ``host``."""
        learnt = self._learnt.get(token.account)
        if learnt and learnt.is_for(host, token):
            return learnt.found
        return profile_for(host, token.kind, token.profile_arn)

    def another(
        self, error: GatewayError, host: Host, token: AccessToken, sent: str | None
    ) -> str | None:
        """The profile to send the same request with once more, after the service answered ``error``
        to one that named ``sent``; None if no other profile can help.
        """
        shared = found = None
        if error.code == WANTS_PROFILE:
            shared = self._shared(host, token, sent)
            found = shared or self._look_up(token)
        elif error.kind is Kind.REFUSED_TOKEN and sent == BUILDER_ID:
            found = self._look_up(token)  # a paid Builder ID has its own profile
        if not found or found == sent:
            return None
        generation = host.generation if shared else None
        self._learnt[token.account] = _Learnt(token.profile_arn, found, generation)
        log.info("account %s: the upstream wants profile %s", token.account, _name(found))
        return found

    def _shared(self, host: Host, token: AccessToken, sent: str | None) -> str | None:
        shared = _SHARED.get(token.kind)
        is_here = host.region == region_of(shared)
        return shared if is_here and shared != sent else None

    def _look_up(self, token: AccessToken) -> str | None:
        """Asked once for each access token."""
        if self._looked_up.get(token.account) == token.access_token:
            return None
        self._looked_up[token.account] = token.access_token
        try:
            return self._find(token)
        except GatewayError as error:
            log.info("account %s: no profile was found: %s", token.account, error.message)
            return None


def _name(profile_arn: str) -> str:
    return profile_arn.rpartition("/")[2]
