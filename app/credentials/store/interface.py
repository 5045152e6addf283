"""The interface of a token store: grants and account health, shared by several processes.

:mod:`app.credentials.store.files` implements it for one host, :mod:`app.credentials.store.redis`
for several.
"""

import contextlib
from collections.abc import Callable
from typing import Protocol

from app.common.errors import GatewayError, Kind
from app.credentials.health import AccountHealth
from app.credentials.model import Grant, Login

LEASE_TIMEOUT = 60.0
"""Seconds to wait for a lease by default."""


class SourceChanged(Exception):
    """The login was replaced or removed while it was refreshed."""


class TokenStore(Protocol):
    """Stores what follows from a login, for every process that shares the store."""

    def candidates(self, login: Login) -> list[Grant]:
        """The grants that may hold the valid refresh token of this login, the most probable one
        first. Usually there is one; there are more while nothing proves which is the newest.
        """

    def load(self, login: Login) -> Grant:
        """The first of the candidates."""

    def lease(self, login: Login) -> contextlib.AbstractContextManager[None]:
        """The exclusive right to refresh this login. Waits without blocking other greenlets;
        raises GatewayError UNAVAILABLE after a minute.
        """

    def save(self, login: Login, grant: Grant) -> None:
        """Store ``grant``, which follows from ``login`` as the source holds it now. Needs a lease.

        If no place can be written, the grant stays in memory and :meth:`problems` reports it.
        Raises SourceChanged, and then stores nothing.
        """

    def forget(self, login: Login) -> None:
        """Remove everything stored for this login. The source itself is not changed."""

    def health(self, login: Login) -> AccountHealth:
        """The health of the account as far as this process knows; cheap."""

    def update_health(
        self, login: Login, change: Callable[[AccountHealth], AccountHealth]
    ) -> AccountHealth:
        """Apply ``change`` to the health for all processes; changes are serialised."""

    def sync(self) -> None:
        """Fetch what other hosts know, if they can be asked now. Waits."""

    def is_in_sync(self, login: Login) -> bool:
        """False if another host may have refreshed the login without the knowledge of this one.
        With a lease, the answer holds for the moment when the lease began.
        """

    def problems(self) -> list[str]:
        """What the owner should repair, in sentences; empty if all is well."""

    def close(self) -> None:
        """Close connections."""


def busy_error(where: str, seconds: float) -> GatewayError:
    """The error if the lease was not available within ``seconds``."""
    return GatewayError(
        Kind.UNAVAILABLE,
        f"Another process has been refreshing this login for {seconds:g} s ({where}); try again.",
        retry_after=1,
    )
