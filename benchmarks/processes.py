"""CPU time and memory of processes, and facts about this machine, from the kernel. Linux only."""

import os
import platform
import sysconfig
from importlib.metadata import version
from pathlib import Path
from time import clock_gettime, perf_counter
from typing import NamedTuple

from app.common import python_build


class Memory(NamedTuple):
    """Bytes.

    ``pss`` divides the size of shared pages by the number of processes that share them.
    """

    rss: int
    pss: int


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process with all its threads, with a resolution of nanoseconds.

    This is the clock of clock_getcpuclockid(3); /proc/PID/stat counts hundredths of a second.
    """
    return clock_gettime((~pid << 3) | 2)


def memory(pid: int) -> Memory:
    """Return the memory of a process."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    sizes = {name: int(rest[0]) * 1024 for name, *rest in map(str.split, lines)}
    return Memory(sizes["Rss:"], sizes["Pss:"])


class OtherLoad:
    """Measures the CPU time of other programs since its creation.

    Child processes that have ended count as part of this process.
    """

    def __init__(self) -> None:
        self._began = (perf_counter(), _busy_seconds(), _own_seconds())

    def share(self) -> float:
        """Return the share (0 to 1) of the CPU time of all cores that other programs used."""
        began, busy, own = self._began
        others = _busy_seconds() - busy - (_own_seconds() - own)
        return max(0.0, others) / ((perf_counter() - began) * (os.cpu_count() or 1))


def _busy_seconds() -> float:
    """Return the CPU time of the whole machine, including time stolen by a hypervisor."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, fields)
    return sum((user, nice, system, irq, softirq, steal)) / os.sysconf("SC_CLK_TCK")


def _own_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


PACKAGES = ("gunicorn", "gevent", "greenlet", "flask", "requests", "urllib3", "msgspec")


def machine() -> str:
    """Return processor, cores, memory and kernel in one line."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    memory_size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} x {models[0] if models else platform.machine()}, "
        f"{memory_size:.0f} GB, Linux {platform.release().partition('-')[0]}"
    )


def versions() -> str:
    """Return the versions of Python and of the packages that affect speed, in one line."""
    packages = [f"{name} {version(name)}" for name in PACKAGES]
    return ", ".join([f"Python {platform.python_version()}", *packages])


def interpreter() -> str:
    """Return how this Python was built, in one line: what its figures depend on most."""
    flags = str(sysconfig.get_config_var("PY_CFLAGS") or "")
    asked = str(sysconfig.get_config_var("CONFIG_ARGS") or "")
    linked = f"{flags} {sysconfig.get_config_var('PY_CORE_LDFLAGS') or ''}"
    return ", ".join(
        [
            "PGO" if python_build.is_optimized() else "no PGO",
            "LTO" if "--with-lto" in asked or "-flto" in linked else "no LTO told",
            *[flag for flag in flags.split() if flag.startswith("-O")][-1:],
            platform.python_compiler().strip(),
        ]
    )
