"""Idle connections whose other side is gone are closed here too; all others are left alone."""

import select
import socket
from collections.abc import Iterator

import pytest
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection

from app.upstream_http.pool import close_dropped


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.fixture
def pool(listener: socket.socket) -> Iterator[HTTPConnectionPool]:
    pool = HTTPConnectionPool("127.0.0.1", listener.getsockname()[1], maxsize=4)
    yield pool
    pool.close()


def waiting(
    pool: HTTPConnectionPool, listener: socket.socket, count: int
) -> list[tuple[HTTPConnection, socket.socket]]:
    """Connections that wait in the pool, each with its other side."""
    made = []
    for connection in [pool._get_conn() for _ in range(count)]:
        connection.connect()
        made.append((connection, listener.accept()[0]))
        pool._put_conn(connection)
    return made


def test_one_that_was_closed(pool: HTTPConnectionPool, listener: socket.socket) -> None:
    (gone, there), (kept, stays) = waiting(pool, listener, 2)
    there.close()
    select.select([gone.sock], [], [], 5)
    close_dropped([pool])
    assert gone.sock is None
    assert kept.sock is not None
    stays.close()


def test_one_that_says_what_nobody_asked_for(
    pool: HTTPConnectionPool, listener: socket.socket
) -> None:
    [(connection, there)] = waiting(pool, listener, 1)
    there.sendall(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    select.select([connection.sock], [], [], 5)
    close_dropped([pool])
    assert connection.sock is None
    there.close()


def test_a_pool_that_is_closed(pool: HTTPConnectionPool) -> None:
    pool.close()
    close_dropped([pool])
