"""No body, valid or not, keeps a worker from its other clients; and each that is refused counts."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from app.core import json_limits
from app.simulator import Simulator
from tests.live.large_bodies import BODIES, SIZE, Sink, beside
from tests.live.processes import children, memory
from tests.live.servers import KEY, Gateway

LONGEST = 0.1
"""Seconds that ``/health`` may take, less those for which the machine had no processor left."""
GROWTH = 64 * 1024 * 1024
"""Bytes that the worker may grow by, beside the body itself."""
MAX_BODY = 32 * 1024 * 1024
TRIES = 6


@pytest.fixture(scope="module")
def worker(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One worker, whose upstream takes bodies of any size."""
    sink = Sink()
    running = Gateway(
        simulator.url, tmp_path_factory.mktemp("large"), WEB_CONCURRENCY="1", KIRO_API_URL=sink.url
    )
    yield running
    running.stop()
    sink.shutdown()
    sink.server_close()


def chunks(body: bytes, size: int) -> Iterator[bytes]:
    return (body[at : at + size] for at in range(0, len(body), size))


def check(worker: Gateway, path: str, body: bytes, *, chunk: int = 0) -> None:
    """One of several tries keeps the limits. The processors of a virtual machine may be slow for a
    moment, which nothing in it can measure."""
    (pid,) = children(worker.process.pid)
    seen = []
    for _ in range(TRIES):
        with beside(worker.port, pid) as found:
            sent = chunks(body, chunk) if chunk else body
            answer = requests.post(
                worker.url + path, data=sent, headers={"x-api-key": KEY}, timeout=60
            )
        assert answer.status_code == (413 if len(body) > MAX_BODY else 400), answer.text
        seen.append(found)
        if found.worst < LONGEST and found.memory - found.before < len(body) + GROWTH:
            return
    pytest.fail(f"the limits are {LONGEST} s and {len(body) + GROWTH} B more: {seen}")


@pytest.mark.parametrize("name", BODIES)
def test_a_worker_serves_others_while_it_reads_a_body(worker: Gateway, name: str) -> None:
    path, make = BODIES[name]
    check(worker, path, make(SIZE))


@pytest.mark.parametrize("name", BODIES)
def test_the_same_just_below_the_limits(worker: Gateway, name: str) -> None:
    """These are not refused for their size: if they are valid, they go to the upstream."""
    path, make = BODIES[name]
    sample = make(1 << 20)
    values = json_limits._values(sample) / json_limits.MAX_VALUES
    escapes = sample.count(b"\\") / json_limits.MAX_ESCAPES
    most = max(values, escapes)
    body = make(min(SIZE, int((1 << 20) * 0.95 / most)) if most > 1e-3 else SIZE)
    check(worker, path, body)


@pytest.mark.parametrize("chunk", [0, 64 * 1024, 1024 * 1024])
def test_a_worker_serves_others_while_it_refuses_a_body_for_its_size(
    worker: Gateway, chunk: int
) -> None:
    check(worker, "/v1/messages", b"x" * 60_000_000, chunk=chunk)


@pytest.mark.parametrize("name", ["tools", "one document", "arguments full of lists"])
def test_nothing_is_left_of_bodies_that_are_refused(worker: Gateway, name: str) -> None:
    """By the gateway or by the upstream."""
    path, make = BODIES[name]
    body = make(SIZE)
    (pid,) = children(worker.process.pid)
    before = memory(pid)
    for _ in range(8):
        requests.post(worker.url + path, data=body, headers={"x-api-key": KEY}, timeout=60)
    end = time.monotonic() + 2  # the answer is out before the request is freed
    while (grown := memory(pid) - before) > GROWTH:
        assert time.monotonic() < end, grown
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/messages", b"{"),
        ("/v1/messages/count_tokens", b"{"),
        ("/v1/chat/completions", b"{}"),
        ("/v1/responses", b"[]"),
        ("/v1/messages", b" " * (1024 * 1024 + 1)),
    ],
)
def test_a_body_that_is_refused_counts(
    simulator: Simulator, tmp_path: Path, path: str, body: bytes
) -> None:
    simulator.reset()
    keys = tmp_path / "keys.json"
    sha256 = "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683"  # of "key"
    keys.write_text(
        json.dumps({"keys": [{"name": "a", "sha256": sha256, "requests_per_minute": 3}]})
    )
    gateway = Gateway(
        simulator.url,
        tmp_path,
        WEB_CONCURRENCY="1",
        KIRO_CLIENT_KEYS_FILE=str(keys),
        MAX_BODY_BYTES=str(1024 * 1024),
    )
    try:
        answers = [
            requests.post(gateway.url + path, data=body, headers={"x-api-key": "key"}, timeout=20)
            for _ in range(5)
        ]
        refused = 413 if len(body) > 1024 else 400
        assert [answer.status_code for answer in answers] == [refused] * 3 + [429] * 2
        assert answers[-1].headers["retry-after"]
    finally:
        gateway.stop()
