"""Builds the parts of this package from the settings."""

from app.settings import Settings

from .report import Reader
from .reports import Reports
from .writer import Writer


def writers(settings: Settings) -> tuple[Writer, ...]:
    """Where the answers of a worker are kept: the host's file, and Redis for all hosts."""
    days = settings.kiro_usage_days
    if not days:
        return ()
    from .host_store import FILE, HostStore

    path = settings.kiro_token_cache / FILE
    host = Writer(HostStore(path, days=days), str(path), in_thread=True)
    if not settings.kiro_token_store:
        return (host,)
    from .redis_store import RedisStore  # its package is an extra

    shared = RedisStore(settings.kiro_token_store, days=days)
    return host, Writer(shared, "KIRO_TOKEN_STORE", in_thread=False)


def reports(settings: Settings) -> Reports | None:
    """Makes reports in a worker; None if nothing is kept."""
    if not settings.kiro_usage_days:
        return None
    return Reports(reader(settings), in_thread=not settings.kiro_token_store)


def reader(settings: Settings) -> Reader:
    """Where reports come from: Redis if there is one, which knows all hosts."""
    if not settings.kiro_token_store:
        from .host_store import FILE, HostReader

        return HostReader(settings.kiro_token_cache / FILE)
    from .redis_store import RedisStore  # its package is an extra

    return RedisStore(settings.kiro_token_store, days=settings.kiro_usage_days)
