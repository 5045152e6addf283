"""Three gateways behind nginx, and what happens to them: docs/topology.md has the rows."""

import http.client
import json
import os
import platform
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.chaos.anthropic import AnthropicClient
from tests.chaos.arena import PendingRequest
from tests.credentials.conftest import require
from tests.credentials.redis_server import RedisServer
from tests.live.servers import KEY, ROOT
from tests.topology import nginx
from tests.topology.load import MODEL, PLAIN, SCRIPT, SLOW, ask, load
from tests.topology.row import document, row
from tests.topology.world import HOSTS, World, until

MAX_BODY = 32 * 1024 * 1024
FAKETIME = "/usr/lib/{}-linux-gnu/faketime/libfaketimeMT.so.1"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    require(nginx.program(), "nginx")
    require(RedisServer.is_installed(), "redis-server")
    with World(tmp_path_factory.mktemp("topology")) as running:
        running.simulator.script(*SCRIPT)
        yield running


@pytest.fixture
def one_refresh(world: World) -> Iterator[None]:
    """Whatever happens, the login is refreshed once for all gateways."""
    yield
    assert world.refreshes == 1


pytestmark = pytest.mark.xdist_group("topology")


def open_streams(world: World, mark: str, count: int) -> list[PendingRequest]:
    """So many streams, each of which has begun; their prompts have the mark."""
    streams = [
        PendingRequest(
            world.nginx.port, AnthropicClient(), mark, stream=True, request_id=f"{mark}{number}"
        )
        for number in range(count)
    ]
    for stream in streams:
        stream.read_until(b"Hel")
    return streams


@row("an answer is streamed", "each event before the next one is sent by the service")
@pytest.mark.usefixtures("one_refresh")
def test_an_event_is_seen_before_the_next_is_sent(world: World) -> None:
    pieces = [f"<{number}>" for number in range(4)]
    for so_far in range(1, 4):
        mark = f"halted-{so_far}"
        halt = {"text": pieces, "stall": {"after": so_far + 1}, "match": {"text": mark}}
        world.simulator.script(halt)
        stream = PendingRequest(
            world.nginx.port, AnthropicClient(), mark, stream=True, request_id=mark
        )
        stream.read_until(pieces[so_far - 1].encode())
        [seen] = [one for one in world.simulator.requests if mark in str(one.body)]
        assert seen.outcome == "open"
        assert pieces[so_far].encode() not in stream.data
        stream.disconnect()


@row("a request has a body of 32 MB", "the answer; one byte more is 413 in the client's dialect")
@pytest.mark.usefixtures("one_refresh")
def test_bodies_of_32_mb(world: World) -> None:
    told: dict[str, Any] = {"model": MODEL, "max_tokens": 64, "metadata": {}}
    told["messages"] = [{"role": "user", "content": PLAIN}]
    room = MAX_BODY - len(json.dumps(told))
    for size, status in ((room, 200), (room + 1, 413)):
        body = json.dumps(told) + " " * size
        answer = requests.post(
            world.nginx.url + "/v1/messages", body, headers={"x-api-key": KEY}, timeout=60
        )
        assert answer.status_code == status, answer.text
        assert answer.json()["type"] == ("message" if status == 200 else "error")


@row("each gateway is restarted in turn (SIGTERM)", "nothing: every answer is whole", long=True)
@pytest.mark.usefixtures("one_refresh")
def test_a_rolling_restart(world: World) -> None:
    """docs/operations.md: Several gateways"""
    with load(world.nginx.url, KEY) as running:
        for host in world.hosts:
            host.stop()
            running.wait_for(5)
            host.start()
            running.wait_for(5)


@row("each gateway gets new code in turn (SIGUSR2, then SIGTERM)", "nothing: the same")
@pytest.mark.usefixtures("one_refresh")
def test_a_rolling_upgrade(world: World) -> None:
    """docs/operations.md: New code"""
    with load(world.nginx.url, KEY) as running:
        for host in world.hosts:
            host.upgrade()
            running.wait_for(5)


@row(
    "new code turns out to be wrong, and its master is stopped",
    "nothing: the former goes on",
    long=True,
)
@pytest.mark.usefixtures("one_refresh")
def test_a_rollback(world: World) -> None:
    """docs/operations.md: Rollback"""
    host = world.hosts[0]
    with load(world.nginx.url, KEY) as running:
        new = host.start_beside()
        running.wait_for(5)
        os.kill(new, signal.SIGTERM)
        until(lambda: not Path(f"/proc/{new}").exists())  # its parent knows of its end
        running.wait_for(5)
        host.upgrade()


@row("nginx is reloaded", "nothing: answers in progress end; an idle connection may be closed")
@pytest.mark.usefixtures("one_refresh")
def test_nginx_is_reloaded(world: World) -> None:
    streams = open_streams(world, SLOW, 6)
    with load(world.nginx.url, KEY, retries=2) as running:
        for _ in range(3):
            world.nginx.reload()
            running.wait_for(10)
    assert {stream.read_all().stop for stream in streams} == {"end_turn"}


@row(
    "a gateway is killed (SIGKILL, all of its processes)",
    "its own streams break off, without a normal end; the others end, new requests are answered",
)
@pytest.mark.usefixtures("one_refresh")
def test_a_gateway_is_killed(world: World) -> None:
    halt = {"text": ["Hel", "lo"], "stall": {"after": 2, "seconds": 4}, "times": None}
    world.simulator.script(halt | {"match": {"text": "survives"}})
    streams = open_streams(world, "survives", 12)
    victim = world.hosts[1]
    victim.kill()
    connection = http.client.HTTPConnection("127.0.0.1", world.nginx.port, timeout=60)
    # nginx may not know yet that it is gone, and hold connections to it
    until(lambda: {ask(connection, KEY) for _ in range(20)} == {"Hello"})
    with ThreadPoolExecutor(len(streams)) as pool:
        answers = [*pool.map(PendingRequest.read_all, streams)]
    whole = [answer for answer in answers if answer.stop == "end_turn"]
    cut = [answer for answer in answers if answer.stop is None]
    assert len(whole) + len(cut) == len(streams)
    assert 0 < len(cut) <= len(streams) - 2 * (len(streams) // HOSTS) + 2
    assert {answer.whole for answer in cut} == {False}, "a proper end would look like an answer"
    victim.start()


@row(
    "a conversation (`previous_response_id`) goes on after all gateways got new code",
    "the answer",
    long=True,
)
@pytest.mark.usefixtures("one_refresh")
def test_a_conversation_outlives_its_gateway(world: World) -> None:
    def ask_on(**more: str) -> dict[str, Any]:
        told = {"model": MODEL, "input": PLAIN, **more}
        answer = requests.post(
            world.nginx.url + "/v1/responses",
            json=told,
            headers={"authorization": f"Bearer {KEY}"},
            timeout=60,
        )
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    first = ask_on()
    for host in world.hosts:
        host.upgrade()
    assert ask_on(previous_response_id=first["id"])["status"] == "completed"


@row("Redis is killed, and comes back", "nothing")
@pytest.mark.usefixtures("one_refresh")
def test_redis_is_killed_and_comes_back(world: World) -> None:
    with load(world.nginx.url, KEY) as running:
        world.redis.stop()
        running.wait_for(20)
        world.redis.start()
        running.wait_for(20)


@row(
    "Redis is gone, and its replica takes over", "nothing; usage and limits go on there", long=True
)
@pytest.mark.usefixtures("one_refresh")
def test_redis_fails_over(world: World) -> None:
    until(lambda: world.is_followed())
    with load(world.nginx.url, KEY) as running:
        world.fail_over()
        running.wait_for(20)


@row("the client's network has 200 ms and loses 2 %", "whole answers, later")
@pytest.mark.usefixtures("one_refresh")
def test_a_slow_network(world: World) -> None:
    with load(f"http://127.0.0.1:{world.slow.port}", KEY) as running:
        running.wait_for(10)


@row(
    "the clock of a gateway is an hour ahead",
    "nothing; that gateway takes the token for one that is over, and renews it: two refreshes",
    long=True,
)
def test_clocks_are_an_hour_apart(world: World) -> None:
    preload = Path(FAKETIME.format(platform.machine()))
    require(preload.exists(), "libfaketime")
    before, ahead = world.refreshes, world.hosts[0]
    ahead.stop()
    told = {"LD_PRELOAD": str(preload), "FAKETIME": "+1h", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    ahead.start(**told)
    with load(world.nginx.url, KEY) as running:
        running.wait_for(30)
    assert int(ahead.gateway.log_lines()[-1]["time"][11:13]) != time.gmtime().tm_hour
    assert world.refreshes <= before + 1
    ahead.stop()
    ahead.start()


@row(
    "a gateway is restarted, and Redis is killed and comes back, while usage is counted",
    "`kiro2api usage` has every answer, once",
    long=True,
)
def test_the_usage_is_right(world: World) -> None:
    before = used(world)
    with load(world.nginx.url, KEY) as running:
        world.hosts[2].stop()
        world.hosts[2].start()
        world.replica.stop()
        running.wait_for(10)
        world.replica.start()
        running.wait_for(10)
    until(lambda: used(world) == before + running.answered)


def used(world: World) -> int:
    """How many answers have been counted, of all gateways."""
    headers = {"x-api-key": KEY}
    answer = requests.get(world.nginx.url + "/v1/usage", headers=headers, timeout=20)
    return int(answer.json()["total"]["requests"]) if answer.status_code == 200 else -1


def test_the_page_is_up_to_date() -> None:
    page = (ROOT / "docs" / "topology.md").read_text(encoding="utf-8")
    assert page == document(), "run `make docs`"
