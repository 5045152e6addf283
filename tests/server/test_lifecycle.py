"""What ends a request from outside, over real sockets in one event loop."""

from collections.abc import Iterator
from time import monotonic

import gevent
import pytest
from gevent import socket

from app.common.errors import GatewayError, Kind
from app.server.lifecycle import FRESH, Lifecycle, Live

Pair = tuple[socket.socket, socket.socket]
STALL = 7.0


@pytest.fixture
def lifecycle() -> Lifecycle:
    return Lifecycle(client_stall=STALL)


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A client, and the server's end of its connection."""
    both = socket.socketpair()
    yield both
    for one in both:
        one.close()


def ending(live: Live) -> GatewayError:
    """How a request ends that waits for ever."""
    with gevent.Timeout(5), pytest.raises(GatewayError) as ended:
        live.run(gevent.sleep, 100)
    return ended.value


class TestLive:
    def test_what_is_called_gives_its_result(self, lifecycle: Lifecycle) -> None:
        assert lifecycle.watch(None).run(divmod, 7, 2) == (3, 1)

    def test_a_client_that_leaves_ends_the_wait(self, lifecycle: Lifecycle, pair: Pair) -> None:
        client, connection = pair
        live = lifecycle.watch(connection)
        gevent.spawn_later(0.01, client.close)
        assert ending(live).kind is Kind.CANCELLED
        assert live.client_left
        live.close()

    def test_one_that_left_before_the_wait_ends_it_at_once(
        self, lifecycle: Lifecycle, pair: Pair
    ) -> None:
        client, connection = pair
        live = lifecycle.watch(connection)
        client.close()
        gevent.sleep(0.01)
        called: list[int] = []
        with pytest.raises(GatewayError):
            live.run(called.append, 1)
        assert called == []
        live.close()

    def test_a_next_request_that_comes_early_is_no_leaving(
        self, lifecycle: Lifecycle, pair: Pair
    ) -> None:
        client, connection = pair
        live = lifecycle.watch(connection)
        client.sendall(b"GET / HTTP/1.1\r\n")
        live.run(gevent.sleep, 0.02)
        assert not live.client_left
        live.close()
        assert connection.recv(3) == b"GET"

    @pytest.mark.parametrize("behind", [b"\r\n", b"GET / HTTP/1.1\r\n"])
    def test_one_that_leaves_behind_unread_bytes(
        self, lifecycle: Lifecycle, pair: Pair, behind: bytes
    ) -> None:
        client, connection = pair
        live = lifecycle.watch(connection)
        client.sendall(behind)
        gevent.sleep(0.02)
        gevent.spawn_later(0.01, client.close)
        started = monotonic()
        with gevent.Timeout(5):
            assert ending(live).kind is Kind.CANCELLED
        assert live.client_left
        assert monotonic() - started < 0.1
        live.close()

    def test_one_that_is_closed_is_not_watched(self, lifecycle: Lifecycle, pair: Pair) -> None:
        client, connection = pair
        live = lifecycle.watch(connection)
        live.close()
        live.close()
        client.close()
        gevent.sleep(0.01)
        assert not live.client_left
        live.run(gevent.sleep, 0)

    def test_no_except_clause_swallows_an_interrupt(self, lifecycle: Lifecycle) -> None:
        live = lifecycle.watch(None)
        gevent.spawn_later(0.01, lifecycle.end_all)

        def careless() -> None:
            while True:
                try:
                    gevent.sleep(100)
                except Exception:
                    continue

        with gevent.Timeout(5), pytest.raises(GatewayError):
            live.run(careless)

    def test_a_write_that_blocks_is_ended_as_a_broken_pipe(
        self, lifecycle: Lifecycle, pair: Pair
    ) -> None:
        """Outside of ``run`` gunicorn writes, and takes that for a client that has gone."""
        live = lifecycle.watch(pair[1])
        gevent.spawn_later(0.01, lifecycle.end_all)
        with gevent.Timeout(5), pytest.raises(BrokenPipeError):
            pair[1].sendall(bytes(10**8))
        live.close()


class TestStop:
    def test_all_that_runs_is_ended(self, lifecycle: Lifecycle) -> None:
        kinds: list[Kind] = []

        def serve() -> None:
            live = lifecycle.watch(None)
            kinds.append(ending(live).kind)
            live.close()

        running = [gevent.spawn(serve) for _ in range(3)]
        gevent.sleep(0)
        lifecycle.end_all()
        gevent.joinall(running, timeout=5)
        assert kinds == [Kind.SHUTTING_DOWN] * 3

    def test_what_comes_later_is_refused(self, lifecycle: Lifecycle, pair: Pair) -> None:
        lifecycle.enter(pair[1])
        lifecycle.end_all()
        for refused in (lifecycle.enter, lifecycle.watch):
            with pytest.raises(GatewayError) as error:
                refused(pair[1])
            assert error.value.kind is Kind.SHUTTING_DOWN
            assert error.value.retry_after == 1


def is_ended(client: socket.socket) -> bool:
    """Whether its server will read no further request of it."""
    try:
        client.sendall(b"x")
    except BrokenPipeError:
        return True
    return False


class TestConnections:
    def test_a_client_has_so_long_to_take_a_write(self, lifecycle: Lifecycle, pair: Pair) -> None:
        lifecycle.enter(pair[1])
        assert pair[1].gettimeout() == STALL

    def test_without_gunicorn_there_is_none(self, lifecycle: Lifecycle) -> None:
        lifecycle.enter(None)
        lifecycle.leave(None)
        lifecycle.close_longest_waiting()

    def test_only_those_that_wait_are_closed(self, lifecycle: Lifecycle, pair: Pair) -> None:
        client, connection = pair
        lifecycle.enter(connection)
        assert lifecycle.waiting_since(monotonic()) == ()
        assert not is_ended(client)
        lifecycle.leave(connection)
        assert lifecycle.waiting_since(monotonic() - 60) == ()
        assert lifecycle.waiting_since(monotonic()) == (connection,)
        lifecycle.give_up(connection)
        assert lifecycle.waiting_since(monotonic()) == ()
        assert connection.recv(1) == b"x", "what has arrived is still read"
        assert connection.recv(1) == b""
        assert is_ended(client)

    def test_the_one_that_has_waited_longest(self, lifecycle: Lifecycle) -> None:
        pairs = [socket.socketpair() for _ in range(3)]
        for _, connection in pairs:
            lifecycle.enter(connection)
            lifecycle.leave(connection)
        lifecycle.enter(pairs[0][1])  # busy again
        lifecycle.close_longest_waiting()
        assert [is_ended(client) for client, _ in pairs] == [False, True, False]
        lifecycle.disconnected(pairs[2][1])
        lifecycle.close_longest_waiting()
        assert not is_ended(pairs[2][0])
        for both in pairs:
            for one in both:
                one.close()

    def test_a_new_one_makes_room_too(self, lifecycle: Lifecycle) -> None:
        pairs = [socket.socketpair() for _ in range(2)]
        for _, connection in pairs:
            lifecycle.connected(connection)
        lifecycle.close_longest_waiting()
        assert [is_ended(client) for client, _ in pairs] == [True, False]
        for both in pairs:
            for one in both:
                one.close()

    def test_one_that_goes_on_sending_is_ended(self, lifecycle: Lifecycle, pair: Pair) -> None:
        client, connection = pair
        lifecycle.connected(connection)
        client.sendall(b"GET")
        lifecycle.close_longest_waiting()
        assert is_ended(client)

    def test_bodies_make_room_where_nobody_else_has_waited_for_long(
        self, lifecycle: Lifecycle, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = 0.0
        monkeypatch.setattr("app.server.lifecycle.monotonic", lambda: now)
        pairs = [socket.socketpair() for _ in range(4)]
        sending, answered, first, second = (connection for _, connection in pairs)
        lifecycle.enter(sending)
        lifecycle.enter(answered)
        live = lifecycle.watch(answered)
        now = FRESH + 0.1
        lifecycle.connected(first)
        lifecycle.close_longest_waiting()
        assert [is_ended(client) for client, _ in pairs] == [True, False, False, False]
        lifecycle.connected(second)
        now += FRESH + 0.1
        lifecycle.close_longest_waiting()
        lifecycle.close_longest_waiting()
        lifecycle.close_longest_waiting()
        assert [is_ended(client) for client, _ in pairs] == [True, False, True, True]
        live.close()
        for both in pairs:
            for one in both:
                one.close()

    def test_a_connection_that_is_gone_can_be_closed(self, lifecycle: Lifecycle) -> None:
        client, connection = socket.socketpair()
        lifecycle.enter(connection)
        lifecycle.leave(connection)
        client.close()
        connection.shutdown(socket.SHUT_RDWR)
        lifecycle.give_up(connection)
        connection.close()
