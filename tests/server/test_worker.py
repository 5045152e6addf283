"""The worker on sockets of its own, in the test's event loop: requests, and the stop."""

import gc
import logging
import os
from collections.abc import Iterator
from typing import Any

import gevent
import gevent.ssl
import pytest
from gevent import socket
from gevent.event import Event
from gevent.monkey import get_original

from app.server import environ, spread
from app.server import worker as module
from app.server.lifecycle import Lifecycle
from app.server.logs import request_id
from app.server.response import FinalChunk
from app.server.worker import Worker
from tests.server.served import GET, Body, Connection, Service


class TestRequests:
    def test_a_connection_serves_one_after_the_other(
        self, service: Service, connection: Connection
    ) -> None:
        for _ in range(3):
            answer = connection.ask()
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
            assert b"Connection: keep-alive" in answer
            assert answer.endswith(b"5\r\nHello\r\n1\r\n.\r\n0\r\n\r\n")
        assert service.body.closed == 3

    def test_a_client_may_want_its_connection_closed(self, connection: Connection) -> None:
        connection.client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert b"Connection: close" in connection.read()

    def test_the_request_id_ends_with_the_request(self, service: Service, worker: Worker) -> None:
        """A connection's requests are served in one greenlet, and so in one context."""
        client, served = socket.socketpair()
        ids: list[str] = []
        service.answer = lambda environ, start: Body(lambda: ids.append(request_id.get()), b"a")
        for _ in range(2):
            with pytest.raises(StopIteration):
                worker.handle_request(environ.maker(""), Asked(), served, ("127.0.0.1", 1))
            ids.append(request_id.get())
        assert ids == ["mine", "", "mine", ""]
        client.close()
        served.close()

    def test_an_answer_that_breaks_off_is_logged_and_its_connection_closed(
        self, service: Service, connection: Connection, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("ERROR")
        logging.getLogger("gunicorn.error").propagate = True
        service.body = Body(b"Hello", ZeroDivisionError())
        connection.client.sendall(GET)
        assert connection.read().endswith(b"5\r\nHello\r\n"), "it must not look whole"
        assert service.body.closed == 1
        assert "an answer broke off" in caplog.messages

    def test_a_failure_before_the_head_is_a_500(
        self, service: Service, connection: Connection
    ) -> None:
        service.body = Body(ZeroDivisionError())
        connection.client.sendall(GET)
        assert connection.read().startswith(b"HTTP/1.1 500 ")

    def test_a_client_that_takes_nothing_has_left(
        self, service: Service, connection: Connection, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Without a traceback."""
        caplog.set_level("ERROR")
        logging.getLogger("gunicorn.error").propagate = True
        service.lifecycle = Lifecycle(client_stall=0.05)
        service.body = Body(bytes(10**8))
        connection.client.sendall(GET)
        connection.serving.join(5)
        assert connection.serving.ready()
        assert service.body.closed == 1
        assert caplog.messages == []

    def test_a_full_worker_closes_the_one_that_has_waited_longest(
        self, worker: Worker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "SPARE", 1)
        worker.worker_connections = 3
        idle = [Connection(worker), Connection(worker)]
        for one in idle:
            one.ask()
        late = Connection(worker)
        assert late.ask().startswith(b"HTTP/1.1 200")
        assert idle[0].read() == b""
        assert idle[1].ask().startswith(b"HTTP/1.1 200")
        for one in (*idle, late):
            one.close()


class Asked:
    """A request as gunicorn's parser gives it, the last of its connection."""

    method, path, query, uri, scheme, version = "GET", "/", "", "/", "http", (1, 1)
    headers = (("X-REQUEST-ID", "mine"),)
    body = None
    proxy_protocol_info = None
    _expected_100_continue = False

    def should_close(self) -> bool:
        return True


@pytest.fixture
def running(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    """The worker in its main loop; the address that it listens on."""
    for name in ("collect", "freeze", "set_threshold"):
        monkeypatch.setattr(gc, name, lambda *_: None)
    hub = gevent.get_hub()
    monkeypatch.setattr(hub, "resolver", hub.resolver)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    worker.sockets = [listener]
    loop = gevent.spawn(worker.run)
    gevent.sleep(0)
    yield listener.getsockname()
    worker.alive = False
    loop.join(10)
    assert loop.ready()
    assert loop.exception is None


def connect(address: tuple[str, int], request: bytes = b"") -> socket.socket:
    client = socket.create_connection(address, timeout=5)
    client.sendall(request)
    return client


def rest(client: socket.socket) -> bytes:
    """What comes until the worker closes the connection."""
    data = b""
    while piece := client.recv(65536):
        data += piece
    client.close()
    return data


def test_few_connections_are_accepted_in_one_turn(worker: Worker, running: tuple[str, int]) -> None:
    """So that those who wait for a turn of the loop do not wait for all who connect at once."""
    clients = [get_original("socket", "create_connection")(running) for _ in range(100)]
    before, turns = len(worker._clients), []
    while len(worker._clients) < 100:
        gevent.sleep(1e-6)  # until the next turn
        turns.append(len(worker._clients) - before)
        before = len(worker._clients)
    assert 0 < max(turns) <= spread.MAX_ACCEPT
    for client in clients:
        client.close()


class TestStop:
    def stop(self, worker: Worker) -> None:
        worker.alive = False
        gevent.sleep(module.POLL * 2)

    def test_it_waits_for_no_idle_connection(
        self, worker: Worker, service: Service, running: tuple[str, int]
    ) -> None:
        idle = connect(running, GET)
        with gevent.Timeout(5):
            assert idle.recv(65536)
            gevent.sleep(module.QUIET)
            worker.alive = False
            assert rest(idle) == b""
            while not service.exited:
                gevent.sleep(0.01)
        assert service.exited == 1
        with pytest.raises(ConnectionRefusedError):
            connect(running)

    def test_a_connection_in_use_is_told_with_an_answer_that_it_was_the_last(
        self, worker: Worker, running: tuple[str, int]
    ) -> None:
        """A front may send the next request before it knows of an end, and must not repeat it."""
        client = connect(running, GET)
        assert b"Connection: keep-alive" in client.recv(65536)
        self.stop(worker)
        client.sendall(GET)
        answer = rest(client)
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert b"Connection: close" in answer

    def test_a_request_that_arrives_with_the_end_is_answered(
        self, worker: Worker, service: Service, running: tuple[str, int]
    ) -> None:
        """Its client has not left, and is not taken for one that has."""

        def answer(environ: dict[str, Any], start: Any) -> Body:
            live = service.lifecycle.watch(environ["gunicorn.socket"])
            try:
                live.run(gevent.sleep, 0.2)
            finally:
                live.close()
            return Body(b"Hello")

        client = connect(running, GET)
        assert client.recv(65536)
        [connection] = worker._clients.values()
        service.answer = answer
        os.write(client.fileno(), GET)  # without a turn of the loop
        gevent.get_hub().loop.run_callback(connection.end_if_idle)
        self.stop(worker)
        assert b"Hello" in rest(client)

    def test_a_running_answer_goes_on_to_its_end(
        self, worker: Worker, service: Service, running: tuple[str, int]
    ) -> None:
        go_on = Event()
        service.body = Body(b"Hello", go_on.wait, FinalChunk(b"."))
        client = connect(running, GET)
        assert b"Hello" in client.recv(65536)
        self.stop(worker)
        go_on.set()
        assert rest(client).endswith(b"1\r\n.\r\n0\r\n\r\n")

    def test_an_answer_that_begins_after_the_stop_is_the_last_of_its_connection(
        self, worker: Worker, service: Service, running: tuple[str, int]
    ) -> None:
        """Also to a request that came before: making a whole answer takes long."""
        go_on = Event()
        body = service.body
        service.answer = lambda environ, start: go_on.wait() and body
        client = connect(running, GET)
        gevent.sleep(0.05)
        self.stop(worker)
        go_on.set()
        answer = rest(client)
        assert b"Connection: close" in answer
        assert answer.endswith(b"0\r\n\r\n")

    def test_what_does_not_end_in_time_is_ended(
        self, worker: Worker, service: Service, running: tuple[str, int]
    ) -> None:
        def answer(environ: dict[str, Any], start: Any) -> Body:
            live = service.lifecycle.watch(environ["gunicorn.socket"])

            def wait() -> None:
                try:
                    live.run(gevent.sleep, 100)
                except Exception as error:
                    ends.append(str(error))
                live.close()

            return Body(b"Hello", wait, FinalChunk(b"!"))

        ends: list[str] = []
        service.answer = answer
        client = connect(running, GET)
        assert b"Hello" in client.recv(65536)
        self.stop(worker)  # graceful_timeout - MARGIN: one second
        with gevent.Timeout(5):
            assert rest(client).endswith(b"1\r\n!\r\n0\r\n\r\n")
        assert "was stopped before" in ends[0]

    def test_who_is_connected_when_the_stop_begins_is_answered(
        self, worker: Worker, service: Service, running: tuple[str, int]
    ) -> None:
        """Though the worker has no turn of its loop left in which to accept them."""
        count = spread.MAX_ACCEPT * 2
        open_connection = get_original("socket", "create_connection")
        clients = [open_connection(running, timeout=5) for _ in range(count)]
        for client in clients:
            client.sendall(GET)
        worker.alive = False
        get_original("time", "sleep")(module.POLL * 1.5)  # now the loop's timer is over too
        with gevent.Timeout(5):
            while not service.exited:
                gevent.sleep(0.01)
        assert {client.recv(65536)[:15] for client in clients} == {b"HTTP/1.1 200 OK"}
        for client in clients:
            client.close()

    def test_a_head_that_has_begun_is_waited_for(
        self,
        worker: Worker,
        service: Service,
        running: tuple[str, int],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """However long its connection was quiet before it."""
        monkeypatch.setattr(module, "QUIET", 5.0)
        client = connect(running, GET)
        assert b"Connection: keep-alive" in client.recv(65536)
        [served] = worker._clients
        service.lifecycle._waiting[served] -= 60
        client.sendall(GET[:20])
        gevent.sleep(module.POLL)
        self.stop(worker)
        client.sendall(GET[20:])
        assert b"Connection: close" in rest(client)

    def test_a_head_without_an_end_is_not_waited_for(
        self, worker: Worker, running: tuple[str, int]
    ) -> None:
        client = connect(running, GET[:20])
        self.stop(worker)
        with gevent.Timeout(5):
            assert rest(client) == b""

    def test_a_new_connection_has_a_moment_for_its_request(
        self, worker: Worker, running: tuple[str, int]
    ) -> None:
        client = connect(running)
        gevent.sleep(module.POLL)
        self.stop(worker)
        client.sendall(GET)
        assert b"Connection: close" in rest(client)


def test_settings_are_plain_attributes(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gunicorn.workers.ggevent.GeventWorker.init_process", lambda self: None)
    worker.init_process()
    assert vars(worker.cfg)["graceful_timeout"] == 3


def test_signals_are_released_behind_the_handlers(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    monkeypatch.setattr(
        "gunicorn.workers.base.Worker.init_signals", lambda self: order.append("handlers")
    )
    monkeypatch.setattr("app.server.signals.release", lambda: order.append("released"))
    worker.init_signals()
    assert order == ["handlers", "released"]
