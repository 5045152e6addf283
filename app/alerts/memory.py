"""Which alerts the receiver was told of and not yet that they are over: a file, so that a restart
repeats none and forgets none.
"""

import logging
from pathlib import Path

import msgspec
from msgspec import Struct

from app.common import files

from .conditions import Alert, Identity

log = logging.getLogger("kiro2api.alerts")

FILE = "alerts.json"


class Told(Struct, frozen=True):
    """An alert that the receiver knows of; ``since`` in seconds since the epoch."""

    alert: Alert
    since: float


class Memory:
    """The told alerts, by identity. A file that cannot be read or written is logged."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> dict[Identity, Told]:
        """What was told, by this process or another."""
        try:
            known = msgspec.json.decode(files.read_own(self._path), type=list[Told])
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            log.warning("it is not known which alerts were sent before: %s", error)
            return {}
        return {one.alert.identity: one for one in known}

    def write(self, told: dict[Identity, Told]) -> None:
        """Keep what was told."""
        try:
            content = msgspec.json.encode(list(told.values()))
            files.replace(self._path, content, durable=False, private=True)
        except OSError as error:
            log.warning("after a restart, alerts may be sent again: %s", error)
