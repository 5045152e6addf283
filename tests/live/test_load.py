"""More clients than one worker takes: who is refused, how fast, and who is served all the same."""

import http.client
import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from statistics import median
from typing import Any

import pytest

from app.simulator import Simulator
from tests.live.servers import KEY, Gateway

LIMIT = 3
PLACES = LIMIT + 200
"""Connections of the worker."""

REFUSED_WITHIN = 0.05
USER = [{"role": "user", "content": "Hello"}]
ASKS: dict[str, dict[str, Any]] = {
    "/v1/messages": {"model": "claude-sonnet-4-6", "max_tokens": 2_000_000, "messages": USER},
    "/v1/chat/completions": {"model": "claude-sonnet-4-6", "messages": USER},
    "/v1/responses": {"model": "claude-sonnet-4-6", "input": "Hello"},
}


@pytest.fixture(scope="module")
def gateway(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    running = Gateway(
        simulator.url,
        tmp_path_factory.mktemp("load"),
        WEB_CONCURRENCY="1",
        KIRO_MAX_STREAMS=str(LIMIT),
    )
    yield running
    running.stop()


class Client:
    """One connection."""

    def __init__(self, gateway: Gateway) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=5)
        self._connection.connect()

    def ask(self, path: str, body: Any = None, **headers: str) -> http.client.HTTPResponse:
        data = None if body is None else json.dumps(body)
        method = "GET" if body is None else "POST"
        self._connection.request(method, path, data, {"x-api-key": KEY, **headers})
        return self._connection.getresponse()

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def full_house(gateway: Gateway, simulator: Simulator) -> Iterator[list[Client]]:
    """As many streams under way as there may be; closing a client ends its stream."""
    simulator.reset()
    simulator.script({"text": ["a", "b"], "stall": {"after": 2, "seconds": 30}, "times": LIMIT})
    clients = [Client(gateway) for _ in range(LIMIT)]
    for client in clients:
        answer = client.ask("/v1/messages", ASKS["/v1/messages"] | {"stream": True})
        assert answer.status == 200, answer.read()
    yield clients
    for client in clients:
        client.close()


def wait_until_free(client: Client) -> None:
    end = time.monotonic() + 5
    while (answer := client.ask("/v1/messages", ASKS["/v1/messages"])).status != 200:
        answer.read()
        assert time.monotonic() < end, "no place became free"
    answer.read()


@pytest.mark.parametrize(
    ("path", "status", "named"),
    [
        ("/v1/messages", 529, ("overloaded_error", None)),
        ("/v1/chat/completions", 429, ("rate_limit_exceeded", "rate_limit_exceeded")),
        ("/v1/responses", 429, ("rate_limit_exceeded", "rate_limit_exceeded")),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
def test_one_too_many_is_refused_at_once(
    gateway: Gateway,
    full_house: list[Client],
    path: str,
    status: int,
    named: tuple[str, str | None],
    stream: bool,
) -> None:
    client = Client(gateway)
    took = []
    for _ in range(9):
        started = time.monotonic()
        answer = client.ask(path, ASKS[path] | {"stream": stream})
        told = json.loads(answer.read())
        took.append(time.monotonic() - started)
        assert answer.status == status
        assert 1 <= int(answer.headers["retry-after"]) <= 4
        assert (told["error"]["type"], told["error"].get("code")) == named
        assert "KIRO_MAX_STREAMS" in told["error"]["message"]
    client.close()
    assert median(took) < REFUSED_WITHIN, took


def test_what_asks_for_no_answer_of_a_model_is_served(
    gateway: Gateway, full_house: list[Client]
) -> None:
    client = Client(gateway)
    counted = ASKS["/v1/messages"].copy()
    del counted["max_tokens"]
    for path, body in {
        "/health": None,
        "/v1/models": None,
        "/v1/messages/count_tokens": counted,
    }.items():
        started = time.monotonic()
        answer = client.ask(path, body)
        answer.read()
        assert answer.status == 200
        assert time.monotonic() - started < 1
    client.close()


def test_a_place_is_free_again_when_its_client_leaves(
    gateway: Gateway, full_house: list[Client]
) -> None:
    full_house[0].close()
    client = Client(gateway)
    wait_until_free(client)
    client.close()


def test_a_place_is_free_again_after_a_failure(gateway: Gateway, simulator: Simulator) -> None:
    simulator.reset()
    simulator.script({"fail": "improperly_formed", "times": 2 * LIMIT})
    client = Client(gateway)
    for _ in range(2 * LIMIT):
        answer = client.ask("/v1/messages", ASKS["/v1/messages"])
        answer.read()
        assert answer.status == 400
    answer = client.ask("/v1/messages", ASKS["/v1/messages"])
    assert (answer.status, bool(answer.read())) == (200, True)
    client.close()


def test_those_refused_do_not_shut_the_door(gateway: Gateway, full_house: list[Client]) -> None:
    """They stay connected, more of them than the worker takes; new clients are served even so."""
    with ExitStack() as ending:
        for _ in range(PLACES + 20):
            client = Client(gateway)
            ending.callback(client.close)
            answer = client.ask("/v1/messages", ASKS["/v1/messages"])
            answer.read()
            assert answer.status == 529
        client = Client(gateway)
        ending.callback(client.close)
        assert client.ask("/health").status == 200


def test_a_pause_in_an_upload_does_not_hold_others_up(gateway: Gateway) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as slow:
        head = f"POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: {KEY}\r\n"
        slow.sendall(f"{head}content-length: 1000\r\n\r\n{{".encode())
        client = Client(gateway)
        wait_until_free(client)
        client.close()
