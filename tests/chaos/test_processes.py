"""Signals under load: what becomes of a hundred streams when the server is stopped, reloaded or
loses a worker."""

import http.client
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.errors import Kind
from tests.chaos.arena import Arena, Asking
from tests.chaos.dialects import DIALECTS
from tests.chaos.received import Dialect, Heard
from tests.live import processes

STREAMS = 100
GRACE = 5
ENDS_SOON = {"text": ["Hel", "lo"], "stall": {"after": 2, "seconds": 1.5}}
NEVER_ENDS = {"text": ["Hel", "lo"], "stall": {"after": 2}}


class Load:
    """Many requests under way, each with content from the upstream: some soon done, some never."""

    def __init__(self, arena: Arena, stream: bool = True, count: int = STREAMS) -> None:
        self.arena = arena
        arena.script("load.soon.", ENDS_SOON)
        arena.script("load.never.", NEVER_ENDS)
        self.soon: dict[str, Asking] = {}
        self.never: dict[str, Asking] = {}
        for number in range(count):
            dialect = DIALECTS[number % len(DIALECTS)]
            kind, group = (("never", self.never), ("soon", self.soon))[number % 2]
            mark = f"load.{kind}.{stream}.{number}."
            group[mark] = arena.ask(dialect, mark, stream=stream)
        arena.simulator.wait_for(lambda seen: sum(one.events_sent >= 2 for one in seen) >= count)

    def hear(self) -> tuple[list[Heard], list[Heard]]:
        """What the clients of both groups were told, once all are answered."""
        with ThreadPoolExecutor(STREAMS) as pool:
            soon = pool.map(Asking.hear, self.soon.values())
            never = pool.map(Asking.hear, self.never.values())
            return [*soon], [*never]

    def errors(self) -> tuple[Counter[str | None], Counter[str | None]]:
        """What the log says of both groups."""
        soon, never = (
            Counter(self.arena.line(mark).get("error") for mark in group)
            for group in (self.soon, self.never)
        )
        return soon, never


@contextmanager
def idle_connections(arena: Arena, count: int) -> Iterator[None]:
    """Clients that have been answered and keep their connections."""
    connections = [
        http.client.HTTPConnection("127.0.0.1", arena.gateway.port) for _ in range(count)
    ]
    for connection in connections:
        connection.request("GET", "/health")
        connection.getresponse().read()
    yield
    for connection in connections:
        connection.close()


def stopping(dialect: Dialect, *, stream: bool) -> tuple[object, ...]:
    """What a client gets whose answer did not end in time: status, failure, stop, HTTP's end."""
    failure = dialect.failure(Kind.SHUTTING_DOWN, begun=stream)
    return 200 if stream else failure.status, failure, None, True


def told(heard: Heard) -> tuple[object, ...]:
    return heard.status, heard.failure, heard.stop, heard.whole


@pytest.fixture
def arena(tmp_path: Path) -> Iterator[Arena]:
    with Arena(tmp_path, KIRO_GRACEFUL_TIMEOUT=str(GRACE)) as arena:
        yield arena


@pytest.mark.parametrize("stream", [True, pytest.param(False, marks=pytest.mark.long)])
def test_sigterm(arena: Arena, stream: bool) -> None:
    load = Load(arena, stream)
    with idle_connections(arena, 5):
        started = time.monotonic()
        os.kill(arena.gateway.process.pid, signal.SIGTERM)
        soon, never = load.hear()
        assert arena.gateway.process.wait(GRACE + 5) == 0
        took = time.monotonic() - started
    assert {told(heard) for heard in soon} == {(200, None, "end_turn", True)}
    assert {heard.text for heard in soon} == {"Hello"}
    assert {told(heard) for heard in never} == {
        stopping(dialect, stream=stream) for dialect in DIALECTS
    }
    assert load.errors() == (
        Counter({None: STREAMS // 2}),
        Counter({"shutting_down": STREAMS // 2}),
    )
    assert took < GRACE
    with pytest.raises(ConnectionRefusedError):
        arena.ask(DIALECTS[0], "load.soon.late", stream=True)
    assert "Traceback" not in arena.gateway.log_text()


def test_idle_connections_do_not_delay_a_stop(arena: Arena) -> None:
    with idle_connections(arena, 20):
        started = time.monotonic()
        os.kill(arena.gateway.process.pid, signal.SIGTERM)
        assert arena.gateway.process.wait(GRACE) == 0
    assert time.monotonic() - started < 2


def test_a_connection_made_before_the_stop_is_served(arena: Arena) -> None:
    """Also after it, and that was its last request."""
    Load(arena, count=2)
    arena.script("load.late.", {"text": "Hello"})
    dialect = DIALECTS[0]
    connection = http.client.HTTPConnection("127.0.0.1", arena.gateway.port)
    connection.connect()
    os.kill(arena.gateway.process.pid, signal.SIGTERM)
    time.sleep(0.3)  # the signal has no event to wait for
    body = dialect.body("load.late.", stream=False)
    connection.request("POST", dialect.path, body, dialect.headers())
    answer = connection.getresponse()
    assert (answer.status, answer.headers["connection"]) == (200, "close")


def test_sighup(arena: Arena) -> None:
    load = Load(arena)
    workers = set(processes.children(arena.gateway.process.pid))
    arena.script("load.meanwhile.", {"text": "Hello"})
    over = threading.Event()
    meanwhile: list[Heard] = []

    def go_on_asking() -> None:
        while not over.is_set():
            asking = arena.ask(DIALECTS[0], f"load.meanwhile.{len(meanwhile)}", stream=True)
            meanwhile.append(asking.hear())

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(go_on_asking)
        os.kill(arena.gateway.process.pid, signal.SIGHUP)
        soon, never = load.hear()
        over.set()
        asking.result()
    assert {told(heard) for heard in meanwhile} == {(200, None, "end_turn", True)}
    assert {told(heard) for heard in soon} == {(200, None, "end_turn", True)}
    assert {told(heard) for heard in never} == {
        stopping(dialect, stream=True) for dialect in DIALECTS
    }
    assert not workers & set(processes.children(arena.gateway.process.pid)) or _gone(workers)


def _gone(workers: set[int]) -> bool:
    """Whether these processes end within a while."""
    end = time.monotonic() + GRACE
    while time.monotonic() < end:
        if not any(Path(f"/proc/{pid}").exists() for pid in workers):
            return True
        time.sleep(0.05)
    return False


def test_sigkill_of_a_worker(arena: Arena) -> None:
    load = Load(arena)
    victim = processes.children(arena.gateway.process.pid)[0]
    os.kill(victim, signal.SIGKILL)
    with ThreadPoolExecutor(STREAMS) as pool:
        soon = [*pool.map(Asking.hear, load.soon.values())]
    lost = [heard for heard in soon if not heard.whole]
    assert 0 < len(lost) < len(soon)
    assert {(heard.stop, heard.failure) for heard in lost} == {(None, None)}
    kept = [heard for heard in soon if heard.whole]
    assert {(heard.stop, heard.text) for heard in kept} == {("end_turn", "Hello")}
    arena.script("load.after.", {"text": "Hello"})
    for number in range(10):
        heard = arena.ask(DIALECTS[0], f"load.after.{number}", stream=True).hear()
        assert heard.stop == "end_turn"
    for asking in load.never.values():
        asking.leave()
    never = arena.simulator.wait_for(
        lambda seen: all(one.ended_at for one in seen if one.operation.startswith("Generate"))
    )
    assert never
