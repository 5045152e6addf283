"""Mixed load with clients that disconnect: resources do not grow and none is left behind."""

import http.client
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import pytest

from tests.chaos.arena import Arena, PendingRequest
from tests.chaos.dialects import DIALECTS
from tests.live import processes
from tests.live.servers import KEY

CLIENTS = 12
SETTINGS = {"KIRO_CLIENT_STALL": "1", "KIRO_IDLE_TIMEOUT": "1", "KIRO_FIRST_EVENT_TIMEOUT": "2"}
GROWTH = 8 * 1024 * 1024
"""Bytes by which a warm worker may grow, since the allocator keeps freed memory."""

LISTENERS = Counter(LISTEN=2)
PASSING = 2
"""Greenlets that a worker may have for a moment, whatever was asked: what writes usage, what looks
at the state of the process. What leaks grows with the hundreds of answers."""

ANSWERS: tuple[dict[str, Any], ...] = (
    {"text": ["Hel", "lo"]},
    {"text": {"repeat": "word ", "times": 50, "deltas": 200}},
    {"think": ["Hm.", "Well."], "text": "Hello"},
    {"text": "Look.", "tool": {"name": "write", "input": {"text": "x" * 500}}},
    {"tool": {"name": "write", "fragments": ['{"text":'], "stop": False}},
    {"text": ["Hel", "lo"], "cut": {"after": 2}},
    {"text": ["Hel", "lo"], "cut": {"after": 2, "how": "rst"}},
    {"text": ["Hel", "lo"], "corrupt": {"frame": 2}},
    {"text": ["Hel", "lo"], "stall": {"after": 2}},
    {"text": ["Hel", "lo"], "framing": "close"},
    {"text": "0123456789" * 30_000},
    {"text": "Hello", "delay_first": 0.1},
    {"empty": True},
    {"fail": "improperly_formed"},
    {"fail": "internal"},
    {"reset": "request"},
)


class RandomClient:
    """A sequence of requests: some are read to the end, some are left, some get a page."""

    def __init__(self, arena: Arena, number: int, counts: Counter[str]) -> None:
        self._arena = arena
        self._random = Random(number)
        self._marks = (f"soak.{number}.{each}." for each in count())
        self._counts = counts

    def act(self) -> None:
        do: Callable[[], str] = self._random.choice(
            (
                self._read_all,
                self._read_all,
                self._read_all,
                self._disconnect,
                self._disconnect,
                self._get_page,
            )
        )
        self._counts[do()] += 1

    def _send(self) -> PendingRequest:
        return PendingRequest(
            self._arena.gateway.port,
            self._random.choice(DIALECTS),
            f"!sim {json.dumps(self._random.choice(ANSWERS))}",
            stream=self._random.random() < 0.7,
            request_id=next(self._marks),
        )

    def _read_all(self) -> str:
        answer = self._send().read_all()
        return "answered" if answer.stop else "failed"

    def _disconnect(self) -> str:
        pending = self._send()
        if self._random.random() < 0.5:
            pending.read_head()
        else:
            time.sleep(self._random.random() * 0.05)
        pending.disconnect(reset=self._random.random() < 0.5)
        return "disconnected"

    def _get_page(self) -> str:
        status, _ = get(self._arena, self._random.choice(("/health", "/v1/models")))
        return f"status {status}"


def get(arena: Arena, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", arena.gateway.port, timeout=10)
    connection.request("GET", path, headers={"x-api-key": KEY})
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, data


@contextmanager
def load(arena: Arena) -> Iterator[Counter[str]]:
    """Run clients until the end of the block; yield the counts of their outcomes."""
    counts: Counter[str] = Counter()
    over = threading.Event()

    def work(number: int) -> None:
        client = RandomClient(arena, number, counts)
        while not over.is_set():
            client.act()

    with ThreadPoolExecutor(CLIENTS) as pool:
        workers = [pool.submit(work, number) for number in range(CLIENTS)]
        try:
            yield counts
        finally:
            over.set()
        for worker in workers:
            worker.result()


def greenlets(arena: Arena, pids: list[int]) -> dict[int, int]:
    """Return the greenlets of each worker; ask in parallel until every worker has answered."""
    found: dict[int, int] = {}
    end = time.monotonic() + 20
    with ThreadPoolExecutor(4 * CLIENTS) as pool:
        while found.keys() != set(pids):
            assert time.monotonic() < end, f"only {found.keys()} of {pids} answered"
            for _, data in pool.map(lambda _: get(arena, "/watched"), range(4 * CLIENTS)):
                counted = json.loads(data)
                found[counted["pid"]] = min(counted["greenlets"], found.get(counted["pid"], 1000))
    return found


def at_rest(arena: Arena, pids: list[int]) -> tuple[dict[int, int], dict[int, int]]:
    """Return the open files and greenlets of each worker once nothing is in progress."""
    arena.simulator.wait_for(lambda seen: all(one.ended_at for one in seen), timeout=20)
    arena.simulator.close_idle()
    get(arena, "/health")
    end = time.monotonic() + 20
    while states := sum((processes.sockets(pid) for pid in pids), Counter()) - LISTENERS:
        assert time.monotonic() < end, f"sockets left: {states}"
        time.sleep(0.2)
    return {pid: len([*processes.files(pid)]) for pid in pids}, greenlets(arena, pids)


def workers(arena: Arena) -> list[int]:
    """Wait for all worker processes: the first answers before the last has started."""
    wanted = int(arena.gateway.settings["WEB_CONCURRENCY"])
    end = time.monotonic() + 20
    while len(pids := processes.children(arena.gateway.process.pid)) < wanted:
        assert time.monotonic() < end, f"{len(pids)} of {wanted} workers"
        time.sleep(0.05)
    return pids


def soak(arena: Arena, seconds: float) -> None:
    pids = workers(arena)
    with load(arena) as counts:
        time.sleep(seconds / 4)
    files, kept = at_rest(arena, pids)
    memory: list[int] = []
    with load(arena) as counts:
        end = time.monotonic() + seconds * 3 / 4
        while time.monotonic() < end:
            time.sleep(0.25)
            memory.append(sum(map(processes.memory, pids)))
    assert counts["answered"] > 10
    assert counts["disconnected"] > 5
    quarter = max(len(memory) // 4, 1)
    grown = median(memory[-quarter:]) - median(memory[:quarter])
    assert grown < GROWTH * len(pids), f"grew by {grown / 1e6:.1f} MB: {memory}"
    files_now, kept_now = at_rest(arena, pids)
    assert files_now == files
    assert all(kept_now[pid] <= kept[pid] + PASSING for pid in pids), (kept, kept_now)
    assert processes.children(arena.gateway.process.pid) == pids
    assert "Traceback" not in arena.gateway.log_text()


@pytest.mark.timeout(120)
def test_half_a_minute(tmp_path: Path) -> None:
    with Arena(tmp_path, application="tests.soak.watched:app", **SETTINGS) as arena:
        soak(arena, 30)


@pytest.mark.long
@pytest.mark.timeout(0)
def test_as_long_as_asked(tmp_path: Path) -> None:
    with Arena(tmp_path, application="tests.soak.watched:app", **SETTINGS) as arena:
        soak(arena, float(os.environ.get("SOAK_SECONDS", "600")))
