"""Generates docs/scaling.md."""

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

from benchmarks.parts import ROOT
from benchmarks.scale.measure import ANSWER_SECONDS, FEW, MANY, Point
from benchmarks.scale.model import Model, error

HOSTS = (1, 10, 100, 1000)
WORKERS = 8
"""Of each host in the tables: one for each core of a host with eight."""
STREAMS = 1000
"""Of each worker: the default of KIRO_MAX_STREAMS."""
NETWORK = 0.0005
"""Seconds of a round trip between hosts of one place, assumed."""


class Costs(Struct, frozen=True):
    """Of ``docs/performance.md``: CPU time of an event in microseconds and memory of a stream in
    KB, with 1000 slow streams in a worker; megabytes of that worker; milliseconds of CPU time for
    the turn of an agent.
    """

    event: float
    stream: float
    worker: float
    turn: float


def costs() -> Costs:
    """Read docs/performance.md."""
    text = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    row = _cells(text, "1000")
    return Costs(row[0], row[2], row[3], _cells(text, "claude-code, Messages")[1])


def _cells(text: str, label: str) -> list[float]:
    found = re.search(rf"^\| {re.escape(label)} \| (.+) \|$", text, re.MULTILINE)
    assert found, label
    return [float(cell.split()[0].replace(",", "")) for cell in found[1].split(" | ")]


HEAD = """\
# Scaling

Written by `make scale` on {date}: {machine}, where other programs used {others:.0%} of the CPU
time. Figures of one worker are those of [performance](performance.md) (`make bench`). What cannot
be measured on one machine is simulated (`benchmarks/scale/model.py`), after the model was checked
against what was counted with 1, 2 and 3 gateways.

**Take ratios from this page, not absolute times**: gateways, Redis, the simulated service and the
load shared {cores} cores. Calls and refreshes are counted and do not depend on that.

## One worker

| What | Figure | From |
|---|--:|---|
| CPU time of an event, {streams} slow streams | {event:.0f} µs | `make bench`, slow streams |
| CPU time of a turn of Claude Code (86 KB, 60 events) | {turn:.1f} ms | `make bench`, turns |
| memory of an open stream | {stream:.0f} KB | `make bench`, slow streams |
| memory of a worker with {streams} streams | {worker:.0f} MB | `make bench`, slow streams |
| open files | 2 for a stream, 100 beside | `app/settings/process.py` |
| calls to Redis for an event | 0 | below |

A worker is one thread of Python: it carries what one core carries. {streams} streams of five events
a second are {share:.0%} of the core that was measured. `KIRO_MAX_STREAMS` ({streams}) refuses more
with `Retry-After`; it can be raised where events are rare.

## Counted with 1, 2 and 3 gateways

Each has one worker; all have one login and one Redis. *Model*: what the model says, which knows the
first row and, of waves, the calls of the second. `benchmarks/scale/measure.py` says how each is
counted.

{counted}

"""
BODY = """\
- Redis is not on the way of an event: answers of {many} events and of {few}, which both take
  {seconds:.0f} s, cost one to three calls each, in no order. These are made beside the answers, by
  one thread of each worker that writes usage down, and adds up what ends between two of its writes:
  beyond the ten answers a second of this load, each costs less. Keys with budgets or rates
  ([limits](limits.md)) add calls for each request, which are not in these figures.
- Gateways share nothing that an event needs. The CPU time of an event differs by {differs:.0%}
  between the rows, on cores that all of them shared.
- Each worker asks Redis about {idle:.0f} times a second even when idle: that is how it notices a
  failover to older data.
- In a wave the token of all was revoked, and each gateway has one request: one refresh serves all.
  The times of waves are short and vary by half on a busy machine; their order is what they tell.

## Ten hosts, a thousand hosts

{workers} workers on a host with {workers} cores, each with {streams} streams of five events a
second that last 20 s. *Wave*: the token of all was revoked at once, and each host has a request
that waits for the new one; a round trip to Redis takes {network:.1f} ms. All hosts begin at once,
and hold the lock one after the other; each tries for it in a rhythm of its own.

{simulated}

`redis-benchmark` made {capacity:,.0f} calls per second (SET, 50 connections) on this busy machine.

## Sizing

- **Workers**: one for each core (`WEB_CONCURRENCY`); cores = streams x events per second x CPU time
  of an event, and a quarter more, so that arrivals do not queue.
- **Memory**: {worker:.0f} MB for a worker with {streams} streams, and the size of the requests that
  are read at the same time.
- **Files**: 2 for a stream and 100 for each worker (`LimitNOFILE=65536` in the unit); the gateway
  lowers its limit to what the system allows and says so.
- **Ports**: each stream has a connection of its own to the service. Linux has 28,232 ports for one
  pair of addresses (`net.ipv4.ip_local_port_range`), so from 28,000 streams a host needs a wider
  range or another address; so does nginx towards the gateway.
- **Accounts**: what the service allows an account ends long before a host does. No number is
  public; the gateway parks an account that is throttled and uses another
  ([credentials](credentials.md)).

## What a thousand hosts need

- **More than one Redis.** Give each group of at most {group} hosts a Redis and logins of its own:
  nothing that the hosts share reaches beyond a login, its usage and its keys. The groups are
  separate `KIRO_TOKEN_STORE` settings; no code knows of them. Figures of usage are added up
  outside, from `/metrics` or `GET /v1/usage` of each group. Redis Cluster is not supported: one
  call names keys of several slots.
- **Or a service that refreshes.** Where hosts must share a login, one program that refreshes it and
  hands out access tokens takes the place of the lock: the wave then has one step instead of one for
  each host. No such program is here.
- **A budget of connections.** `KIRO_MAX_STREAMS` x workers x hosts is what the service may see from
  you; set it by the limits of the accounts and not by what the hosts carry.
- **Arrivals that are spread.** A load balancer by least connections, since streams last long;
  readiness is `/health/ready`.

A refresh that is due is no wave: it begins five minutes before the token ends, in the background,
and requests go on with the token that they have. Only a revoked token makes requests wait.
"""


def markdown(
    told: dict[str, object], points: Sequence[Point], model: Model, far: Model, capacity: float
) -> str:
    """Return the whole page; ``told`` has what HEAD needs of place and time, ``far`` is the model
    with the network between hosts.
    """
    known = costs()
    shared = {
        "streams": STREAMS, "workers": WORKERS, "event": known.event, "stream": known.stream,
        "worker": known.worker, "turn": known.turn,
        "share": STREAMS * 5 * known.event / 1e6,
    }  # fmt: skip
    head = HEAD.format(**told, **shared, counted=_counted(points, model))
    return head + BODY.format(
        **shared,
        differs=max(one.cpu for one in points) / min(one.cpu for one in points) - 1,
        few=FEW, many=MANY, seconds=ANSWER_SECONDS,
        idle=model.idle, network=NETWORK * 1e3, capacity=capacity,
        simulated=_simulated(far, known), group=_group(far, capacity),
    )  # fmt: skip


def _counted(points: Sequence[Point], model: Model) -> str:
    rows = []
    first = points[0]
    for one in points:
        seconds, calls = model.wave(one.gateways)
        pairs = (
            (one.idle, model.idle * one.gateways, ".1f"),
            (one.few, model.answer, ".2f"),
            (one.many, model.answer, ".2f"),
            (one.cpu, first.cpu, ".1f"),
            (one.wave_calls, calls, ".0f"),
            (one.wave_seconds * 1e3, seconds * 1e3, ".0f"),
        )
        rows.append(
            [
                f"{one.gateways}",
                *(f"{found:{form}} ({said:{form}})" for found, said, form in pairs),
                f"{one.refreshes} (1)",
            ]
        )
    head = (
        "Gateways", "idle calls a second (model)", f"calls for an answer of {FEW} events",
        f"of {MANY} events", "CPU of an event, µs", "calls in a wave", "wave, ms", "refreshes",
    )  # fmt: skip
    return _table(head, rows)


def _simulated(far: Model, known: Costs) -> str:
    rows = []
    for hosts in HOSTS:
        workers = hosts * WORKERS
        streams = workers * STREAMS
        seconds, calls = far.wave(hosts)
        rows.append(
            [
                f"{hosts:,}", f"{streams:,}", f"{streams * 5 * known.event / 1e6:,.0f}",
                f"{workers * known.worker / 1024:,.1f}",
                f"{far.calls_per_second(workers, streams / 20):,.0f}",
                f"{seconds:,.1f}", f"{calls / seconds:,.0f}",
            ]
        )  # fmt: skip
    head = (
        "Hosts", "streams", "cores busy", "memory, GB", "calls to Redis a second, at most",
        "wave, s",
        "calls a second in it",
    )  # fmt: skip
    return _table(head, rows)


def _group(far: Model, capacity: float) -> int:
    """Most hosts, in tens, for which Redis is half busy and a wave is over within two seconds."""
    fits = [
        hosts
        for hosts in range(10, 1001, 10)
        if far.calls_per_second(hosts * WORKERS, hosts * WORKERS * STREAMS / 20) < capacity / 2
        and far.wave(hosts)[0] < 2
    ]
    return max(fits, default=1)


def _table(head: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    head = list(head)
    lines = [head, ["--:"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def worst(points: Sequence[Point], model: Model) -> float:
    """The worst error of the model in what is counted and not timed."""
    return max(
        max(
            error(model.idle * one.gateways, one.idle),
            error(model.answer, one.few),
            error(model.wave(one.gateways)[1], one.wave_calls),
        )
        for one in points
    )
