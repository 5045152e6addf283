"""Builds the parts of this package from the settings."""

from collections.abc import Callable

from app.models.names import Resolution
from app.settings import Settings

from .limits import KeyLimits, Rates
from .spending import Spending


def key_limits(settings: Settings, resolve: Callable[[str], Resolution]) -> KeyLimits:
    """The limits of all keys, in one worker. ``resolve`` finds the model that a name means."""
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
    from .rates import Share  # 3 MB with asyncio, which few installations need

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
