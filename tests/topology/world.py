"""Three gateways of one account, Redis with a replica, nginx in front, the simulator behind."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self, TypeVar

import redis

from app.launch import environment
from app.simulator import Simulator
from tests.credentials.redis_server import RedisServer
from tests.live import processes
from tests.live.servers import Gateway, free_port
from tests.topology.link import Link
from tests.topology.nginx import Nginx

T = TypeVar("T")

HOSTS = 3
WORKERS = 2
LOGIN = "test-refresh-token".ljust(120, "x")
STORE_KEY = "A" * 43 + "="
GRACE = 10


class Host:
    """One gateway, which can be ended and started again at its address."""

    def __init__(self, number: int, upstream: str, work: Path, **settings: str) -> None:
        self._upstream = upstream
        self._work = work / f"host-{number}"
        self._work.mkdir()
        self._settings = settings
        self.port = free_port()
        self.start()

    def start(self, **settings: str) -> None:
        """Start it, at first or after its end, as ``kiro2api serve`` does."""
        given = environment({**self._settings, **settings, "PORT": str(self.port)})
        served = {"program": "app.launch", "application": "app.wsgi:app"}
        self.gateway = Gateway(self._upstream, self._work, **served, **given)
        self.master = self.gateway.process.pid

    def stop(self) -> None:
        """As a service manager does: SIGTERM, which lets answers end."""
        os.kill(self.master, signal.SIGTERM)
        self._wait_for_end()

    def upgrade(self) -> None:
        """New code without an end: the old master is stopped once the new one has its workers."""
        new = self.start_beside()
        self.stop()
        self.master = new

    def start_beside(self) -> int:
        """Start a second master by SIGUSR2; return its process once it has its workers."""
        before = set(processes.children(self.master))
        os.kill(self.master, signal.SIGUSR2)
        [new] = until(lambda: set(processes.children(self.master)) - before)
        until(lambda: len(processes.children(new)) >= WORKERS)
        return new

    def kill(self) -> None:
        """As a power cut does."""
        os.kill(self.master, signal.SIGSTOP)  # it would start other workers
        for process in (*processes.children(self.master), self.master):
            os.kill(process, signal.SIGKILL)
        self._wait_for_end()

    def end(self) -> None:
        """For good."""
        if is_there(self.master):
            self.stop()

    def _wait_for_end(self) -> None:
        until(lambda: self.gateway.process.poll() is not None or not is_there(self.master))
        until(lambda: not is_there(self.master))


def is_there(process: int) -> bool:
    """Whether it runs; one that only waits for its parent does not."""
    try:
        return ") Z " not in Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False


def until(done: Callable[[], T], seconds: float = 60) -> T:
    """What ``done`` gives, once that is true."""
    end = time.monotonic() + seconds
    while not (found := done()):
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)
    return found


class World:
    """All of it, on this machine; a context manager."""

    def __init__(self, work: Path) -> None:
        self._work = work

    def __enter__(self) -> Self:
        with ExitStack() as begun:
            self.simulator = begun.enter_context(Simulator(log_limit=100_000))
            self.redis, self.replica = self._redis(begun, "primary"), self._redis(begun, "replica")
            self.follow(self.replica, self.redis)
            self.store = Link(self.redis.port)  # an address that a failover moves
            begun.callback(self.store.close)
            self.hosts = [self._host(begun, number) for number in range(HOSTS)]
            (front := self._work / "nginx").mkdir()
            self.nginx = Nginx(front, [host.port for host in self.hosts])
            begun.callback(self.nginx.stop)
            self.slow = Link(self.nginx.port, delay=0.1, loss=0.02)
            begun.callback(self.slow.close)
            self._ends = begun.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    def _redis(self, begun: ExitStack, name: str) -> RedisServer:
        (work := self._work / name).mkdir()
        server = RedisServer(work)
        begun.callback(server.stop)
        return server

    def _host(self, begun: ExitStack, number: int) -> Host:
        host = Host(
            number,
            self.simulator.url,
            self._work,
            AWS_REFRESHTOKEN=LOGIN,
            KIRO_TOKEN_STORE=f"redis://127.0.0.1:{self.store.port}/0",
            KIRO_STORE_KEY=STORE_KEY,
            KIRO_GRACEFUL_TIMEOUT=str(GRACE),
            WEB_CONCURRENCY=str(WORKERS),
        )
        begun.callback(host.end)
        return host

    def follow(self, replica: RedisServer, primary: RedisServer) -> None:
        """Make one server a replica of another, and wait until it has everything."""
        client: Any = redis.Redis(port=replica.port)
        client.replicaof("127.0.0.1", primary.port)
        until(self.is_followed)

    def is_followed(self) -> bool:
        """Whether the replica has what the primary has."""
        client: Any = redis.Redis(port=self.replica.port)
        return bool(client.info("replication").get("master_link_status") == "up")

    def promote(self, replica: RedisServer) -> None:
        """Make it the primary, to which the hosts' address leads from now on."""
        client: Any = redis.Redis(port=replica.port)
        client.replicaof("NO", "ONE")
        self.store.lead_to(replica.port)

    def fail_over(self) -> None:
        """The primary is gone, and its replica takes over."""
        self.redis.stop()
        self.promote(self.replica)

    @property
    def refreshes(self) -> int:
        """How often the login was refreshed."""
        return self.simulator.stats["refreshes"]
