"""Builds the parts of this package from the settings."""

from collections.abc import Callable, Sequence

from app.aws.quota import Quota
from app.common.finished import Finished, Observer
from app.settings import Settings

from .entry import entry, reading
from .report import Reader
from .reports import Recent, Reports
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


def observers(writers: Sequence[Writer]) -> tuple[Observer, ...]:
    """What keeps the requests that are over."""

    def keep(finished: Finished) -> None:
        if finished.called_model:
            made = entry(finished)
            for writer in writers:
                writer.put(made)
        elif finished.key and finished.error and finished.dialect:  # known by whom
            writers[0].put(entry(finished))

    return (keep,) if writers else ()


def on_quota(writers: Sequence[Writer]) -> Callable[[str, float, Quota], None] | None:
    """What keeps the quota that an account had at a moment; None if nothing is kept."""

    def keep(account: str, at: float, quota: Quota) -> None:
        for writer in writers:
            writer.read_quota(reading(account, at, quota))

    return keep if writers else None


def reports(settings: Settings) -> Reports | None:
    """Makes reports in a worker; None if nothing is kept."""
    if not settings.kiro_usage_days:
        return None
    return Reports(reader(settings), in_thread=not settings.kiro_token_store)


def recent(settings: Settings) -> Recent | None:
    """The last requests of this host; None if nothing is kept."""
    if not settings.kiro_usage_days:
        return None
    from .host_store import FILE, HostReader

    return Recent(HostReader(settings.kiro_token_cache / FILE))


def reader(settings: Settings) -> Reader:
    """Where reports come from: Redis if there is one, which knows all hosts."""
    if not settings.kiro_token_store:
        from .host_store import FILE, HostReader

        return HostReader(settings.kiro_token_cache / FILE)
    from .redis_store import RedisStore  # its package is an extra

    return RedisStore(settings.kiro_token_store, days=settings.kiro_usage_days)
