"""Clients that send all the time or nothing at all, and bodies that nobody asks for."""

from contextlib import suppress
from typing import Any

import gevent
import gevent.ssl
import pytest
import trustme

from app.server.response import FinalChunk
from app.server.worker import Worker
from tests.server.served import GET, Body, Connection, Service


class TestWithoutAPause:
    """Clients that send all the time, in the same loop as everything else."""

    def sending(self, connection: Connection, data: bytes) -> gevent.Greenlet:
        def send() -> None:
            with suppress(OSError):
                while True:
                    connection.client.sendall(data)

        return gevent.spawn(send)

    def test_a_body_has_a_deadline(self, service: Service, connection: Connection) -> None:
        ends: list[object] = []

        def answer(environ: dict[str, Any], start: Any) -> Body:
            try:
                with gevent.Timeout(0.2, TimeoutError):
                    environ["wsgi.input"].read(10**9)
            except TimeoutError:
                ends.append("too slow")
            return Body(FinalChunk(b"."))

        service.answer = answer
        connection.client.sendall(
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        sending = self.sending(connection, b"1\r\nx\r\n" * 100)
        with gevent.Timeout(5):
            assert connection.read(b"0\r\n\r\n").endswith(b"1\r\n.\r\n0\r\n\r\n")
        assert ends == ["too slow"]
        sending.kill()

    @pytest.mark.parametrize(
        "framing", [b"Transfer-Encoding: chunked\r\n\r\n", b"Content-Length: 99999999999\r\n\r\n"]
    )
    def test_what_is_left_of_a_body_is_read_for_a_while(
        self, connection: Connection, framing: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.server.connections.client_input.LINGER_PAUSE", 0.1)
        connection.client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\n" + framing)
        sending = self.sending(connection, b"1\r\nx\r\n" * 100)
        with gevent.Timeout(5):
            assert connection.read().endswith(b"0\r\n\r\n"), "then its end, and no reset"
        sending.kill()

    def test_a_short_body_that_nobody_reads_does_not_end_the_connection(
        self, connection: Connection
    ) -> None:
        for request in (
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nHello",
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHello\r\n0\r\n\r\n",
            GET,
        ):
            assert connection.ask(request).startswith(b"HTTP/1.1 200 ")

    def test_a_tls_handshake_has_a_deadline(
        self, worker: Worker, monkeypatch: pytest.MonkeyPatch, authority: trustme.CA
    ) -> None:
        context = gevent.ssl.SSLContext(gevent.ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        monkeypatch.setattr(worker, "_tls", context)
        monkeypatch.setitem(vars(worker.cfg), "keepalive", 0.1)
        silent = Connection(worker)
        with gevent.Timeout(5):
            assert silent.read() == b""
        silent.close()
        assert not worker._clients
