"""Builds the parts of this package from the settings."""

from collections.abc import Callable, Sequence

from app.models.names import Resolution
from app.settings import Settings

from .authentication import Authenticator
from .key_file import KeyFile
from .limits import KeyLimits, Rates
from .rates import Share
from .spending import Spending


def authenticator(settings: Settings, key_headers: Sequence[str]) -> Authenticator:
    """Knows the keys; clients send theirs in one of ``key_headers``."""
    path = settings.kiro_client_keys_file
    return Authenticator(
        settings.owner_key,
        KeyFile(path, settings.kiro_token_cache) if path else None,
        key_headers=key_headers,
        only_loopback=settings.has_default_token,
    )


def key_limits(settings: Settings, resolve: Callable[[str], Resolution]) -> KeyLimits:
    """What the keys may do; ``resolve`` finds the model of a name."""
    return KeyLimits(
        _rates(settings),
        workers=settings.web_concurrency,
        resolve=resolve,
        spending=_spending(settings),
    )


def _rates(settings: Settings) -> Rates | None:
    """The counter of requests per minute; None if no key can have a limit."""
    if not settings.kiro_client_keys_file:
        return None
    share = Share(settings.web_concurrency)
    if not settings.kiro_token_store:
        return share
    from .shared_rates import SharedRates  # its packages are an extra

    return SharedRates(settings.kiro_token_store, share)


def _spending(settings: Settings) -> Spending | None:
    """What the keys spend of their budgets; None if no key can have one."""
    if not settings.kiro_client_keys_file:
        return None
    if not settings.kiro_token_store:
        from .host_ledger import FILE, HostLedger

        return Spending(HostLedger(settings.kiro_token_cache / FILE), in_thread=True)
    from .redis_ledger import RedisLedger  # its package is an extra

    return Spending(RedisLedger(settings.kiro_token_store), in_thread=False)
