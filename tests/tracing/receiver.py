"""A small OTLP receiver: keeps the spans that it is sent, over HTTP as protobuf."""

import gzip
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


class Span(NamedTuple):
    """A span as it arrived; ids in hexadecimal, times in nanoseconds."""

    name: str
    kind: int
    trace_id: str
    span_id: str
    parent: str
    started: int
    ended: int
    is_error: bool
    attributes: dict[str, Any]
    resource: dict[str, Any]


class Receiver:
    """Listens at ``url`` until :meth:`close`. ``raw`` has the bodies, ``headers`` those of the last
    request."""

    def __init__(self) -> None:
        self.raw: list[bytes] = []
        self.headers: dict[str, str] = {}
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                receiver.headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.raw.append(body if self.path == "/v1/traces" else b"")
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def spans(self) -> list[Span]:
        """All spans so far."""
        return [span for body in tuple(self.raw) for span in _spans(body)]

    def wait_for(self, wanted: Callable[[list[Span]], Any], seconds: float = 30) -> Any:
        """The first true value of ``wanted(spans)``."""
        end = time.monotonic() + seconds
        while not (found := wanted(self.spans)):
            assert time.monotonic() < end, self.spans
            time.sleep(0.05)
        return found

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _spans(body: bytes) -> list[Span]:
    request: Any = ExportTraceServiceRequest.FromString(body)
    return [
        Span(
            one.name,
            one.kind,
            one.trace_id.hex(),
            one.span_id.hex(),
            one.parent_span_id.hex(),
            one.start_time_unix_nano,
            one.end_time_unix_nano,
            one.status.code == 2,
            _values(one.attributes),
            _values(group.resource.attributes),
        )
        for group in request.resource_spans
        for scope in group.scope_spans
        for one in scope.spans
    ]


def _values(attributes: Any) -> dict[str, Any]:
    return {one.key: _value(one.value) for one in attributes}


def _value(value: Any) -> Any:
    which = value.WhichOneof("value")
    if which == "array_value":
        return [_value(one) for one in value.array_value.values]
    return getattr(value, which)
