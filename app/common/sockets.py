"""Sending on gevent's sockets, to clients and to the upstream."""

from typing import Any


def send_all(sock: Any, data: bytes) -> None:
    """As ``sock.sendall``, which asks the kernel for its buffer's size first: one ``send`` takes
    all of it, nearly always."""
    sent = sock.send(data)
    if sent < len(data):
        sock.sendall(memoryview(data)[sent:])
