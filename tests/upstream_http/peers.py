"""Scripted peers on loopback sockets: servers, HTTP proxies and SOCKS proxies."""

import re
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

Script = Callable[[socket.socket, list[bytes]], None]
"""What a peer does with one connection; it notes what it read."""


@contextmanager
def peer(script: Script, *, tls: ssl.SSLContext | None = None) -> Iterator[tuple[int, list[bytes]]]:
    """Runs the script for each connection; gives the port, and what the scripts noted."""
    seen: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            script(tls.wrap_socket(connection, server_side=True) if tls else connection, seen)

    def run() -> None:
        with suppress(OSError):  # the listener was shut down
            while True:
                connection, _ = listener.accept()
                connection.settimeout(10)
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], seen
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def read_request(connection: socket.socket) -> bytes:
    """One request with its body; b"" at the end of the connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return data
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    while length and len(body) < int(length[1]):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def answering(*answers: bytes) -> Script:
    """Answers the requests of a connection one by one, the last answer for all others."""

    def script(connection: socket.socket, seen: list[bytes]) -> None:
        left = list(answers)
        while request := read_request(connection):
            seen.append(request)
            connection.sendall(left.pop(0) if len(left) > 1 else left[0])
        connection.close()

    return script


def tunnelling(port: int, answer: bytes = b"HTTP/1.1 200 OK\r\n\r\n") -> Script:
    """An HTTP proxy that connects every tunnel to this port."""

    def script(connection: socket.socket, seen: list[bytes]) -> None:
        seen.append(read_request(connection))
        connection.sendall(answer)
        if answer.startswith(b"HTTP/1.1 200"):
            relay(connection, port)

    return script


def socks5(port: int, *, method: int = 0, reply: int = 0) -> Script:
    """A SOCKS5 proxy (RFC 1928) that connects everything to this port; method 2: with a password
    (RFC 1929)."""

    def script(connection: socket.socket, seen: list[bytes]) -> None:
        seen.append(connection.recv(512))
        connection.sendall(bytes([5, method]))
        if method == 2:
            seen.append(connection.recv(512))
            connection.sendall(b"\x01\x00")
        seen.append(connection.recv(512))
        connection.sendall(bytes([5, reply, 0, 1, 0, 0, 0, 0, 0, 0]))
        if reply == 0:
            relay(connection, port)
        else:
            connection.recv(1)  # closing at once would lose the reply

    return script


def relay(left: socket.socket, port: int) -> None:
    """Pass bytes between a connection and a new one until either ends."""
    with socket.create_connection(("127.0.0.1", port)) as right:
        while True:
            pending = isinstance(left, ssl.SSLSocket) and left.pending()
            ready = [left] if pending else select.select([left, right], [], [], 10)[0]
            for here, there in ((left, right), (right, left)):
                if here in ready:
                    data = here.recv(65536)
                    if not data:
                        return
                    there.sendall(data)
