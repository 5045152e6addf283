"""Clients that disconnect or stop reading: what the upstream sees, and what the log says."""

import http.client
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from statistics import median

import pytest

from app.simulator.service.request_log import LoggedRequest
from tests.chaos.arena import Arena
from tests.chaos.dialects import DIALECTS
from tests.chaos.other_rows import DISCONNECTS
from tests.chaos.received import DialectClient
from tests.chaos.row import DisconnectRow
from tests.live import processes

NOTICED = 0.1
"""Median of the seconds until the upstream sees that the client has disconnected."""

AT_WORST = 1.5
"""Maximum of the same, on a machine that is busy with other tests."""


@pytest.fixture(scope="module")
def arena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    with Arena(tmp_path_factory.mktemp("clients"), KIRO_CLIENT_STALL="1") as arena:
        yield arena


def is_ready(row: DisconnectRow, seen: LoggedRequest) -> bool:
    return row.ready is None or (seen.status == 200 and seen.events_sent >= row.ready)


def disconnect(
    arena: Arena, row: DisconnectRow, dialect: DialectClient, *, stream: bool
) -> tuple[list[str], float]:
    """Return what is wrong, and the seconds until the upstream saw the disconnect."""
    mark = f"leave.{row.name}.{dialect.name}.{'sw'[not stream]}."
    arena.script(mark, *row.answers)
    pending = arena.send(dialect, mark, stream=stream)
    arena.wait_for_upstream_request(mark, lambda seen: is_ready(row, seen))
    left = pending.disconnect(reset=row.reset)
    seen = arena.wait_for_upstream_request(mark, lambda seen: seen.ended_at is not None)
    line = arena.log_line(mark)
    problems = [
        f"the log has {name}={line.get(name)!r} instead of {due!r}"
        for name, due in (("cancelled", True), ("error", "cancelled"))
        if line.get(name) != due
    ]
    if seen.outcome != "client_closed" or seen.client_closed_at is None:
        return [*problems, f"the upstream's answer is {seen.outcome}"], 0.0
    if not line["input_tokens"]:
        problems.append("the log does not report the usage")
    if len(arena.upstream_requests(mark)) != row.requests:
        problems.append(f"the upstream got {len(arena.upstream_requests(mark))} requests")
    return problems, seen.client_closed_at - left


def test_clients_that_disconnect(arena: Arena, subtests: pytest.Subtests) -> None:
    trials = [*product(DISCONNECTS, DIALECTS, (True, False))]
    with ThreadPoolExecutor(8) as pool:
        results = [*pool.map(lambda it: disconnect(arena, it[0], it[1], stream=it[2]), trials)]
    for (row, dialect, stream), (problems, _) in zip(trials, results, strict=True):
        with subtests.test(row=row.name, dialect=dialect.name, stream=stream):
            assert not problems, "\n".join(problems)
    noticed = [seconds for _, seconds in results]
    assert median(noticed) < NOTICED, noticed
    assert max(noticed) < AT_WORST, noticed
    assert "Traceback" not in arena.gateway.log_text()


@pytest.mark.parametrize("behind", [b"\r\n", b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"])
@pytest.mark.parametrize("stream", [True, False])
def test_unread_bytes_do_not_hide_a_disconnect(arena: Arena, stream: bool, behind: bytes) -> None:
    """A line end behind the body, as some clients send it, or a request sent in advance."""
    mark = f"leave.behind.{stream}.{len(behind)}."
    arena.script(mark, {"text": ["Hel", "lo"], "stall": {"after": 2}})
    pending = arena.send(DIALECTS[0], mark, stream=stream)
    arena.wait_for_upstream_request(mark, lambda seen: seen.events_sent >= 2)
    pending.socket.sendall(behind)
    time.sleep(0.1)
    left = pending.disconnect()
    seen = arena.wait_for_upstream_request(mark, lambda seen: seen.ended_at is not None)
    assert seen.outcome == "client_closed"
    assert seen.client_closed_at is not None
    assert seen.client_closed_at - left < AT_WORST
    assert arena.log_line(mark)["cancelled"] is True


@pytest.mark.parametrize("stream", [True, False])
def test_no_retry_after_a_disconnect_between_two_attempts(arena: Arena, stream: bool) -> None:
    mark = f"leave.between-retries.{stream}."
    arena.script(mark, {"fail": "internal"})
    pending = arena.send(DIALECTS[0], mark, stream=stream)
    arena.wait_for_upstream_request(mark, lambda seen: seen.ended_at is not None)
    pending.disconnect()
    assert arena.log_line(mark)["cancelled"] is True
    time.sleep(1.0)  # longer than the pause between the attempts
    assert len(arena.upstream_requests(mark)) == 1


def test_a_client_that_disconnects_while_it_sends(arena: Arena) -> None:
    with socket.create_connection(("127.0.0.1", arena.gateway.port)) as client:
        body = DIALECTS[0].body("leave.in-upload.", stream=True)
        head = "".join(f"{name}: {value}\r\n" for name, value in DIALECTS[0].headers().items())
        client.sendall(
            f"POST {DIALECTS[0].path} HTTP/1.1\r\nhost: localhost\r\n{head}"
            f"x-request-id: leave.in-upload.\r\ncontent-length: {len(body)}\r\n\r\n".encode()
            + body[:50]
        )
    assert arena.log_line("leave.in-upload.")["status"] == 400
    assert arena.upstream_requests("leave.in-upload.") == []


def test_the_usage_before_a_disconnect_is_logged(arena: Arena) -> None:
    mark = "leave.cost."
    metering = {"type": "meteringEvent", "payload": {"usage": 0.25, "unit": "credit"}}
    say = [
        {"event": metering},
        {"text": "Hello there"},
    ]  # reading the text proves that metering was read
    arena.script(mark, {"say": say, "stall": {"after": 3}})
    pending = arena.send(DIALECTS[0], mark, stream=True)
    pending.read_until(b"Hello there")
    pending.disconnect()
    line = arena.log_line(mark)
    assert (line["cancelled"], line["credits"], line["output_tokens"]) == (True, 0.25, 4)


def memory(arena: Arena) -> int:
    """Return the memory of the gateway's workers in bytes."""
    return sum(map(processes.memory, processes.children(arena.gateway.process.pid)))


@pytest.mark.parametrize(
    "dialect",
    [
        pytest.param(dialect, id=dialect.name, marks=[pytest.mark.long] if number else [])
        for number, dialect in enumerate(DIALECTS)
    ],
)
def test_a_client_that_stops_reading_is_disconnected(arena: Arena, dialect: DialectClient) -> None:
    mark = f"leave.stops-reading.{dialect.name}."
    arena.script(mark, {"text": {"repeat": "0123456789", "times": 6_500, "deltas": 1_200}})
    before = memory(arena)
    pending = arena.send(dialect, mark, stream=True)
    pending.read_head()
    seen = arena.wait_for_upstream_request(mark, lambda seen: seen.ended_at is not None)
    assert seen.outcome == "client_closed"
    assert seen.bytes_sent < 50_000_000
    line = arena.log_line(mark)
    assert (line["cancelled"], line["error"]) == (True, "cancelled")
    assert memory(arena) - before < 30_000_000
    assert "Traceback" not in arena.gateway.log_text()
    pending.disconnect()


@pytest.mark.parametrize("stream", [True, pytest.param(False, marks=pytest.mark.long)])
def test_a_client_that_reads_slowly_gets_everything(arena: Arena, stream: bool) -> None:
    mark = f"leave.slow.{stream}."
    text = "0123456789" * 2_000_000
    arena.script(mark, {"text": text})
    pending = arena.send(DIALECTS[0], mark, stream=stream)
    pending.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    pending.read_head()
    answer = pending.read_slowly(400_000, pause=0.05)
    assert answer.text == text
    assert answer.stop == "end_turn"


def test_a_client_that_never_completes_its_head_is_disconnected(tmp_path: Path) -> None:
    with (
        Arena(tmp_path, KIRO_GRACEFUL_TIMEOUT="2", WEB_CONCURRENCY="1") as arena,
        socket.create_connection(("127.0.0.1", arena.gateway.port), timeout=10) as client,
    ):
        client.sendall(b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\n")
        assert client.recv(100) == b""


def test_a_client_that_never_completes_its_body_is_refused(arena: Arena) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", arena.gateway.port, timeout=10)
    connection.putrequest("POST", DIALECTS[0].path)
    for name, value in DIALECTS[0].headers().items():
        connection.putheader(name, value)
    connection.putheader("content-length", "1000")
    connection.putheader("x-request-id", "leave.half-a-body.")
    connection.endheaders(b"{")
    answer = connection.getresponse()
    assert answer.status == 400
    error = json.loads(answer.read())["error"]
    assert error["type"] == "invalid_request_error"
    assert "KIRO_CLIENT_STALL" in error["message"]
    assert arena.log_line("leave.half-a-body.")["status"] == 400
    connection.close()
