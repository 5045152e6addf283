"""Mixed load for a while, with clients that leave: nothing grows, nothing is left behind."""

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

from tests.chaos.arena import Arena, Asking
from tests.chaos.dialects import DIALECTS
from tests.live import processes
from tests.live.servers import KEY

CLIENTS = 12
SETTINGS = {"KIRO_CLIENT_STALL": "1", "KIRO_IDLE_TIMEOUT": "1", "KIRO_FIRST_EVENT_TIMEOUT": "2"}
GROWTH = 8 * 1024 * 1024
"""Bytes by which a worker may grow after it is warm: what the allocator keeps for itself."""

LISTENERS = Counter(LISTEN=2)

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


class Visitor:
    """One client after the other: some hear all, some leave, some ask for less."""

    def __init__(self, arena: Arena, number: int, counts: Counter[str]) -> None:
        self._arena = arena
        self._random = Random(number)
        self._marks = (f"soak.{number}.{each}." for each in count())
        self._counts = counts

    def visit(self) -> None:
        do: Callable[[], str] = self._random.choice(
            (self._hear, self._hear, self._hear, self._leave, self._leave, self._ask_little)
        )
        self._counts[do()] += 1

    def _asking(self) -> Asking:
        return Asking(
            self._arena.gateway.port,
            self._random.choice(DIALECTS),
            f"!sim {json.dumps(self._random.choice(ANSWERS))}",
            stream=self._random.random() < 0.7,
            request_id=next(self._marks),
        )

    def _hear(self) -> str:
        heard = self._asking().hear()
        return "answered" if heard.stop else "failed"

    def _leave(self) -> str:
        asking = self._asking()
        if self._random.random() < 0.5:
            asking.head()
        else:
            time.sleep(self._random.random() * 0.05)
        asking.leave(reset=self._random.random() < 0.5)
        return "left"

    def _ask_little(self) -> str:
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
    """Clients at work until the end of the block; what became of them."""
    counts: Counter[str] = Counter()
    over = threading.Event()

    def work(number: int) -> None:
        visitor = Visitor(arena, number, counts)
        while not over.is_set():
            visitor.visit()

    with ThreadPoolExecutor(CLIENTS) as pool:
        workers = [pool.submit(work, number) for number in range(CLIENTS)]
        try:
            yield counts
        finally:
            over.set()
        for worker in workers:
            worker.result()


def greenlets(arena: Arena, pids: list[int]) -> dict[int, int]:
    """How many each worker keeps; asked by several at once, until every worker has answered."""
    found: dict[int, int] = {}
    end = time.monotonic() + 20
    with ThreadPoolExecutor(4 * CLIENTS) as pool:
        while found.keys() != set(pids):
            assert time.monotonic() < end, f"only {found.keys()} of {pids} answer"
            for _, data in pool.map(lambda _: get(arena, "/watched"), range(4 * CLIENTS)):
                told = json.loads(data)
                found[told["pid"]] = min(told["greenlets"], found.get(told["pid"], 1000))
    return found


def at_rest(arena: Arena, pids: list[int]) -> tuple[dict[int, int], dict[int, int]]:
    """Files and greenlets of each worker once nothing is under way."""
    arena.simulator.wait_for(lambda seen: all(one.ended_at for one in seen), timeout=20)
    arena.simulator.close_idle()
    get(arena, "/health")
    end = time.monotonic() + 20
    while states := sum((processes.sockets(pid) for pid in pids), Counter()) - LISTENERS:
        assert time.monotonic() < end, f"sockets left: {states}"
        time.sleep(0.2)
    return {pid: len([*processes.files(pid)]) for pid in pids}, greenlets(arena, pids)


def workers(arena: Arena) -> list[int]:
    """The worker processes, once all are there: the first answers before the last is begun."""
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
    assert counts["left"] > 5
    quarter = max(len(memory) // 4, 1)
    grown = median(memory[-quarter:]) - median(memory[:quarter])
    assert grown < GROWTH * len(pids), f"{grown / 1e6:.1f} MB more; {memory}"
    assert at_rest(arena, pids) == (files, kept)
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
