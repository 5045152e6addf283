"""The time since this machine was started, which no correction of its clock changes."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_BOOT_TIME = getattr(time, "CLOCK_BOOTTIME", None)  # it runs on while the machine sleeps


@dataclass(frozen=True, slots=True)
class Boot:
    """``name`` differs for each start of each machine. All processes of a machine agree on both."""

    name: str
    seconds: Callable[[], float]


def this_boot() -> Boot | None:
    """The boot of this machine, None on a system that does not name it."""
    try:
        name = _BOOT_ID.read_text().strip()
    except OSError:
        return None
    return Boot(name, _seconds) if name and _BOOT_TIME is not None else None


def _seconds() -> float:
    return time.clock_gettime(_BOOT_TIME or time.CLOCK_MONOTONIC)
