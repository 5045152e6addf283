"""What the kernel says of a process, and of this machine. Linux only."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from time import clock_gettime, perf_counter
from typing import NamedTuple


class Memory(NamedTuple):
    """In bytes; ``pss`` counts pages that n processes share as an nth."""

    rss: int
    pss: int


def cpu_seconds(pid: int) -> float:
    """CPU time of a process, all its threads included, exact to the nanosecond.

    By the clock that clock_getcpuclockid(3) gives for it; /proc/PID/stat counts hundredths.
    """
    return clock_gettime((~pid << 3) | 2)


def memory(pid: int) -> Memory:
    """Memory of a process."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    sizes = {name: int(rest[0]) * 1024 for name, *rest in map(str.split, lines)}
    return Memory(sizes["Rss:"], sizes["Pss:"])


class Others:
    """How busy all else kept this machine from the making of this until :meth:`share` is asked.

    What this process started counts as its own once it has ended.
    """

    def __init__(self) -> None:
        self._began = (perf_counter(), _busy_seconds(), _own_seconds())

    def share(self) -> float:
        """Of the CPU time that all cores have, 0 to 1."""
        began, busy, own = self._began
        others = _busy_seconds() - busy - (_own_seconds() - own)
        return max(0.0, others) / ((perf_counter() - began) * (os.cpu_count() or 1))


def _busy_seconds() -> float:
    """CPU time of the whole machine, the time that a hypervisor took away included."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, fields)
    return sum((user, nice, system, irq, softirq, steal)) / os.sysconf("SC_CLK_TCK")


def _own_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


PACKAGES = ("gunicorn", "gevent", "greenlet", "flask", "requests", "urllib3", "msgspec")


def machine() -> str:
    """The processor, its cores, memory and kernel, in one line."""
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
    """Python and the packages that the speed depends on, in one line."""
    packages = [f"{name} {version(name)}" for name in PACKAGES]
    return ", ".join([f"Python {platform.python_version()}", *packages])
