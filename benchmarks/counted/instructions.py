"""Instructions for a request and for an event, by valgrind's callgrind.

The worker runs in valgrind, and is counted in when it has answered a few requests of each kind.
What it does while nothing is asked is counted too, and subtracted. Client and upstream take so long
that it waits for each of them, and of two counts the lower is taken. Each of the first `STEPS` does
what the one before it does and something more, so the difference of two is what a layer costs.
"""

import re
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

from benchmarks.dialects import MESSAGES
from benchmarks.rows import answers, loads
from benchmarks.rows.answers import Answer, Step
from benchmarks.rows.loads import Load
from benchmarks.rows.pairs import run
from benchmarks.rows.servers import Server, Start, floor_within, gateway
from benchmarks.rows.upstream import Upstream, running

IDLE_SECONDS = 5.0
REQUESTS, LONG_REQUESTS = 20, 4
FEW, MANY = 10, 1010
"""Events of the answers."""
SECONDS = 0.02
"""How long the client waits after an answer, and the upstream before one."""
COUNTS = 2

Counts = dict[str, float]


def _prompt() -> Load:
    """A count of tokens: all that a request needs before the service is asked."""
    path, mark = "/v1/messages/count_tokens", b'"input_tokens":'
    dialect = MESSAGES._replace(path=path, text_mark=mark, end_mark=b"}")
    return replace(loads.SHORT, dialect=dialect, events=1, requests=REQUESTS, pause=SECONDS)


def _later(load: Load, requests: int, steps: Sequence[Step] = ()) -> Load:
    """The load with an answer and with requests that let the worker wait."""
    answer = Answer([*(steps or load.answer.steps)], SECONDS)
    return replace(load, answer=answer, pause=SECONDS, requests=requests)


_short = _later(loads.SHORT, REQUESTS)
_long = replace(_later(loads.SHORT, LONG_REQUESTS, answers.at_once(MANY, 8).steps), events=MANY)
PROMPT, WHOLE, STREAM, TURN = "a count of tokens", "a whole answer", "a short stream", "a turn"
EVENT = "an event at full speed"
_LONG = "a long stream"
ANSWERS: Mapping[str, Load] = MappingProxyType(
    {
        WHOLE: replace(_later(loads.WHOLE, REQUESTS, _short.answer.steps), events=FEW),
        STREAM: _short,
        TURN: _later(loads.TURN, REQUESTS // 2),
        _LONG: _long,
    }
)
STEPS: Mapping[str, Load] = MappingProxyType({PROMPT: _prompt(), **ANSWERS})


def possible() -> bool:
    """Whether valgrind is installed."""
    return bool(shutil.which("valgrind") and shutil.which("callgrind_control"))


def of_gateway() -> Counts:
    """Return the instructions of the gateway for each step."""
    return _count(lambda within: gateway(within), STEPS)


def of_floor() -> Counts:
    """Return the instructions of the floor (`benchmarks.floors`) for each step but the first."""
    return _count(floor_within, ANSWERS)


def _count(start: Callable[[Sequence[str]], Start], steps: Mapping[str, Load]) -> Counts:
    with TemporaryDirectory(prefix="bench-") as name, running(Path(name)) as upstream:
        work = Path(name)
        command = (
            *("valgrind", "--tool=callgrind", "--instr-atstart=no", "--trace-children=yes"),
            f"--callgrind-out-file={work}/callgrind.%p",
        )
        with start(command)(upstream, work) as server:
            [worker] = server.workers
            _warm(steps, server, upstream)
            counter = Counter(worker, work)
            _warm(steps, server, upstream)
            found = {
                name: min(
                    counter.during(partial(run, load, server, upstream)) / load.requests
                    for _ in range(COUNTS)
                )
                for name, load in steps.items()
            }
    return _with_event(found)


def _warm(steps: Mapping[str, Load], server: Server, upstream: Upstream) -> None:
    for load in steps.values():
        run(replace(load, requests=min(load.requests, 10)), server, upstream)


def _with_event(found: Counts) -> Counts:
    """Put an event in the place of a stream of many."""
    found[EVENT] = (found.pop(_LONG) - found[STREAM]) / (MANY - FEW)
    return {name: round(count) for name, count in found.items()}


class Counter:
    """Counts the instructions of a process that runs in callgrind, with its files in ``work``."""

    def __init__(self, pid: int, work: Path) -> None:
        self._pid = pid
        self._work = work
        self._idle = 0.0  # instructions a second
        self._control("-i", "on")
        self._idle = self.during(lambda: time.sleep(IDLE_SECONDS)) / IDLE_SECONDS

    def during(self, work: Callable[[], object]) -> float:
        """Return the instructions while ``work`` is done, beyond those when nothing is asked."""
        self._control("-z")
        known = self._dumps()
        began = time.monotonic()
        work()
        took = time.monotonic() - began
        self._control("-d")
        [dump] = self._dumps() - known
        found = re.search(r"^totals: (\d+)", dump.read_text(), re.MULTILINE)
        assert found, dump
        return int(found[1]) - self._idle * took

    def _dumps(self) -> set[Path]:
        return set(self._work.glob(f"callgrind.{self._pid}.*"))

    def _control(self, *arguments: str) -> None:
        command = ["callgrind_control", *arguments, f"{self._pid}"]
        done = subprocess.run(command, cwd=self._work, capture_output=True, text=True, check=True)
        if "Error" in done.stdout:
            raise RuntimeError(done.stdout)
