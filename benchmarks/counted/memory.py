"""Memory of a request: objects that only the collector can free, and bytes in use at a time."""

import urllib.request
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import NamedTuple

from benchmarks.counted import probe_paths
from benchmarks.rows import loads
from benchmarks.rows.loads import Load
from benchmarks.rows.pairs import run
from benchmarks.rows.servers import Server, gateway
from benchmarks.rows.upstream import Upstream, running
from tests.live.servers import KEY

WARM, REQUESTS, PEAKS = 10, 40, 4
KINDS: Mapping[str, Load] = MappingProxyType(
    {
        "a short stream": loads.SHORT,
        "a short stream of Responses": loads.SHORT_RESPONSES,
        "a whole answer": loads.WHOLE,
        "a turn": loads.TURN,
    }
)


class Memory(NamedTuple):
    """Of one request: ``garbage`` in objects, ``peak`` in bytes beyond what is always in use."""

    garbage: int
    peak: int


def count() -> dict[str, Memory]:
    """Return the memory for a request of each kind."""
    with TemporaryDirectory(prefix="bench-") as name, running(Path(name)) as upstream:
        start = gateway(application="benchmarks.counted.probe:app")
        with start(upstream, Path(name)) as server:
            garbage = {kind: _garbage(load, server, upstream) for kind, load in KINDS.items()}
            return {
                kind: Memory(garbage[kind], _peak(load, server, upstream))
                for kind, load in KINDS.items()
            }


def _garbage(load: Load, server: Server, upstream: Upstream) -> int:
    run(replace(load, requests=WARM), server, upstream)
    _ask(server, probe_paths.GARBAGE)
    [own] = _ask(server, probe_paths.GARBAGE)
    run(replace(load, requests=REQUESTS), server, upstream)
    [found] = _ask(server, probe_paths.GARBAGE)
    return (found - own) // REQUESTS


def _peak(load: Load, server: Server, upstream: Upstream) -> int:
    found = []
    for _ in range(PEAKS):
        _, before = _ask(server, probe_paths.MEMORY)
        run(replace(load, requests=1), server, upstream)
        peak, _ = _ask(server, probe_paths.MEMORY)
        found.append(peak - before)
    return min(found)  # what is done by the clock falls into some


def _ask(server: Server, path: str) -> list[int]:
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}")
    request.add_header("x-api-key", KEY)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return [int(each) for each in answer.read().split()]
