"""A gateway with one worker, hostile services in its way, honest streams beside them."""

import json
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import Self

import trustme

from app.simulator import Simulator
from tests.chaos.arena import PendingRequest
from tests.chaos.dialects import DIALECTS
from tests.hostile import clients, prober
from tests.hostile.cases import Case
from tests.hostile.services import MARK, ConnectProxy, Door
from tests.live.processes import children, memory
from tests.live.servers import Gateway

HEALTH = 0.1
"""Seconds that ``/health`` may take; the control phase, without an attack, is added."""

GROWTH = 64 * 1024 * 1024
"""Bytes that the worker may grow by in one case."""

LARGEST_ANSWER = 4 * 1024 * 1024
"""KIRO_MAX_ANSWER_BYTES of the gateway: whole answers are held several times over at their end."""

STREAMS = 3
LASTS = 1.2
"""Seconds of an attack."""

RECOVERS = 75
"""Seconds until the gateway must serve again: a refresh is tried again after a minute at most."""

SAID = "word " * 12
HONEST = {"text": {"repeat": "word ", "deltas": 12}, "delay": LASTS / 12}


@dataclass
class Measured:
    """``worst``: seconds of ``/health``; ``grown``: bytes; ``streams``: what was wrong."""

    worst: float
    grown: int
    unanswered: int = 0
    streams: list[str] = field(default_factory=list)

    def faults(self, control: float) -> list[str]:
        """What is beyond the limits."""
        found = [f"an honest stream: {problem}" for problem in self.streams]
        if self.worst > HEALTH + control:
            found.append(f"/health took {self.worst * 1000:.0f} ms")
        if self.unanswered:
            found.append(f"/health was not answered {self.unanswered} times")
        if self.grown > GROWTH:
            found.append(f"the worker grew by {self.grown >> 20} MB")
        return found


class HostileArena:
    """A context manager. :meth:`run` measures one case; the gateway serves all of them.

    ``proxied``: the gateway reaches its upstream by TLS through the proxy, else through the door.
    """

    def __init__(self, work: Path, *, proxied: bool) -> None:
        self._work = work
        self._proxied = proxied
        self._marks = count()
        self._over = Event()

    def __enter__(self) -> Self:
        authority, tls = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(tls)
        authority.cert_pem.write_to_path(self._work / "ca.pem")
        self._simulator = Simulator(log_limit=10, tls=tls if self._proxied else None).start()
        self._door = Door(self._simulator.port, lambda: self._over).__enter__()
        self._proxy = ConnectProxy(self._simulator.port, lambda: self._over).__enter__()
        self._simulator.script({**HONEST, "match": {"text": "honest."}, "times": None})
        long = {"text": {"repeat": "word " * 400, "deltas": 1000}, "delay": 0.01}
        self._simulator.script({**long, "match": {"text": "long."}, "times": None})
        self._gateway: Gateway | None = None
        self.restart()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._gateway:
            self._gateway.stop()
        self._proxy.__exit__()
        self._door.__exit__()
        self._simulator.stop()

    def restart(self) -> None:
        """Begin with a new gateway, and measure it without an attack."""
        if self._gateway:
            self._gateway.stop()
        self._gateway = Gateway(
            self._simulator.url if self._proxied else self._door.url,
            self._work,
            WEB_CONCURRENCY="1",
            KIRO_UPSTREAM_PROXY=self._proxy.url if self._proxied else "",
            SSL_CERT_FILE=str(self._work / "ca.pem"),
            KIRO_TOKEN_CACHE=str(self._work / f"tokens-{next(self._marks)}"),
            KIRO_MAX_ANSWER_BYTES=str(LARGEST_ANSWER),
        )
        self._measure(None)  # what is made once is made
        self.control = self._measure(None).worst

    def run(self, case: Case) -> list[str]:
        """Return what a case brought beyond the limits. After that the gateway is a new one."""
        found = self._measure(case).faults(self.control)
        if found:
            self.restart()
        return found

    def _measure(self, case: Case | None) -> Measured:
        assert self._gateway
        (worker,) = children(self._gateway.process.pid)
        before = memory(worker)
        with ThreadPoolExecutor(STREAMS) as pool, self._probe(worker) as seen:
            streams = [pool.submit(self._stream) for _ in range(STREAMS)]
            time.sleep(0.2)
            with self._attack(case):
                time.sleep(LASTS)
            problems = [problem for stream in streams for problem in _problems(stream)]
            if case is not None:
                problems += self._recovery()
                assert case.side == "client" or self._reached(), f"nothing was asked of {case}"
        return Measured(
            worst=seen["worst"],
            grown=int(seen["memory"]) - before,
            unanswered=int(seen["failed"]),
            streams=problems,
        )

    @contextmanager
    def _probe(self, worker: int) -> Iterator[dict[str, float]]:
        assert self._gateway
        command = [sys.executable, prober.__file__, str(self._gateway.port), str(worker)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        seen: dict[str, float] = {}
        try:
            yield seen
        finally:
            output, _ = process.communicate(timeout=60)
            seen |= json.loads(output)

    @contextmanager
    def _attack(self, case: Case | None) -> Iterator[None]:
        self._over = over = Event()
        threads: list[Thread] = []
        if case is not None:
            threads = self._begin(case, over)
        try:
            yield
        finally:
            over.set()
            self._door.case = self._proxy.case = None
            for thread in threads:
                thread.join(30)

    def _begin(self, case: Case, over: Event) -> list[Thread]:
        assert self._gateway
        if case.side == "client":
            return clients.attack(self._gateway.port, case, over)
        door = self._proxy if case.side == "proxy" else self._door
        door.case = case
        if case.side == "sign-in":
            self._simulator.configure_tokens(expire="all")
        threads = [Thread(target=self._trigger, daemon=True) for _ in range(min(case.count, 4))]
        for thread in threads:
            thread.start()
        return threads

    def _reached(self) -> int:
        reached = self._door.reached + self._proxy.reached
        self._door.reached = self._proxy.reached = 0
        return reached

    def _trigger(self) -> None:
        """Ask for an answer of the hostile service."""
        with suppress(OSError, AssertionError):
            self._send(MARK.decode(), stream=False).read_all()

    def _send(self, prompt: str, *, stream: bool) -> PendingRequest:
        assert self._gateway
        number = next(self._marks)
        dialect = DIALECTS[number % len(DIALECTS)]
        return PendingRequest(
            self._gateway.port, dialect, prompt, stream=stream, request_id=f"r{number}"
        )

    def _stream(self) -> str:
        answer = self._send("honest.", stream=True).read_all()
        if answer.status == 200 and answer.whole and answer.stop and answer.text == SAID:
            return ""
        return f"{answer.status} {answer.failure} {answer.stop} {len(answer.text)} characters"

    def _recovery(self) -> list[str]:
        """Whether the gateway serves again, soon after the attack."""
        end = time.monotonic() + RECOVERS
        while problem := self._stream():
            if time.monotonic() > end:
                return [f"after the attack: {problem}"]
            time.sleep(0.5)
        return []


def _problems(stream: Future[str]) -> list[str]:
    try:
        problem = stream.result()
    except (OSError, AssertionError) as error:
        problem = repr(error)
    return [problem] if problem else []
