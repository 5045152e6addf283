"""Idle connections are used again while they are open, up to a limit, and closed when dropped."""

import select
import socket

import pytest

from app.upstream_http.connection import Connection
from app.upstream_http.pool import ConnectionPool
from app.upstream_http.route import Route

HERE, THERE = Route("http", "a.test", 80), Route("http", "b.test", 80)


class Idle(Connection):
    """A connection to a socket in the same test."""

    def __init__(self, route: Route = HERE) -> None:
        ours, self.peer = socket.socketpair()
        super().__init__(ours, route)

    @property
    def is_closed(self) -> bool:
        return self.sock.fileno() == -1

    def drop(self) -> None:
        self.peer.close()
        select.select([self.sock], [], [], 5)


@pytest.fixture
def pool() -> ConnectionPool:
    return ConnectionPool(2)


def filled(pool: ConnectionPool, count: int, route: Route = HERE) -> list[Idle]:
    made = [Idle(route) for _ in range(count)]
    for connection in made:
        pool.put(connection)
    return made


def test_an_empty_pool_has_nothing_to_give(pool: ConnectionPool) -> None:
    assert pool.take(HERE) is None


def test_the_newest_is_taken_first_and_once(pool: ConnectionPool) -> None:
    old, new = filled(pool, 2)
    assert [pool.take(HERE), pool.take(HERE), pool.take(HERE)] == [new, old, None]


def test_origins_and_proxies_do_not_share(pool: ConnectionPool) -> None:
    [connection] = filled(pool, 1)
    assert pool.take(THERE) is None
    assert pool.take(HERE._replace(proxy="http://proxy:1")) is None
    assert pool.take(HERE._replace(scheme="https")) is None
    assert pool.take(Route("http", "a.test", 80)) is connection


def test_more_than_the_limit_are_not_kept(pool: ConnectionPool) -> None:
    *_, surplus = filled(pool, 3)
    [other] = filled(pool, 1, THERE)
    assert surplus.is_closed
    assert not other.is_closed  # the limit is for each origin


def test_a_dropped_one_is_passed_over(pool: ConnectionPool) -> None:
    old, new = filled(pool, 2)
    new.drop()
    assert pool.take(HERE) is old
    assert new.is_closed


def test_bytes_that_nobody_asked_for_end_a_connection(pool: ConnectionPool) -> None:
    [connection] = filled(pool, 1)
    connection.peer.sendall(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    assert pool.take(HERE) is None
    assert connection.is_closed


def test_the_sweep_closes_the_dropped_ones_alone(pool: ConnectionPool) -> None:
    bottom, top = filled(pool, 2)
    [other] = filled(pool, 1, THERE)
    bottom.drop()
    other.drop()
    pool.close_dropped()
    assert (bottom.is_closed, top.is_closed, other.is_closed) == (True, False, True)
    assert pool.take(HERE) is top
    assert pool.take(HERE) is None


def test_a_closed_pool_keeps_nothing(pool: ConnectionPool) -> None:
    before = filled(pool, 2)
    pool.close()
    [after] = filled(pool, 1)
    assert all(connection.is_closed for connection in [*before, after])
    assert pool.take(HERE) is None
    pool.close_dropped()


def test_no_repr_shows_the_password_of_a_proxy() -> None:
    route = Route("http", "a.test", 80, "http://me:canary@proxy:1")
    assert "canary" not in f"{route!r} {route}"
