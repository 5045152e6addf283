"""Waits end at their limits, in the thread that waits."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from app.codewhisperer.client import Client
from app.common.errors import GatewayError, Kind
from app.upstream_http.sweeper import Quiet, Sweeper, Wait


@pytest.fixture
def wait() -> Iterator[Wait]:
    ours, theirs = socket.socketpair()
    made = Sweeper().watch(ours.fileno())
    yield made
    made.close()
    ours.close()
    theirs.close()


def test_silence_ends_with_the_name_of_the_limit(wait: Wait) -> None:
    wait.idle, wait.idle_name = 0.2, "A_LIMIT"
    with pytest.raises(TimeoutError, match="A_LIMIT"):
        wait.ready()


def test_the_deadline_ends_with_its_name(wait: Wait) -> None:
    wait.deadline, wait.deadline_name = time.monotonic() + 0.2, "A_LIMIT"
    with pytest.raises(TimeoutError, match="A_LIMIT"):
        wait.ready()


def test_a_tick_is_no_end(wait: Wait) -> None:
    wait.tick = 0.2
    assert [wait.ready(), wait.ready()] == [False, False]


def test_quiet_is_no_failure_and_comes_first(wait: Wait) -> None:
    wait.idle = wait.quiet = 0.2
    with pytest.raises(Quiet):
        wait.ready()


def test_threads_have_sweeps_of_their_own() -> None:
    """A command may ask in a thread while the first one, with its loop stopped, waits for it."""
    failures: list[GatewayError] = []
    client = Client(connections=2, connect_timeout=2, user_agent="test")

    def ask(port: int) -> None:
        with pytest.raises(GatewayError) as failed:
            client.open(f"http://127.0.0.1:{port}/", {}, b"{}", timeout=0.2)
        failures.append(failed.value)

    with socket.create_server(("127.0.0.1", 0)) as silent:  # the kernel accepts, nobody answers
        port = silent.getsockname()[1]
        ask(port)  # the first sweep is that of this thread
        asking = threading.Thread(target=ask, args=(port,), daemon=True)
        asking.start()
        asking.join(5)
        assert not asking.is_alive()
    assert [error.kind for error in failures] == [Kind.TIMEOUT, Kind.TIMEOUT]
