"""Measures the gateway as shipped, with one worker, between a load generator and the simulator.

Each run has a new worker, which a few small requests warm up. Each round runs all cases, so that a
disturbance of the machine does not affect all runs of one case.
"""

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import msgspec
from werkzeug.datastructures import Headers

from app.codewhisperer.request.render import render
from app.codewhisperer.service.hosts import authorization, candidates
from app.models.names import resolve
from app.simulator import Simulator
from benchmarks.cases import KB, Case, Scale, cases
from benchmarks.dialects import MODEL
from benchmarks.load import LoadFailed, LoadPlan, Result, generate
from benchmarks.processes import Memory, cpu_seconds, memory
from benchmarks.samples import deltas, text_request
from tests.live.processes import children
from tests.live.servers import KEY, Gateway

MAX_STREAMS = 2000
FILES = 8192
"""File descriptors that a process may need: two sockets for each stream, and some more."""

IDLE_SECONDS = 10.0
WARM = 1.5
"""Seconds after the first answers for the worker to write its first records of usage."""
SETTLE = 0.1
"""Seconds after the last answer for the worker to write its log."""

WARM_UP = Case("warm-up", "", 0, text_request(8 * KB), 10, requests=20, script={"text": deltas(10)})


@dataclass(frozen=True)
class Run:
    """One run of a case.

    ``cpu``: CPU seconds of the worker, minus its use when idle. ``idle`` and ``held``: its memory
    before the load, and while all streams of a paced load are open. ``seen`` and ``alone``: the
    results of the load generator with the gateway, and with the upstream alone.
    """

    cpu: float
    seen: Result
    idle: Memory
    held: Memory | None
    alone: Result | None


class Measured(NamedTuple):
    """All runs of a case, one for each round."""

    case: Case
    runs: list[Run]


def measure(scale: Scale, report_progress: Callable[[str], object]) -> dict[str, list[Measured]]:
    """Measure every case; return them by group. Raises :class:`LoadFailed`."""
    table = [Measured(case, []) for case in cases(scale)]
    with Simulator(accept_any_token=True, log_limit=1) as upstream:
        idle = idle_rate(upstream)
        for number in range(scale.rounds):
            for case, runs in table:
                report_progress(f"round {number + 1} of {scale.rounds}: {case.group}, {case.label}")
                runs.append(run(case, upstream, idle, alone=case.alone and number == 0))
    groups: dict[str, list[Measured]] = {}
    for measured in table:
        groups.setdefault(measured.case.group, []).append(measured)
    return groups


def idle_rate(upstream: Simulator) -> float:
    """Return the CPU seconds per second of an idle worker, once it has dealt with a request: the
    clock of processes is too coarse to tell it within one run.
    """
    with _gateway(upstream) as (port, worker):
        load(WARM_UP, plan(WARM_UP, port), upstream)
        time.sleep(WARM)
        used = cpu_seconds(worker)
        time.sleep(IDLE_SECONDS)
        return (cpu_seconds(worker) - used) / IDLE_SECONDS


def run(case: Case, upstream: Simulator, idle: float, *, alone: bool = False) -> Run:
    """Run a case once, with a new worker. ``idle``: the CPU seconds that one uses in a second
    without requests. Raises :class:`LoadFailed`.
    """
    with _gateway(upstream) as (port, worker):
        load(WARM_UP, plan(WARM_UP, port), upstream)
        time.sleep(WARM)
        before = memory(worker)
        began, used = time.monotonic(), cpu_seconds(worker)
        seen, held = load(case, plan(case, port), upstream, worker)
        time.sleep(SETTLE)
        used = cpu_seconds(worker) - used - idle * (time.monotonic() - began)
    direct = load(case, plan_alone(case, upstream), upstream)[0] if alone else None
    return Run(used, seen, before, held, direct)


@contextmanager
def _gateway(upstream: Simulator) -> Iterator[tuple[int, int]]:
    """Start a gateway; yield its port and the process id of its worker."""
    with TemporaryDirectory(prefix="bench-") as work:
        gateway = Gateway(
            upstream.url,
            Path(work),
            WEB_CONCURRENCY="1",
            KIRO_MAX_STREAMS=str(MAX_STREAMS),
            KIRO_MAX_IMAGE_BYTES=str(1 << 30),
        )
        try:
            [worker] = children(gateway.process.pid)
            yield gateway.port, worker
        finally:
            gateway.stop()


def plan(case: Case, port: int) -> LoadPlan:
    """Return the load of a case on the gateway at ``port``."""
    return LoadPlan(
        port,
        case.dialect.path,
        {**case.headers, "x-api-key": KEY},
        case.body,
        case.dialect.text_mark,
        case.dialect.end_mark,
        case.events,
        case.connections,
        case.requests,
        case.ramp,
    )


def plan_alone(case: Case, upstream: Simulator) -> LoadPlan:
    """Return the same load on the simulator, with the requests that the gateway would send."""
    [host] = candidates("us-east-1", upstream.url)
    conversation = case.dialect.parse(case.body, Headers(case.headers))
    rendered = render(
        conversation,
        host=host,
        model=resolve(conversation.model, MODEL, {}).model,
        profile_arn=None,
        conversation_id="bench",
        max_description=10_000,
    )
    url, headers = host.chat_endpoint()
    return msgspec.structs.replace(
        plan(case, upstream.port),
        path=url.removeprefix(upstream.url),
        headers={name.lower(): value for name, value in headers.items()}
        | authorization("bench", "social"),
        body=rendered.body,
        text_mark=b"assistantResponseEvent",
        end_mark=b"contextUsageEvent",
    )


def load(
    case: Case, planned: LoadPlan, upstream: Simulator, worker: int = 0
) -> tuple[Result, Memory | None]:
    """Run a plan; return its result, and the worker's memory while a paced case has all streams.

    Raises :class:`LoadFailed`.
    """
    upstream.reset()
    upstream.script({**case.script, "times": None})
    held: list[Memory] = []

    def note() -> None:
        if worker and case.paced:
            held.append(memory(worker))

    try:
        result = generate(planned, note)
    except LoadFailed as error:
        raise LoadFailed(f"{case.group}, {case.label}: {error}") from None
    return result, held[0] if held else None


def allow_files() -> None:
    """Raise the limit of open files for this process and its children. Raises LoadFailed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < FILES:
        raise LoadFailed(f"{FILES} open files are needed, {hard} allowed; raise ulimit -n")
    if soft < FILES:
        resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, hard))
