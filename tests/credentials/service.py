"""A service that refreshes tokens on a real loopback socket, strict in what matters here: a
refresh token is good for one use, and the answer replaces it.
"""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs


class AuthService:
    """``valid`` is the one refresh token that would work now; ``calls`` all requests so far."""

    def __init__(self) -> None:
        self.valid = refresh_token(0)
        self.used = 0
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.headers: list[dict[str, str]] = []
        self.extra: dict[str, Any] = {"expiresIn": 3600}
        self.fail: list[tuple[int, dict[str, Any], dict[str, str]]] = []
        self.hold = threading.Event()
        self.hold.set()
        self.arrived = threading.Event()
        self.url = ""
        self._guard = threading.Lock()

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any], dict[str, str]]:
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
        """A client that is killed or leaves is what many tests are about."""


def refresh_token(number: int) -> str:
    return f"rt-{number:04}-" + "r" * 120


def access_token(number: int) -> str:
    return f"at-{number:04}-" + "a" * 60


@contextmanager
def serving(
    *, tls: ssl.SSLContext | None = None, inspecting: ssl.SSLContext | None = None
) -> Iterator[AuthService]:
    """With ``tls`` over TLS alone; with ``inspecting`` also a proxy that looks into TLS, and is
    itself the service that it is asked for.
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
