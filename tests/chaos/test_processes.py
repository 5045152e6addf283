"""Signals under load: a hundred streams while the server stops, reloads or loses a worker."""

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

from app.common.errors import Kind
from tests.chaos.arena import Arena, PendingRequest
from tests.chaos.dialects import DIALECTS
from tests.chaos.received import DialectClient, ReceivedAnswer
from tests.live import processes

STREAMS = 100
GRACE = 5
ENDS_SOON = {"text": ["Hel", "lo"], "stall": {"after": 2, "seconds": 1.5}}
NEVER_ENDS = {"text": ["Hel", "lo"], "stall": {"after": 2}}


class Load:
    """Many requests in progress, each with content from the upstream: half end soon, half never."""

    def __init__(self, arena: Arena, stream: bool = True, count: int = STREAMS) -> None:
        self.arena = arena
        arena.script("load.soon.", ENDS_SOON)
        arena.script("load.never.", NEVER_ENDS)
        self.soon: dict[str, PendingRequest] = {}
        self.never: dict[str, PendingRequest] = {}
        for number in range(count):
            dialect = DIALECTS[number % len(DIALECTS)]
            # each of two workers that take turns gets some of both
            groups = (("never", self.never), ("soon", self.soon))
            kind, group = groups[(number + number // 2) % 2]
            mark = f"load.{kind}.{stream}.{number}."
            group[mark] = arena.send(dialect, mark, stream=stream)
        arena.simulator.wait_for(lambda seen: sum(one.events_sent >= 2 for one in seen) >= count)

    def read_all(self) -> tuple[list[ReceivedAnswer], list[ReceivedAnswer]]:
        """Return the answers of both groups, once all have ended."""
        with ThreadPoolExecutor(STREAMS) as pool:
            soon = pool.map(PendingRequest.read_all, self.soon.values())
            never = pool.map(PendingRequest.read_all, self.never.values())
            return [*soon], [*never]

    def errors(self) -> tuple[Counter[str | None], Counter[str | None]]:
        """Count the errors that the log reports for both groups."""
        soon, never = (
            Counter(self.arena.log_line(mark).get("error") for mark in group)
            for group in (self.soon, self.never)
        )
        return soon, never


@contextmanager
def idle_connections(arena: Arena, count: int) -> Iterator[None]:
    """Keep ``count`` idle connections open, each after one answer."""
    connections = [
        http.client.HTTPConnection("127.0.0.1", arena.gateway.port) for _ in range(count)
    ]
    for connection in connections:
        connection.request("GET", "/health")
        connection.getresponse().read()
    yield
    for connection in connections:
        connection.close()


def shutdown_outcome(dialect: DialectClient, *, stream: bool) -> tuple[object, ...]:
    """Return the outcome of a client whose answer did not end in time."""
    failure = dialect.failure(Kind.SHUTTING_DOWN, begun=stream)
    return 200 if stream else failure.status, failure, None, True


def outcome(answer: ReceivedAnswer) -> tuple[object, ...]:
    """Return status, failure, stop reason, and whether the HTTP body ended properly."""
    return answer.status, answer.failure, answer.stop, answer.whole


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
        soon, never = load.read_all()
        assert arena.gateway.process.wait(GRACE + 5) == 0
        took = time.monotonic() - started
    assert {outcome(answer) for answer in soon} == {(200, None, "end_turn", True)}
    assert {answer.text for answer in soon} == {"Hello"}
    assert {outcome(answer) for answer in never} == {
        shutdown_outcome(dialect, stream=stream) for dialect in DIALECTS
    }
    assert load.errors() == (
        Counter({None: STREAMS // 2}),
        Counter({"shutting_down": STREAMS // 2}),
    )
    assert took < GRACE
    with pytest.raises(ConnectionRefusedError):
        arena.send(DIALECTS[0], "load.soon.late", stream=True)
    assert "Traceback" not in arena.gateway.log_text()


def test_idle_connections_do_not_delay_a_stop(tmp_path: Path) -> None:
    """They would end by themselves after half of the graceful timeout."""
    with Arena(tmp_path, KIRO_GRACEFUL_TIMEOUT="40") as arena, idle_connections(arena, 20):
        started = time.monotonic()
        os.kill(arena.gateway.process.pid, signal.SIGTERM)
        assert arena.gateway.process.wait(40) == 0
        assert time.monotonic() - started < 10


def test_a_connection_from_before_the_stop_is_served(arena: Arena) -> None:
    """Requests may arrive after the signal; once the worker has noticed it, the connection closes
    after the answer.
    """
    Load(arena, count=2)
    arena.script("load.late.", {"text": "Hello"})
    dialect = DIALECTS[0]
    connection = http.client.HTTPConnection("127.0.0.1", arena.gateway.port)
    connection.connect()
    os.kill(arena.gateway.process.pid, signal.SIGTERM)
    body = dialect.body("load.late.", stream=False)
    is_over, end = False, time.monotonic() + 30
    while not is_over:
        assert time.monotonic() < end
        connection.request("POST", dialect.path, body, dialect.headers())
        answer = connection.getresponse()
        assert answer.status == 200
        assert answer.read()
        is_over = answer.headers["connection"] == "close"


def test_sighup(arena: Arena) -> None:
    load = Load(arena)
    workers = set(processes.children(arena.gateway.process.pid))
    arena.script("load.meanwhile.", {"text": "Hello"})
    over = threading.Event()
    meanwhile: list[ReceivedAnswer] = []

    def keep_asking() -> None:
        while not over.is_set():
            pending = arena.send(DIALECTS[0], f"load.meanwhile.{len(meanwhile)}", stream=True)
            meanwhile.append(pending.read_all())

    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(keep_asking)
        os.kill(arena.gateway.process.pid, signal.SIGHUP)
        soon, never = load.read_all()
        over.set()
        pending.result()
    assert {outcome(answer) for answer in meanwhile} == {(200, None, "end_turn", True)}
    assert {outcome(answer) for answer in soon} == {(200, None, "end_turn", True)}
    assert {outcome(answer) for answer in never} == {
        shutdown_outcome(dialect, stream=True) for dialect in DIALECTS
    }
    assert not workers & set(processes.children(arena.gateway.process.pid)) or _gone(workers)


def _gone(workers: set[int]) -> bool:
    """Return whether these processes end in time."""
    end = time.monotonic() + GRACE
    while time.monotonic() < end:
        if not any(Path(f"/proc/{pid}").exists() for pid in workers):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("signum", [signal.SIGABRT, signal.SIGQUIT, signal.SIGKILL])
def test_no_answer_of_a_killed_worker_looks_finished(
    tmp_path: Path, signum: signal.Signals, stream: bool
) -> None:
    """Neither one that opens, one whose first event is awaited, nor one that runs; gunicorn's
    watchdog sends SIGABRT."""
    with Arena(
        tmp_path, WEB_CONCURRENCY="1", KIRO_GRACEFUL_TIMEOUT="3", KIRO_EARLY_HEADERS="0.3"
    ) as arena:
        arena.script("kill.head.", {"text": "Hello", "delay_head": 60})
        arena.script("kill.event.", {"text": "Hello", "stall": {"after": 0}})
        arena.script("kill.runs.", {"text": ["Hel", "lo"], "stall": {"after": 2}})
        load = [
            arena.send(dialect, f"kill.{state}.{dialect.name}.", stream=stream)
            for state in ("head", "event", "runs")
            for dialect in DIALECTS
        ]
        arena.simulator.wait_for(lambda seen: sum("kill." in str(one.body) for one in seen) >= 9)
        time.sleep(0.6)  # so that the streams have begun
        [victim] = processes.children(arena.gateway.process.pid)
        os.kill(victim, signum)
        with ThreadPoolExecutor(len(load)) as pool:
            answers = [*pool.map(PendingRequest.read_all, load)]
    for answer in answers:
        assert answer.stop is None
        assert answer.failure is not None or not answer.whole, answer


@pytest.mark.parametrize("stream", [True, False])
def test_the_answer_that_blocks_a_worker_does_not_look_finished(
    tmp_path: Path, stream: bool
) -> None:
    """The signal ends the very greenlet that opens the answer."""
    with Arena(tmp_path, application="tests.chaos.stuck:app", WEB_CONCURRENCY="1") as arena:
        arena.script("get.", {"text": "Hello"})
        load = [arena.send(DIALECTS[0], f"get.stuck.{stream}.", stream=stream)]
        time.sleep(1)
        [victim] = processes.children(arena.gateway.process.pid)
        os.kill(victim, signal.SIGABRT)
        answers = [pending.read_all() for pending in load]
    for answer in answers:
        assert answer.stop is None
        assert answer.failure is not None or not answer.whole, answer


def test_sigkill_of_a_worker(arena: Arena) -> None:
    load = Load(arena)
    victim = processes.children(arena.gateway.process.pid)[0]
    os.kill(victim, signal.SIGKILL)
    with ThreadPoolExecutor(STREAMS) as pool:
        soon = [*pool.map(PendingRequest.read_all, load.soon.values())]
    lost = [answer for answer in soon if not answer.whole]
    assert 0 < len(lost) < len(soon)
    assert {(answer.stop, answer.failure) for answer in lost} == {(None, None)}
    kept = [answer for answer in soon if answer.whole]
    assert {(answer.stop, answer.text) for answer in kept} == {("end_turn", "Hello")}
    arena.script("load.after.", {"text": "Hello"})
    for number in range(10):
        answer = arena.send(DIALECTS[0], f"load.after.{number}", stream=True).read_all()
        assert answer.stop == "end_turn"
    for pending in load.never.values():
        pending.disconnect()
    never = arena.simulator.wait_for(
        lambda seen: all(one.ended_at for one in seen if one.operation.startswith("Generate"))
    )
    assert never
