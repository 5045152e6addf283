"""Builds the parts of this package from the settings."""

from urllib.parse import urlsplit

from app.credentials import Credentials
from app.models.catalogue import Catalogue
from app.settings import Settings

from .choice import ModelChoice
from .live import Lister, LiveLists
from .merged import Merged
from .shelf import FileShelf, Shelf


def model_choice(settings: Settings) -> ModelChoice:
    """The models of the table, until lists are read."""
    return ModelChoice(
        default=settings.kiro_default_model or "",
        aliases=settings.kiro_models,
        unknown=settings.kiro_unknown_model,
    )


def live_lists(
    settings: Settings,
    models: ModelChoice,
    credentials: Credentials,
    lister: Lister,
    *,
    since: float,
) -> LiveLists:
    """The lists of the accounts, which are not looked at yet. ``since``: lists from before this
    moment, in seconds since the epoch, are read again.
    """
    return LiveLists(
        models,
        credentials,
        lister,
        _shelf(settings),
        refresh=settings.kiro_models_refresh,
        egress=_egress(settings),
        since=since,
    )


def known_models(settings: Settings) -> Catalogue:
    """Every model that this host has seen in a list, and those of the table. Asks nobody."""
    records = FileShelf(settings.kiro_token_cache).stored()
    lists = {str(number): record.catalogue for number, record in enumerate(records)}
    return Merged(lists | {"": None}).catalogue


def listed_models(settings: Settings, now: float) -> Catalogue | None:
    """The models in the lists that this host has read and still uses, None if there are none. Asks
    nobody.
    """
    records = FileShelf(settings.kiro_token_cache).stored()
    lists = [good for record in records if (good := record.good(now))]
    if not lists:
        return None
    return Merged({str(number): listed for number, listed in enumerate(lists)}).catalogue


def _shelf(settings: Settings) -> Shelf:
    local = FileShelf(settings.kiro_token_cache)
    if not settings.kiro_token_store:
        return local
    from .redis_shelf import RedisShelf  # its package is an extra; the credentials say if it lacks

    return RedisShelf(settings.kiro_token_store, local)


def _egress(settings: Settings) -> str:
    """The proxy without its user and password."""
    proxy = urlsplit(settings.kiro_upstream_proxy or "")
    return f"{proxy.scheme}://{proxy.hostname}:{proxy.port}" if proxy.hostname else ""
