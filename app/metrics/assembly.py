"""Builds the parts of this package from the settings."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from app.settings import Settings
from app.version import __version__

from . import directory
from .requests import RequestFigures
from .sampler import Now, Sampler, SoFar
from .store import Store

log = logging.getLogger("kiro2api.metrics")


class Metrics(NamedTuple):
    """The parts of one worker."""

    path: Path
    requests: RequestFigures
    sampler: Sampler

    def start(self) -> None:
        """Begin to look at what is no matter of one request."""
        self.sampler.start()

    def close(self) -> None:
        """Look for the last time."""
        self.sampler.close()


def prepare(settings: Settings) -> None:
    """In the master, before it forks: make what its workers share. If that cannot be, it is logged,
    and nothing is counted.
    """
    if not settings.kiro_metrics:
        return
    try:
        directory.begin(settings.kiro_token_cache)
    except OSError as error:
        log.warning(
            "there are no metrics: KIRO_TOKEN_CACHE (%s) cannot be used: %s",
            settings.kiro_token_cache,
            error.strerror or error,
        )


def metrics(
    settings: Settings,
    *,
    is_model: Callable[[str], bool],
    now: Callable[[], Now],
    so_far: Callable[[], SoFar],
) -> Metrics | None:
    """Those of a worker; None if nothing is counted."""
    place = directory.current()
    if not settings.kiro_metrics or place is None:
        return None
    try:
        store = Store(place.path, directory.take_slot(place.path))
    except OSError as error:
        log.warning("this worker has no metrics: %s", error.strerror or error)
        return None
    return Metrics(
        place.path, RequestFigures(store, is_model), Sampler(store, __version__, now, so_far)
    )
