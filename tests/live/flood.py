"""A client that sends without a pause: ``python -m tests.live.flood PORT KIND [KEY]``.

A process of its own, so that it does not slow down the clients beside it.
"""

import resource
import socket
import sys
import threading
import time
from collections import deque

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /v1/messages HTTP/1.1\r\nHost: a\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
TINY = b"1\r\nx\r\n" * 1000

KINDS: dict[str, tuple[bytes, bytes]] = {
    "pipelined requests": (b"", GET * 300),
    "chunks of one byte": (CHUNKED, TINY),
    "chunks of one byte to an open path": (CHUNKED.replace(b"/v1/messages", b"/health"), TINY),
    "chunks of one byte with a key": (CHUNKED.replace(b"Host", b"x-api-key: %b\r\nHost"), TINY),
    "chunks with extensions": (CHUNKED, (b"1;" + b"a" * 400 + b"\r\nx\r\n") * 100),
    "an endless trailer": (CHUNKED + b"0\r\n", b"a: b\r\n" * 1000),
    "an endless body": (POST + b"Content-Length: 999999999999\r\n\r\n", b" " * 8192),
    "a large body with a key": (
        POST + b"x-api-key: %b\r\nContent-Length: 33000000\r\n\r\n",
        b" " * 8192,
    ),
    "an endless head": (b"GET / HTTP/1.1\r\n", b"a: b\r\n" * 1000),
    "an endless line": (b"GET /", b"a" * 8192),
    "empty lines": (b"", b"\r\n" * 4096),
}
"""What is sent first, and what is sent again and again."""

CONNECTS = "connections"
"""The kind that only opens connections, 3,000 in a second, all of a second at once."""


def flood(port: int, head: bytes, again: bytes) -> None:
    """Send on one connection until the server ends it; its answers are read."""
    with socket.create_connection(("127.0.0.1", port)) as client:
        threading.Thread(target=_read_all, args=(client,), daemon=True).start()
        try:
            client.sendall(head)
            while True:
                client.sendall(again)
        except OSError:
            return


def _read_all(client: socket.socket) -> None:
    try:
        while client.recv(65536):
            pass
    except OSError:
        pass


def connect(port: int) -> None:
    """Open connections, and keep the last."""
    kept: deque[socket.socket] = deque(maxlen=3000)
    while True:
        for _ in range(3000):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
            kept.append(client)
        time.sleep(1)


if __name__ == "__main__":
    if sys.argv[2] == CONNECTS:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        connect(int(sys.argv[1]))
    first, repeated = KINDS[sys.argv[2]]
    if len(sys.argv) > 3:
        first = first.replace(b"%b", sys.argv[3].encode())
    while True:
        flood(int(sys.argv[1]), first, repeated)
