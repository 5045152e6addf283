"""Redis is away, full, or back with old data, across one refresh: no login is lost.

Each case has its own hosts, with two workers each. ``make outages`` repeats every case fifty times
(``OUTAGE_ROUNDS``), with another order of workers, hosts and restarts each time (``OUTAGE_SEED``).
"""

import json
import os
import random
import time
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import pytest
import redis

from app.common.errors import GatewayError, Kind
from app.credentials.model import Token
from app.credentials.pool import Credentials
from app.credentials.sources.databases import DatabaseSource
from app.credentials.sources.source import Source
from app.credentials.store.redis import RedisStore
from app.credentials.store.redis_backend import RedisBackend
from tests.credentials.conftest import Build, Clock, env_tokens, file_store, token_file
from tests.credentials.home import write_database
from tests.credentials.redis_server import RedisServer
from tests.credentials.service import AuthService, access_token, refresh_token
from tests.credentials.store.conftest import Time

ROUNDS = int(os.environ.get("OUTAGE_ROUNDS", "50"))
SEED = int(os.environ.get("OUTAGE_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
REFUSED = GatewayError(Kind.REFUSED_TOKEN, "refused")
OUTAGES = ("refused", "expired", "out of memory", "failover")
SOURCES = ("file", "environment", "database")
CASES = [*product(OUTAGES, SOURCES, (1, 2))]


class Host:
    """Two workers over one directory, and a copy of the login."""

    def __init__(
        self, directory: Path, source: str, start: Callable[["Host"], Credentials]
    ) -> None:
        directory.mkdir()
        self.directory = directory
        self._source = source
        self._start = start
        if source == "file":
            token_file(directory / "token.json", {"refreshToken": refresh_token(0)})
        elif source == "database":
            write_database(
                directory, "kiro-cli", {"kirocli:social:token": {"refresh_token": refresh_token(0)}}
            )
        self.workers = [start(self) for _ in range(2)]

    def source(self) -> Source:
        if self._source == "file":
            return token_file(self.directory / "token.json")
        if self._source == "database":
            path = self.directory / ".local" / "share" / "kiro-cli" / "data.sqlite3"
            return DatabaseSource("kiro-cli", path)
        return env_tokens()

    def restart(self) -> None:
        for worker in self.workers:
            worker.close()
        self.workers = [self._start(self) for _ in range(2)]

    def in_file(self) -> str:
        """The refresh token in the token file, "" for other sources."""
        if self._source != "file":
            return ""
        return str(json.loads((self.directory / "token.json").read_text())["refreshToken"])


class World:
    """The hosts, their Redis, the sign-in service, and the clocks."""

    def __init__(
        self,
        build: Build,
        server: RedisServer,
        service: AuthService,
        clocks: tuple[Clock, Time],
        directory: Path,
    ) -> None:
        self._build = build
        self._directory = directory
        self.server = server
        self.service = service
        self.clock, self.now = clocks
        self.hosts: list[Host] = []

    def begin(self, number: int, source: str, hosts: int) -> None:
        """Start anew: an empty Redis, and ``hosts`` hosts with the first refresh token."""
        self.close()
        redis.Redis(port=self.server.port).flushall()
        self.service.used, self.service.valid = 0, refresh_token(0)
        self.hosts = [
            Host(self._directory / f"{number}-{host}", source, self._worker)
            for host in range(hosts)
        ]
        self.pass_time(10)
        for worker in self.workers():
            worker.accepted(worker.token())

    def close(self) -> None:
        for worker in self.workers():
            worker.close()
        self.hosts = []

    def workers(self) -> list[Credentials]:
        return [worker for host in self.hosts for worker in host.workers]

    def pass_time(self, seconds: float) -> None:
        self.clock.now += seconds
        self.now.now += seconds

    def _worker(self, host: Host) -> Credentials:
        backend = RedisBackend(self.server.url, None, now=self.now)
        store = RedisStore(backend, file_store(host.directory), lease_timeout=10, now=self.now)
        return self._build(host.source(), store=store)


@pytest.fixture
def world(
    build: Build,
    server: RedisServer,
    service: AuthService,
    clock: Clock,
    now: Time,
    tmp_path: Path,
) -> Iterator[World]:
    running = World(build, server, service, (clock, now), tmp_path)
    yield running
    running.close()


def refresh_during(outage: str, world: World, chance: random.Random) -> None:
    """One refresh by one host while Redis is in this state; then Redis is back."""
    client = redis.Redis(port=world.server.port)
    before = world.server.contents()
    others = world.workers()
    first = others.pop(chance.randrange(len(others)))
    token = first.token()
    if outage == "out of memory":
        client.config_set("maxmemory", 1)
    elif outage != "failover":
        world.server.stop()
    if outage == "expired":
        world.pass_time(4000)
        fresh: Token | None = first.token()
    else:
        fresh = first.refused(token, REFUSED)
    assert fresh
    assert fresh.access_token == access_token(2)
    for other in others[: chance.randrange(len(others) + 1)]:
        try_token(other)
    if outage == "out of memory":
        client.config_set("maxmemory", 0)
    elif outage == "failover":
        world.server.go_back_to(before)
    else:
        world.server.start()


def try_token(worker: Credentials) -> str:
    """The access token that a request of this worker uses; "" if it fails."""
    try:
        return worker.token().access_token
    except GatewayError:
        return ""


def one_round(world: World, case: tuple[str, str, int], number: int) -> None:
    outage, source, hosts = case
    chance = random.Random(f"{SEED} {case} {number}")
    world.begin(number, source, hosts)
    refresh_during(outage, world, chance)
    if chance.random() < 0.3:
        chance.choice(world.hosts).restart()
    # every worker gets the new token, and the spent one is written nowhere
    world.service.calls.clear()
    settle(world, chance, access_token(2))
    for expected in (3, 4):  # and the chain goes on
        world.pass_time(4000)
        settle(world, chance, access_token(expected))
    assert world.service.used == 4


def settle(world: World, chance: random.Random, expected: str) -> None:
    """Until all workers use this access token. A worker whose token the service has replaced
    learns it from the upstream, which refuses the token.
    """
    end = time.monotonic() + 15
    while True:
        workers = world.workers()
        chance.shuffle(workers)
        got = [ask(worker, expected) for worker in workers]
        files = {host.in_file() for host in world.hosts}
        fresh = {"", world.service.valid}
        if set(got) == {expected} and files <= fresh and not any(problems(world)):
            return
        assert time.monotonic() < end, (got, files, SEED)
        world.pass_time(0.5)
        time.sleep(0.02)


def ask(worker: Credentials, expected: str) -> str:
    token = None
    try:
        token = worker.token()
        if token.access_token != expected:
            token = worker.refused(token, REFUSED)
    except GatewayError:
        return "refused"
    return token.access_token if token else "refused"


def problems(world: World) -> Iterator[str]:
    for worker in world.workers():
        yield from worker.problems()


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case)))
def test_an_outage_across_a_refresh_costs_no_login(
    world: World, case: tuple[str, str, int]
) -> None:
    one_round(world, case, 0)


@pytest.mark.long
@pytest.mark.timeout(60 * ROUNDS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case)))
def test_many_outages_cost_no_login(world: World, case: tuple[str, str, int]) -> None:
    for number in range(ROUNDS):
        one_round(world, case, number)
