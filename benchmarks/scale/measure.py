"""Counts what gateways with one login and one Redis do, on this machine.

Calls to Redis and refreshes are counted, not timed, so that a busy machine does not change them;
CPU time is that of the workers alone. Only the time of a wave of refreshes depends on the machine.
"""

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import redis
from msgspec import Struct

from app.simulator import Simulator
from benchmarks.cases import KB, Case
from benchmarks.end_to_end import plan
from benchmarks.load import OPEN, LoadFailed, Result
from benchmarks.processes import cpu_seconds
from benchmarks.samples import deltas, text_request
from tests.credentials.redis_server import RedisServer
from tests.live.processes import children
from tests.live.servers import KEY, ROOT, Gateway

LOGIN = "one-login-for-all-gateways".ljust(120, "x")
FEW, MANY = 20, 160
"""Events of a slow answer, which takes ``ANSWER_SECONDS`` either way: calls for an answer and calls
for an event differ."""
ANSWER_SECONDS, STREAMS, ANSWERS = 2.0, 20, 5
FAST = 400
"""Events of an answer at full speed, of which four at a time are read for the CPU time of one."""
IDLE_SECONDS = 15.0
SETTLE = 3.0
"""Seconds for the stores to write what they collect."""


class Point(Struct, frozen=True):
    """What was counted with this many gateways of one worker each.

    ``idle``: calls to Redis per second without a request. ``few`` and ``many``: calls to Redis for
    an answer of ``FEW`` and ``MANY`` events, beside the idle ones, at ten answers a second for each
    gateway. ``cpu``: microseconds of the workers for an event at full speed. ``bytes``: per second
    in and out of Redis while idle.
    ``wave_calls``, ``wave_seconds``: calls, and seconds until the last gateway has answered, when
    each has one request and the token of all was revoked. ``refreshes``: sign-ins in that wave.
    """

    gateways: int
    idle: float
    bytes: float
    few: float
    many: float
    cpu: float
    wave_calls: float
    wave_seconds: float
    refreshes: int


def point(gateways: int, waves: int = 5) -> Point:
    """Count with this many gateways. Raises LoadFailed."""
    with _running(gateways) as (server, upstream, running):
        calls = _Calls(server)
        for each in running:  # warm: connections, modules, the first token
            _ask(each)
        time.sleep(SETTLE)
        idle, traffic = calls.rates(IDLE_SECONDS)
        few, many = (_slow(calls, idle, upstream, running, count) for count in (FEW, MANY))
        cpu = _cpu(upstream, running)
        found = [_wave(calls, idle, upstream, running) for _ in range(waves)]
        return Point(
            gateways, idle, traffic, few, many, cpu,
            wave_calls=median(each[0] for each in found),
            wave_seconds=median(each[1] for each in found),
            refreshes=max(each[2] for each in found),
        )  # fmt: skip


class _Calls:
    """The counters of the server."""

    def __init__(self, server: RedisServer) -> None:
        self._client: Any = redis.Redis(port=server.port)
        self._asked = 0

    def now(self) -> tuple[int, int]:
        """Calls, without those of this class, and bytes."""
        told = self._client.info("stats")
        self._asked += 1
        traffic = told["total_net_input_bytes"] + told["total_net_output_bytes"]
        return told["total_commands_processed"] - self._asked, traffic

    def rates(self, seconds: float) -> tuple[float, float]:
        """Calls and bytes per second from now on."""
        before = self.now()
        time.sleep(seconds)
        after = self.now()
        return (after[0] - before[0]) / seconds, (after[1] - before[1]) / seconds


@contextmanager
def _running(count: int) -> Iterator[tuple[RedisServer, Simulator, list[Gateway]]]:
    with ExitStack() as stack:
        work = Path(stack.enter_context(TemporaryDirectory(prefix="scale-")))
        upstream = stack.enter_context(Simulator(log_limit=1000))
        server = RedisServer(work)
        stack.callback(server.stop)
        gateways = []
        for number in range(count):
            home = work / f"{number}"
            home.mkdir()
            shared = {"KIRO_TOKEN_STORE": server.url, "AWS_REFRESHTOKEN": LOGIN}
            gateways.append(Gateway(upstream.url, home, WEB_CONCURRENCY="1", **shared))
            stack.callback(gateways[-1].stop)
        yield server, upstream, gateways


def _ask(gateway: Gateway) -> None:
    """One short request."""
    request = urllib.request.Request(
        f"{gateway.url}/v1/messages", text_request(KB), {"x-api-key": KEY}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        answer.read()


def _slow(
    calls: _Calls, idle: float, upstream: Simulator, gateways: Sequence[Gateway], events: int
) -> float:
    """Calls to Redis for an answer."""
    case = Case(
        "scale", f"{events}", events, text_request(KB), events,
        connections=STREAMS, requests=ANSWERS, ramp=ANSWER_SECONDS,
    )  # fmt: skip
    began, (before, _) = time.monotonic(), calls.now()
    _load(case, {"delay": ANSWER_SECONDS / events}, upstream, gateways)
    time.sleep(SETTLE)
    made = calls.now()[0] - before - idle * (time.monotonic() - began)
    return max(0.0, made) / (STREAMS * ANSWERS * len(gateways))


def _cpu(upstream: Simulator, gateways: Sequence[Gateway]) -> float:
    """Microseconds for an event."""
    case = Case("scale", "", FAST, text_request(KB), FAST, connections=4, requests=25)
    workers = [worker for each in gateways for worker in children(each.process.pid)]
    used = sum(map(cpu_seconds, workers))
    _load(case, {}, upstream, gateways)
    used = sum(map(cpu_seconds, workers)) - used
    return used / (100 * FAST * len(gateways)) * 1e6


def _load(
    case: Case, script: dict[str, Any], upstream: Simulator, gateways: Sequence[Gateway]
) -> None:
    """The same load on every gateway at once. Raises LoadFailed."""
    upstream.reset()
    upstream.script({"text": deltas(case.events), "times": None, **script})
    with ThreadPoolExecutor(len(gateways)) as pool:
        for result in pool.map(lambda each: _generate(case, each.port), gateways):
            if result.failures:
                raise LoadFailed("\n".join(result.failures[:3]))
    upstream.reset()


def _generate(case: Case, port: int) -> Result:
    planned = msgspec.msgpack.encode(plan(case, port))
    command = [sys.executable, "-m", "benchmarks.load"]
    done = subprocess.run(command, cwd=ROOT, input=planned, stdout=subprocess.PIPE, check=True)
    return msgspec.msgpack.decode(done.stdout.removeprefix(OPEN), type=Result)


def _wave(
    calls: _Calls, idle: float, upstream: Simulator, gateways: Sequence[Gateway]
) -> tuple[float, float, int]:
    """Revoke the token of all; each gateway has one request at the same time."""
    upstream.reset()
    upstream.configure_tokens(expire="all")
    began, (before, _) = time.monotonic(), calls.now()
    with ThreadPoolExecutor(len(gateways)) as pool:
        list(pool.map(_ask, gateways))
    took = time.monotonic() - began
    made = calls.now()[0] - before - idle * took
    refreshes = sum("refreshToken" in each.path for each in upstream.requests)
    time.sleep(1.5)  # each has looked at Redis again
    return max(0.0, made), took, refreshes
