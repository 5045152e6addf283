"""``python -m benchmarks.scale``: count, check the model, write docs/scaling.md (``make scale``).

Exits with 1 and writes nothing if an answer is not valid, more than one gateway refreshed, or the
model is wrong by more than ``MOST_ERROR``.
"""

import os
import re
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import redis

from benchmarks.load import LoadFailed
from benchmarks.parts import ROOT
from benchmarks.processes import OtherLoad, machine
from benchmarks.scale import report
from benchmarks.scale.measure import Point, point
from benchmarks.scale.model import Model
from tests.credentials.redis_server import RedisServer

GATEWAYS = (1, 2, 3)
MOST_ERROR = 0.35


def main() -> None:
    """Measure, and write the page."""
    others = OtherLoad()
    try:
        points = [point(count) for count in GATEWAYS]
    except LoadFailed as problem:
        sys.exit(f"nothing was written: {problem}")
    trip, capacity = _redis_speed()
    model, far = (_fitted(points[0], points[1], seconds) for seconds in (trip, report.NETWORK))
    if any(one.refreshes != 1 for one in points):
        sys.exit(f"nothing was written: more than one refresh in a wave: {points}")
    if (wrong := report.worst(points, model)) > MOST_ERROR:
        sys.exit(f"nothing was written: the model is wrong by {wrong:.0%}: {model}, {points}")
    told: dict[str, object] = {
        "date": f"{date.today()}", "machine": machine(), "others": others.share(),
        "cores": os.cpu_count(),
    }  # fmt: skip
    text = report.markdown(told, points, model, far, capacity)
    (ROOT / "docs" / "scaling.md").write_text(text, encoding="utf-8")
    sys.stdout.write(f"docs/scaling.md was written; the model is wrong by at most {wrong:.0%}\n")
    sys.stdout.write(f"{msgspec.json.encode([model, points]).decode()}\n")


def _fitted(one: Point, two: Point, trip: float) -> Model:
    """The model that knows one gateway and, of a wave, what the second adds; ``trip``: seconds of a
    call to Redis.
    """
    later = two.wave_calls - one.wave_calls
    return Model(
        idle=one.idle, answer=one.few, first=one.wave_calls, later=later,
        refresh=one.wave_seconds, look=later * trip,
    )  # fmt: skip


def _redis_speed() -> tuple[float, float]:
    """Seconds of a round trip on this machine, and calls per second of 50 connections."""
    with TemporaryDirectory(prefix="scale-") as work:
        server = RedisServer(Path(work))
        try:
            client: Any = redis.Redis(port=server.port)
            trips = []
            for _ in range(500):
                began = time.perf_counter()
                client.ping()
                trips.append(time.perf_counter() - began)
            command = ["redis-benchmark", "-p", f"{server.port}", "-t", "set", "-n", "50000", "-q"]
            client.config_set("appendfsync", "everysec")
            told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        finally:
            server.stop()
    found = re.findall(r"SET: ([\d.]+) requests per second", told)
    return median(trips), float(found[-1])


if __name__ == "__main__":
    main()
