"""A server of files on loopback, which misbehaves by the path it is asked for."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests import media

PNG = media.png(30, 20)
PDF = media.pdf(2)
FILES: dict[str, tuple[str, bytes]] = {
    "/a.png": ("image/png", PNG),
    "/a.pdf": ("application/pdf", PDF),
    "/a.txt": ("text/plain; charset=utf-8", "Grüße".encode()),
    "/page.html": ("text/html", b"<p>Sign in</p>"),
    "/a.svg": ("image/svg+xml", b"<svg/>"),
    "/large": ("application/octet-stream", b"x" * 300_000),
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server: Any = self.server
        server.asked.append((self.path, self.headers["Host"], dict(self.headers)))
        path, _, rest = self.path.partition("?")
        if path in FILES:
            self._send(200, FILES[path][1], ("Content-Type", FILES[path][0]))
        elif path == "/to":
            self._send(302, b"", ("Location", rest))
        elif path == "/round":
            self._send(307, b"", ("Location", "/round"))
        elif path == "/nowhere":
            self._send(302, b"")
        elif path == "/compressed":
            self._send(200, b"x", ("Content-Encoding", "gzip"))
        elif path == "/short":
            self._send(200, b"x", ("Content-Length", "100"))
        elif path == "/chunked":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for _ in range(30):
                self.wfile.write(b"2710\r\n" + b"x" * 10_000 + b"\r\n")
            self.wfile.write(b"0\r\n\r\n")
        elif path == "/slow":
            self.send_response(200)
            self.end_headers()
            for _ in range(200):  # a byte now and then: no wait is long
                time.sleep(0.1)
                self.wfile.write(b"x")
        else:
            self._send(404, b"nothing")

    def _send(self, status: int, content: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for header in headers:
            self.send_header(*header)
        if "Content-Length" not in dict(headers):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = True

    def log_message(self, *arguments: Any) -> None:
        """Tests print nothing."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[Any] = []

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.server_port}{path}"

    def handle_error(self, *arguments: Any) -> None:
        """Clients may leave."""


@contextmanager
def running() -> Iterator[Server]:
    server = Server()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
