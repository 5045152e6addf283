"""The id of a request on every log line that is written for it, and on no other.

The lines under test come from the gateway's opening greenlet (a throttled account) and from the
thread that refreshes a token; both say in their text which request they belong to.
"""

import json
import socket
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from app.simulator import Simulator
from tests.live.servers import KEY, Gateway

REQUESTS = 8
"""At a time, in one worker."""


@pytest.fixture(scope="module")
def one_worker(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    gateway = Gateway(simulator.url, tmp_path_factory.mktemp("ids"), WEB_CONCURRENCY="1")
    yield gateway
    gateway.stop()


def body(text: str) -> dict[str, Any]:
    return {
        "model": "claude-sonnet-4-6",
        "max_tokens": 99,
        "messages": [{"role": "user", "content": text}],
    }


def ask(gateway: Gateway, name: str) -> int:
    headers = {"x-api-key": KEY, "x-request-id": f"id-{name}"}
    url = gateway.url + "/v1/messages"
    message = body(f"Hello from {name}.")
    return requests.post(url, json=message, headers=headers, timeout=20).status_code


def throttle(upstream: Simulator, *names: str) -> None:
    """Refuse each request once, with its name in the message, which the gateway logs."""
    upstream.script(
        *(
            {
                "fail": {"fault": "throttled", "message": f"Not now, {name}."},
                "match": {"text": f"Hello from {name}."},
            }
            for name in names
        )
    )


def refusals(gateway: Gateway, names: list[str]) -> dict[str, Mapping[str, Any]]:
    """The log line about the refusal of each request, by the request's name."""
    return {
        name: line
        for line in gateway.all_lines()
        for name in names
        if line["logger"] == "kiro2api.credentials" and f"Not now, {name}." in line["message"]
    }


def test_requests_at_a_time_have_each_its_own(one_worker: Gateway, upstream: Simulator) -> None:
    names = [f"client-{number}" for number in range(REQUESTS)]
    throttle(upstream, *names)
    with ThreadPoolExecutor(REQUESTS) as pool:
        statuses = [*pool.map(lambda name: ask(one_worker, name), names)]
    assert statuses == [200] * REQUESTS
    lines = refusals(one_worker, names)
    assert {name: line.get("request_id") for name, line in lines.items()} == {
        name: f"id-{name}" for name in names
    }


def test_requests_of_one_connection_have_each_its_own(
    one_worker: Gateway, upstream: Simulator
) -> None:
    """Pipelined: one greenlet of the worker serves them one after the other."""
    names = ["first", "second", "third"]
    throttle(upstream, *names)
    pipeline = b""
    for name in names:
        content = json.dumps(body(f"Hello from {name}.")).encode()
        head = f"POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: {KEY}\r\n"
        # the second brings no id of its own, and must not get that of the first
        head += "" if name == "second" else f"X-Request-Id: id-{name}\r\n"
        pipeline += f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content
    received = b""
    with socket.create_connection(("127.0.0.1", one_worker.port), timeout=20) as client:
        client.sendall(pipeline)
        while received.count(b"HTTP/1.1 200 OK") < len(names):
            received += client.recv(65536)
    lines = refusals(one_worker, names)
    ids = [lines[name]["request_id"] for name in names]
    assert (ids[0], ids[2]) == ("id-first", "id-third")
    assert ids[1].startswith("req_")
    assert f"x-request-id: {ids[1]}".encode() in received


def test_a_refresh_has_that_of_the_request_that_started_it(
    upstream: Simulator, tmp_path: Path
) -> None:
    """The first request needs an access token, which a thread of its own gets."""
    gateway = Gateway(upstream.url, tmp_path, WEB_CONCURRENCY="1")
    try:
        assert ask(gateway, "first") == 200
    finally:
        gateway.stop()
    lines = [line for line in gateway.all_lines() if line["message"].endswith("token refreshed")]
    assert [line.get("request_id") for line in lines] == ["id-first"]


def test_what_is_no_request_has_an_id_of_its_own(one_worker: Gateway, upstream: Simulator) -> None:
    """Not that of the request before it on the connection."""
    request = b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: id-before\r\n\r\n"
    with socket.create_connection(("127.0.0.1", one_worker.port), timeout=20) as client:
        client.sendall(request)
        assert b"200 OK" in client.recv(65536)
        client.sendall(b"never heard of HTTP\r\n\r\n")
        assert b"400 Bad Request" in client.recv(65536)
    one_worker.wait_for_line("id-before")
    [line] = [line for line in one_worker.all_lines() if line.get("error") == "invalid_request"]
    assert line["request_id"].startswith("req_")
