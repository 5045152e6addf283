"""A worker's service and clients for tests: real sockets, in the test's event loop."""

from collections.abc import Callable, Iterator
from typing import Any

import gevent
from gevent import socket

from app.common.errors import POLICY, GatewayError
from app.server import environ
from app.server.connections.addresses import ConnectionLimit
from app.server.connections.refusals import Answer as RefusalAnswer
from app.server.connections.refusals import Refusals
from app.server.framework import Application
from app.server.lifecycle import Lifecycle
from app.server.logs import request_id
from app.server.response import FinalChunk
from app.server.worker import Worker

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
Answer = Callable[[dict[str, Any], Any], Any]


class Body:
    """The pieces of an answer; exceptions among them are raised."""

    def __init__(self, *pieces: Any) -> None:
        self.pieces = pieces
        self.closed = 0
        self.on_close: Callable[[], object] = lambda: None

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.pieces:
            if isinstance(piece, BaseException):
                raise piece
            if isinstance(piece, bytes):
                yield piece
            else:
                piece()

    def close(self) -> None:
        self.closed += 1
        self.on_close()


def render(error: GatewayError, request_id: str) -> RefusalAnswer:
    return RefusalAnswer(POLICY[error.kind].status, {"x-rendered": "yes"}, error.message.encode())


class Service(Application):
    """Answers every request with ``body``, or as ``answer`` says."""

    def __init__(self) -> None:
        self.exited = 0
        super().__init__(
            "app",
            lifecycle=Lifecycle(client_stall=5),
            refusals=Refusals(render),
            connections=ConnectionLimit(0, ()),
            on_exit=self._exit,
        )
        self.body = Body(b"Hello", FinalChunk(b"."))
        self.answer: Answer = lambda environ, start: self.body
        self.served: list[str] = []

    def _exit(self) -> None:
        self.exited += 1

    def __call__(self, environ: Any, start_response: Any) -> Any:
        client = environ["gunicorn.socket"]
        self.lifecycle.enter(client)
        request_id.set(environ.get("HTTP_X_REQUEST_ID", ""))
        self.served.append(environ["PATH_INFO"])
        start_response("200 OK", [("Content-Type", "text/plain")])
        body = self.answer(environ, start_response)
        body.on_close = lambda: self.lifecycle.leave(client)
        return body


class Connection:
    """A client that the worker serves in a greenlet of its own."""

    def __init__(self, worker: Worker) -> None:
        self.client, served = socket.socketpair()
        self.client.settimeout(5)
        name, address = ("127.0.0.1", 2), ("127.0.0.1", 1)
        self.serving = gevent.spawn(worker.handle, environ.maker(name), served, address)

    def ask(self, request: bytes = GET) -> bytes:
        """All of the next answer, which ends with its last chunk."""
        self.client.sendall(request)
        return self.read(b"0\r\n\r\n")

    def read(self, end: bytes = b"") -> bytes:
        """To that end, or to that of the connection."""
        data = b""
        while not (end and data.endswith(end)):
            if not (piece := self.client.recv(65536)):
                break
            data += piece
        return data

    def close(self) -> None:
        self.client.close()
        self.serving.join(5)
        assert self.serving.ready()
