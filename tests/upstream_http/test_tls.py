"""TLS: sessions that are resumed, and records in every shape, over real sockets."""

import select
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from time import monotonic
from typing import Any

import pytest

from app.codewhisperer.client import Client
from app.common.tls import tls_context
from app.upstream_http.tls import LIFETIME, PAUSE, Tls, TlsSocket
from tests.upstream_http.peers import OK, Script, answering, peer, read_request

pytestmark = pytest.mark.usefixtures("trusted")

VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def telling(connection: Any, seen: list[bytes]) -> None:
    """Notes of each connection whether its session was resumed."""
    seen.append(b"resumed" if connection.session_reused else b"full")
    answering(OK)(connection, [])


def ask(tls: Tls, port: int, host: str = "127.0.0.1") -> None:
    sock = socket.create_connection(("127.0.0.1", port), 5)
    with closing(tls.start(sock, host, port, 5)) as connection:
        connection.send(b"GET / HTTP/1.1\r\n\r\n")
        assert connection.recv(1 << 16) == OK


@contextmanager
def connected(script: Script, context: ssl.SSLContext) -> Iterator[tuple[TlsSocket, list[bytes]]]:
    with peer(script, tls=context) as (port, seen):
        sock = socket.create_connection(("127.0.0.1", port), 5)
        with closing(Tls(tls_context()).start(sock, "127.0.0.1", port, 5)) as connection:
            yield connection, seen


@VERSIONS
def test_a_session_is_resumed_by_later_connections(
    tls: ssl.SSLContext, version: ssl.TLSVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "maximum_version", version)
    mine = Tls(tls_context())
    with peer(telling, tls=tls) as (port, seen):
        for _ in range(3):
            ask(mine, port)
    assert seen == [b"full", b"resumed", b"resumed"]


def test_the_connections_of_a_client_resume(tls: ssl.SSLContext) -> None:
    closing_one = OK.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)

    def script(connection: Any, seen: list[bytes]) -> None:
        seen.append(b"resumed" if connection.session_reused else b"full")
        read_request(connection)
        connection.sendall(closing_one)

    client = Client(connections=2, connect_timeout=5, user_agent="test")
    with peer(script, tls=tls) as (port, seen):
        for _ in range(2):
            answer = client.open(f"https://127.0.0.1:{port}/", {}, b"{}", timeout=5)
            assert b"".join(answer) == b"hi"
            answer.close()
    assert seen == [b"full", b"resumed"]


def test_the_certificate_is_looked_at_again_in_time(tls: ssl.SSLContext) -> None:
    clock = Clock()
    mine = Tls(tls_context(), clock)
    with peer(telling, tls=tls) as (port, seen):
        ask(mine, port)
        clock.now += LIFETIME - 1
        ask(mine, port)  # which does not make the session any younger
        clock.now += 1
        ask(mine, port)
        ask(mine, port)
    assert seen == [b"full", b"resumed", b"full", b"resumed"]


def test_a_session_is_of_one_name_and_port(tls: ssl.SSLContext) -> None:
    mine = Tls(tls_context())
    with peer(telling, tls=tls) as (port, seen), peer(telling, tls=tls) as (other, seen_there):
        ask(mine, port)
        ask(mine, port, "auth.test")
        ask(mine, other)
        with pytest.raises(ssl.SSLCertVerificationError):
            ask(mine, port, "elsewhere.test")
    assert seen[:2] == [b"full", b"full"]
    assert seen_there == [b"full"]


def test_a_peer_that_forgot_the_session_is_verified(tls: ssl.SSLContext, authority: Any) -> None:
    """As behind a load balancer, or after a restart."""
    mine = Tls(tls_context())
    with peer(telling, tls=tls) as (port, seen):
        ask(mine, port)
        [(name, kept)] = mine._kept.items()
    stranger = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("elsewhere.test").configure_cert(stranger)
    with peer(telling, tls=stranger) as (port, seen):
        mine._kept[name[0], port] = kept
        with pytest.raises(ssl.SSLCertVerificationError):
            ask(mine, port)
    assert seen == []


def test_a_failed_handshake_forgets_the_session(tls: ssl.SSLContext) -> None:
    mine = Tls(tls_context())
    with peer(telling, tls=tls) as (port, seen):
        ask(mine, port)
        ours, theirs = socket.socketpair()
        theirs.close()
        with pytest.raises((ConnectionError, ssl.SSLError)):
            mine.start(ours, "127.0.0.1", port, 5)
        ask(mine, port)
        assert ours.fileno() == -1
    assert seen == [b"full", b"full"]


def test_a_peer_that_resumes_nothing_is_not_asked_each_time(
    tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "maximum_version", ssl.TLSVersion.TLSv1_3)
    monkeypatch.setattr(tls, "num_tickets", 0)
    clock = Clock()
    mine = Tls(tls_context(), clock)
    with peer(telling, tls=tls) as (port, seen):
        kept = []
        for _ in range(2):
            for _ in range(2):
                ask(mine, port)
                kept.append(mine._kept["127.0.0.1", port])
            clock.now += PAUSE
    assert seen == [b"full"] * 4
    assert [one.since - Clock.now for one in kept] == [0, 0, PAUSE, PAUSE]
    assert {one.session for one in kept} == {None}


def test_a_session_is_kept_before_the_first_data(tls: ssl.SSLContext) -> None:
    """A model may think for long, and a burst of connections would begin without a session."""
    mine = Tls(tls_context())
    ready = threading.Event()

    def script(connection: Any, seen: list[bytes]) -> None:
        connection.recv(1)
        ready.wait(10)

    with peer(script, tls=tls) as (port, _):
        sock = socket.create_connection(("127.0.0.1", port), 5)
        with closing(mine.start(sock, "127.0.0.1", port, 5)) as connection:
            connection.send(b"?")
            select.select([connection], [], [], 5)
            connection.settimeout(0)
            with pytest.raises(BlockingIOError):
                connection.recv(1 << 16)
            assert mine._kept["127.0.0.1", port].session is not None
            ready.set()


class Counted:
    """A socket that counts its reads."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.reads = 0

    def recv(self, size: int) -> bytes:
        self.reads += 1
        return self._sock.recv(size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


def test_a_record_is_one_read_of_the_socket(tls: ssl.SSLContext) -> None:
    def script(connection: socket.socket, seen: list[bytes]) -> None:
        while data := connection.recv(100):
            connection.sendall(data)

    with peer(script, tls=tls) as (port, _):
        sock = Counted(socket.create_connection(("127.0.0.1", port), 5))
        with closing(Tls(tls_context()).start(sock, "127.0.0.1", port, 5)) as connection:
            connection.send(b"first")  # comes with the session tickets
            assert connection.recv(1 << 16) == b"first"
            before = sock.reads
            for word in (b"one", b"two", b"three"):
                connection.send(word)
                assert connection.recv(1 << 16) == word
    assert sock.reads == before + 3


class Wire:
    """The socket below a client's TLS: the server is in the same thread, and the test says how its
    bytes arrive."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.server = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.arrives: list[bytes] = []
        self.received = b""
        self.alert = ""
        self.is_shut = False
        self.client = TlsSocket(self, tls_context(), "127.0.0.1")
        self.client.do_handshake(5)
        self.client.send(b"?")

    def recv(self, size: int) -> bytes:
        if not self.arrives:
            raise BlockingIOError
        data = self.arrives.pop(0)
        assert len(data) <= size
        return data

    def send(self, data: bytes) -> int:
        self._incoming.write(data)
        try:
            if not self.received:
                self.server.do_handshake()
            self.received += self.server.read(1 << 16)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self.alert = str(error)
        if sent := self._outgoing.read():
            self.arrives.append(sent)
        return len(data)

    def shutdown(self, how: int) -> None:
        assert how == socket.SHUT_RD
        self.is_shut = True

    def settimeout(self, seconds: float | None) -> None:
        pass

    def close(self) -> None:
        pass

    def written(self, *texts: bytes) -> bytes:
        """What the server sends for these texts, a record or more for each."""
        tickets = b"".join(self.arrives)
        self.arrives.clear()
        for text in texts:
            self.server.write(text)
        return tickets + self._outgoing.read()

    def unwrapped(self) -> bytes:
        """What the server sends to say that it has no more to say."""
        with pytest.raises(ssl.SSLWantReadError):
            self.server.unwrap()
        return self._outgoing.read()


def test_records_that_came_together_leave_together(tls: ssl.SSLContext) -> None:
    wire = Wire(tls)
    wire.arrives = [wire.written(b"one", b"two"), wire.written(b"three")]
    assert wire.client.recv(1 << 16) == b"onetwo"
    assert wire.client.recv(1 << 16) == b"three"
    with pytest.raises(BlockingIOError):
        wire.client.recv(1 << 16)
    assert wire.received == b"?"


@pytest.mark.parametrize("size", [1, 3, 1000, 16_000, 16_400, 50_000])
def test_a_record_may_come_in_pieces(tls: ssl.SSLContext, size: int) -> None:
    wire = Wire(tls)
    text = bytes(range(256)) * 200
    data = wire.written(text[:10], text[10:])
    wire.arrives = [data[at : at + size] for at in range(0, len(data), size)]
    came = b""
    while wire.arrives:
        try:
            came += wire.client.recv(1 << 16)
        except BlockingIOError:
            assert not wire.arrives
    assert came == text


@pytest.mark.parametrize("behind", [b"", b"\x17\x03\x03\x00\x05hello"])
def test_the_end_of_tls_is_the_end(tls: ssl.SSLContext, behind: bytes) -> None:
    wire = Wire(tls)
    data = wire.written(b"last")
    wire.arrives = [data + wire.unwrapped() + behind, b""]
    assert not wire.is_shut
    assert wire.client.recv(1 << 16) == b"last"
    assert wire.is_shut  # so that whoever waits for the rest sees the end
    assert wire.client.recv(1 << 16) == b""


def waiting_for_the_clients_end(answer: bytes) -> Script:
    """The server ends TLS, and closes the connection only when the client has ended it too."""

    def script(connection: Any, seen: list[bytes]) -> None:
        seen.append(read_request(connection))
        connection.sendall(answer)
        connection.unwrap()

    return script


def test_a_body_that_ends_with_tls_does_not_wait_for_the_connection(tls: ssl.SSLContext) -> None:
    began = monotonic()
    client = Client(connections=2, connect_timeout=5, user_agent="test")
    whole = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhi"
    with peer(waiting_for_the_clients_end(whole), tls=tls) as (port, _):
        answer = client.open(f"https://127.0.0.1:{port}/", {}, b"{}", timeout=5)
        assert b"".join(answer) == b"hi"
        answer.close()
    assert monotonic() - began < 8  # the server would wait for 10 s


def test_so_is_the_end_of_the_connection(tls: ssl.SSLContext) -> None:
    wire = Wire(tls)
    wire.arrives = [wire.written(b"last") + b"\x17\x03\x03\x00\x05he", b""]
    assert wire.client.recv(1 << 16) == b"last"
    assert wire.client.recv(1 << 16) == b""


def test_a_damaged_record_is_an_error_that_the_server_is_told(tls: ssl.SSLContext) -> None:
    wire = Wire(tls)
    data = wire.written(b"text")
    wire.arrives = [data[:-1] + bytes([data[-1] ^ 1])]
    with pytest.raises(ssl.SSLError):
        wire.client.recv(1 << 16)
    wire.client.close()
    assert "alert bad record mac" in wire.alert


def test_a_long_body_leaves_in_records(tls: ssl.SSLContext) -> None:
    body = bytes(range(256)) * 300
    wire = Wire(tls)
    assert wire.client.send(body) == len(body)
    assert wire.received == b"?" + body
