"""The figures of all workers as one text, as Prometheus reads it."""

from pathlib import Path
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from . import directory

_collect: Any = MultiProcessCollector  # it has no types
CONTENT_TYPE = CONTENT_TYPE_LATEST


def exposition(place: Path) -> bytes:
    """The text. Takes some milliseconds, so not to be called in the event loop."""
    directory.remove_dead(place)
    registry = CollectorRegistry(auto_describe=False)
    _collect(registry, str(place))
    return generate_latest(registry)
