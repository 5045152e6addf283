"""A receiver of alerts: a real HTTP server, which a test tells how to answer."""

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class AlertReceiver:
    """Keeps what was posted to it."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.status = 204
        self.delay = 0.0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                time.sleep(outer.delay)
                outer.paths.append(self.path)
                if outer.status < 300:
                    outer.messages.append(json.loads(body))
                self.send_response(outer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/hook?token=s3cret"

    def seen(self) -> list[tuple[str, str]]:
        """The kind and the state of each message."""
        return [(one["kind"], one["state"]) for one in self.messages]

    def wait(
        self, condition: Callable[[list[tuple[str, str]]], object], seconds: float = 60
    ) -> None:
        """Until what was seen is so."""
        end = time.monotonic() + seconds
        while not condition(self.seen()):
            assert time.monotonic() < end, self.seen()
            time.sleep(0.05)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
