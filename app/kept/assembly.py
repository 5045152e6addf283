"""Builds the parts of this package from the settings."""

import base64
import logging

from app.settings import Settings

from . import master
from .host_store import HostStore
from .keeper import Keeper, Sealed
from .sealing import Sealer

log = logging.getLogger("kiro2api.kept")


def prepare(settings: Settings) -> None:
    """In the master, before it forks: make what its workers share. A directory that cannot be used
    is logged, and nothing is kept.
    """
    if not settings.kiro_responses_ttl:
        return
    try:
        master.begin(settings.kiro_token_cache)
    except OSError as error:
        log.warning(
            "no responses are kept: KIRO_TOKEN_CACHE (%s) cannot be used: %s",
            settings.kiro_token_cache,
            error.strerror or error,
        )


def keeper(settings: Settings) -> Keeper | None:
    """The keeper of a worker; None if nothing is kept."""
    place, ttl = master.current(), settings.kiro_responses_ttl
    if not ttl or place is None:
        return None
    most = settings.kiro_responses_max_bytes
    host = HostStore(place.path, ttl=ttl, most=most)
    own = Sealer(place.secret)
    if not settings.kiro_token_store or not settings.kiro_store_key:
        return Keeper(host, own)
    from .redis_store import RedisStore, Unavailable  # its package is an extra

    shared = RedisStore(settings.kiro_token_store, ttl=ttl, most=most)
    secret = base64.urlsafe_b64decode(settings.kiro_store_key)
    return Keeper(host, own, Sealed(shared, Sealer(secret)), Unavailable)
