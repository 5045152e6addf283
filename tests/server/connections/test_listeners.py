"""Sockets that listen, before they are closed for good."""

import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.server.connections import listeners


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def master(listener: socket.socket, **more: Any) -> Any:
    """gunicorn's, with one socket; ``stops`` has how it was stopped."""
    stops: list[bool] = []
    told = {"reexec_pid": 0, "master_pid": 0, "systemd": False, **more}
    made = SimpleNamespace(LISTENERS=[SimpleNamespace(sock=listener)], stops=stops, **told)
    made.stop, made.maybe_promote_master = stops.append, lambda: None
    return made


def is_open(listener: socket.socket) -> bool:
    """Whether clients are connected."""
    try:
        socket.create_connection(listener.getsockname(), timeout=0.3).close()
    except TimeoutError:
        return False
    return True


def test_nobody_connects_to_a_master_that_stops(listener: socket.socket) -> None:
    """Those who are connected are served on."""
    stopping = master(listener)
    with socket.create_connection(listener.getsockname(), timeout=5) as early:
        listeners.end_gently(stopping)
        assert is_open(listener)
        stopping.stop()
        assert not is_open(listener)
        early.sendall(b"a")
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.recv(1) == b"a"
            accepted.sendall(b"b")
        assert early.recv(1) == b"b"
    assert stopping.stops == [True]


@pytest.mark.parametrize("other", ["reexec_pid", "master_pid", "systemd"])
def test_a_socket_that_somebody_else_goes_on_with_stays_open(
    listener: socket.socket, other: str
) -> None:
    stopping = master(listener, **{other: 7})
    listeners.end_gently(stopping)
    stopping.stop()
    assert is_open(listener)
    assert stopping.stops == [True]


def test_a_new_master_is_alone_once_the_former_is_gone(listener: socket.socket) -> None:
    """Though gunicorn looks for that only once a second."""
    stopping = master(listener, master_pid=7)
    stopping.maybe_promote_master = lambda: setattr(stopping, "master_pid", 0)
    listeners.end_gently(stopping)
    stopping.stop()
    assert not is_open(listener)


def test_a_stop_at_once_waits_for_nothing(listener: socket.socket) -> None:
    stopping = master(listener)
    listeners.end_gently(stopping)
    stopping.stop(False)
    assert is_open(listener)
    assert stopping.stops == [False]


def test_where_it_cannot_be_done_the_stop_goes_on(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        stopping = master(listener)
        listeners.end_gently(stopping)
        stopping.stop()
    assert stopping.stops == [True]
