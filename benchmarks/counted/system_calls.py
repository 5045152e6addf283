"""System calls of the worker for a request and for an event, by strace.

What is counted lies between two log lines of requests, or between two events that are sent: one of
the spans with the fewest calls, since what a worker does by the clock falls into some of them.
Client and upstream take so long that the worker waits for each of them; a wait that is sometimes
needed and sometimes not would be a matter of luck.
"""

import re
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from benchmarks.rows import loads
from benchmarks.rows.answers import Answer
from benchmarks.rows.loads import Load
from benchmarks.rows.pairs import run
from benchmarks.rows.servers import Server, gateway
from benchmarks.rows.upstream import Upstream, running

ATTACHES_WITHIN = 30.0
_CALL = re.compile(r"^\d+ +(\w+)\((\d*)")
REQUEST, SLOW_EVENT, TLS_REQUEST, TLS_EVENT = (
    "a short stream", "a slow event", "a short stream over TLS", "a slow event over TLS",
)  # fmt: skip
SECONDS = 0.02
WAIT = ("epoll_wait", "getpid")
"""The calls of one turn of the event loop."""
STREAM = replace(
    loads.SHORT, requests=40, pause=SECONDS, answer=Answer(loads.SHORT.answer.steps, SECONDS)
)
SLOW = replace(loads.slow(1, events=60, gap=0.03), ramp=0.0)


class Call(NamedTuple):
    """A system call, and its first argument if that is a number: mostly a file descriptor."""

    name: str
    first: str


def possible() -> bool:
    """Whether strace is installed and may look at other processes."""
    if not shutil.which("strace"):
        return False
    return subprocess.run(["strace", "true"], capture_output=True, check=False).returncode == 0


def count() -> dict[str, Counter[str]]:
    """Return the calls for each kind of span, by name."""
    with TemporaryDirectory(prefix="bench-") as plain, TemporaryDirectory(prefix="bench-") as tls:
        return _count(Path(plain), REQUEST, SLOW_EVENT) | _count(
            Path(tls), TLS_REQUEST, TLS_EVENT, tls=True
        )


def _count(work: Path, request: str, event: str, *, tls: bool = False) -> dict[str, Counter[str]]:
    with running(work, tls=tls) as upstream, gateway()(upstream, work) as server:
        run(replace(STREAM, requests=20), server, upstream)
        calls = traced(STREAM, server, upstream, work / "requests")
        slow = traced(SLOW, server, upstream, work / "events")
    return {request: fewest(calls, _is_log_line), event: fewest(slow, _is_event)}


def traced(load: Load, server: Server, upstream: Upstream, path: Path) -> list[Call]:
    """Return the calls of the worker during a load; strace writes them to ``path``."""
    [worker] = server.workers
    command = ["strace", "-f", "-qq", "-e", "signal=none", "-o", f"{path}", "-p", f"{worker}"]
    with subprocess.Popen(command) as tracer:
        try:
            _wait_for_tracer(worker)
            run(load, server, upstream)
        finally:
            tracer.terminate()
    return list(parsed(path.read_text().splitlines()))


def _wait_for_tracer(worker: int) -> None:
    end = time.monotonic() + ATTACHES_WITHIN
    threads = Path(f"/proc/{worker}/task")
    while time.monotonic() < end:
        if all("TracerPid:\t0" not in (each / "status").read_text() for each in threads.iterdir()):
            return
        time.sleep(0.02)
    raise TimeoutError("strace did not attach")


def parsed(lines: Sequence[str]) -> Iterator[Call]:
    """Yield what strace wrote, each call where it begins."""
    for line in lines:
        if found := _CALL.match(line):
            yield Call(found[1], found[2])


def fewest(calls: Sequence[Call], ends: Callable[[Call], bool]) -> Counter[str]:
    """Return the calls by name in a span that ``ends`` ends: a fifth of the spans have fewer."""
    spans: list[Counter[str]] = [Counter()]
    for call in calls:
        spans[-1][call.name] += 1
        if ends(call):
            spans.append(Counter())
    counted = spans[2:-1]  # the first may have begun before
    whole = sorted(map(_without_ticks, counted), key=Counter.total)
    assert whole, "nothing was counted"
    return Counter(dict(sorted(whole[len(whole) // 5].items())))


def _without_ticks(calls: Counter[str]) -> Counter[str]:
    """Leave out the worker's sign of life, ten times a second: a slow span has several."""
    ticks = calls["getppid"]
    return calls - Counter(dict.fromkeys((*WAIT, "getppid", "utimensat"), ticks))


def _is_log_line(call: Call) -> bool:
    return call == Call("write", "2")


def _is_event(call: Call) -> bool:
    return call.name in ("sendto", "sendmsg")
