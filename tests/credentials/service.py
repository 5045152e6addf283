"""A sign-in service on a real loopback socket. It is strict in what matters here: a refresh token
works once, and the answer replaces it.
"""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias
from urllib.parse import parse_qs

Answer: TypeAlias = tuple[int, Any, dict[str, str]]
"""Status, members and headers."""


class AuthService:
    """``valid`` is the only refresh token that works now; ``calls`` holds all requests so far.

    The answers in ``fail`` are given first, one per request. While ``hold`` is cleared, no answer
    is sent. A test may replace ``answer``.
    """

    def __init__(self) -> None:
        self.valid = refresh_token(0)
        self.used = 0
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.headers: list[dict[str, str]] = []
        self.extra: dict[str, Any] = {"expiresIn": 3600}
        self.fail: list[Answer] = []
        self.hold = threading.Event()
        self.hold.set()
        self.arrived = threading.Event()
        self.url = ""
        self.answer: Callable[[str, dict[str, Any]], Answer] = self._refresh
        self._guard = threading.Lock()

    def _refresh(self, path: str, body: dict[str, Any]) -> Answer:
        with self._guard:
            self.calls.append((path, body))
            self.arrived.set()
            if self.fail:
                return self.fail.pop(0)
            snake = "refresh_token" in body
            if body.get("refresh_token" if snake else "refreshToken") != self.valid:
                error = {
                    "error": "invalid_grant",
                    "error_description": "Invalid refresh token provided",
                }
                return 400, error, {}
            self.used += 1
            self.valid = refresh_token(self.used)
            access = access_token(self.used)
            if snake:
                return (
                    200,
                    {"access_token": access, "refresh_token": self.valid, "expires_in": 3600},
                    {},
                )
            return 200, {"accessToken": access, "refreshToken": self.valid} | self.extra, {}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Silent: in many tests the client is killed or disconnects."""


def refresh_token(number: int) -> str:
    return f"rt-{number:04}-" + "r" * 120


def access_token(number: int) -> str:
    return f"at-{number:04}-" + "a" * 60


@contextmanager
def serving(
    *, tls: ssl.SSLContext | None = None, inspecting: ssl.SSLContext | None = None
) -> Iterator[AuthService]:
    """With ``tls`` the service speaks only TLS. With ``inspecting`` it is also a proxy that
    intercepts TLS, and acts as the service that is asked for.
    """
    service = AuthService()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            is_form = self.headers["Content-Type"] == "application/x-www-form-urlencoded"
            form = {name: values[0] for name, values in parse_qs(data.decode()).items()}
            service.headers.append(dict(self.headers))
            status, answer, headers = service.answer(
                self.path, form if is_form else json.loads(data)
            )
            service.hold.wait(20)
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def do_CONNECT(self) -> None:
            assert inspecting
            self.send_response(200)
            self.end_headers()
            self.request = inspecting.wrap_socket(self.connection, server_side=True)
            self.setup()
            self.close_connection = False

        def finish(self) -> None:
            super().finish()
            self.connection.close()

        def log_message(self, *args: object) -> None:
            pass

    server = _Server(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    service.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield service
    finally:
        service.hold.set()
        server.shutdown()
        server.server_close()
