"""What the code uses of its libraries without their documentation promising it: one test each.

An upgrade that takes such a name away fails here, with its name, before it fails anywhere else.
``docs/private-names.md`` lists them and says what each is for.
"""

from __future__ import annotations

import importlib
import inspect
import logging
import re
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import gevent
import msgspec
import pytest
import requests
from flask import globals as flask_globals
from gevent import events, socket
from gevent.monkey import get_original
from gevent.resolver.thread import Resolver
from gevent.server import StreamServer
from gunicorn.arbiter import Arbiter
from gunicorn.config import Config
from gunicorn.http import wsgi
from gunicorn.http.body import ChunkedReader, LengthReader
from gunicorn.http.message import Request
from gunicorn.http.unreader import SocketUnreader
from gunicorn.http.wsgi import Response
from msgspec import Raw, Struct
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.utils import floatToGoString
from werkzeug.datastructures import Headers

Test = TypeVar("Test", bound=Callable[..., Any])
PAGE = (Path(__file__).parent.parent / "docs" / "private-names.md").read_text(encoding="utf-8")
ROWS: list[str] = []


def row(name: str) -> Callable[[Test], Test]:
    """Marks the test of a row of the page's table."""
    ROWS.append(name)
    return lambda test: test


def gunicorn_response() -> Response:
    request: Any = SimpleNamespace(method="GET", version=(1, 1), should_close=lambda: False)
    not_used: Any = None
    return Response(request, not_used, Config())


@row("gunicorn `Response._emit_body`")
def test_response_emit_body() -> None:
    emit = vars(Response)["_emit_body"]
    assert list(inspect.signature(emit).parameters) == ["self", "data"]
    assert "self._emit_body(" in inspect.getsource(Response.write)


@row("gunicorn `Response.process_headers`, `TOKEN_RE`, `HEADER_VALUE_RE`")
def test_response_process_headers() -> None:
    response = gunicorn_response()
    response.process_headers([("A", " b "), ("Content-Length", "3"), ("Connection", "close")])
    assert response.headers == [("A", "b"), ("Content-Length", "3")]
    assert response.response_length == 3
    patterns: Any = wsgi
    assert patterns.TOKEN_RE.fullmatch("a-b")
    assert not patterns.TOKEN_RE.fullmatch("a:")
    assert not patterns.HEADER_VALUE_RE.fullmatch("a\r\nb: c")


@row("gunicorn `Response.headers_sent`")
def test_response_headers_sent() -> None:
    assert gunicorn_response().headers_sent is False


@row("gunicorn `Response.chunked`")
def test_response_chunked() -> None:
    response = gunicorn_response()
    response.start_response("200 OK", [("Content-Type", "text/plain")])
    assert response.chunked is True


@row("gunicorn `Response._omits_body`")
def test_response_omits_body() -> None:
    response = gunicorn_response()
    response.start_response("204 No Content", [])
    assert vars(response)["_omits_body"] is True


def parsed(*pieces: bytes) -> tuple[Any, Any]:
    """gunicorn's request, and the unreader that has what follows it."""
    left = list(pieces)
    source: Any = SimpleNamespace(recv=lambda size: left.pop(0))
    unreader: Any = SocketUnreader(source)
    return Request(Config(), unreader, ("127.0.0.1", 1), 1), unreader


@row("gunicorn `Request`")
def test_request() -> None:
    request, _ = parsed(b"GET /a HTTP/1.1\r\n\r\n")
    assert (request.method, request.path, request.headers) == ("GET", "/a", [])
    assert request.parse_headers(b"A: b", from_trailer=True) == [("A", "b")]


@row("gunicorn `SocketUnreader`")
def test_socket_unreader() -> None:
    _, unreader = parsed(b"GET / HTTP/1.1\r\n\r\nGET /next", b"more")
    assert unreader.take_buffered() == b"GET /next"
    assert unreader.read(None, read_ahead=9) == b"more"
    unreader.unread(b"back")
    assert unreader.read() == b"back"


@row("gunicorn `Body.reader`")
def test_body_reader() -> None:
    request, _ = parsed(b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc")
    assert (request.body.failed, request.body.reader.length) == (False, 3)
    assert (request.body.read(3), request.body.reader.length) == (b"abc", 0)
    request, _ = parsed(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert type(request.body.reader) is ChunkedReader
    request, _ = parsed(b"GET / HTTP/1.1\r\n\r\n")
    assert request.body.reader.length == 0


@row("gunicorn `CHUNK_EXT_RE`")
def test_chunk_ext_re() -> None:
    pattern = vars(sys.modules[ChunkedReader.__module__])["CHUNK_EXT_RE"]
    assert pattern.fullmatch(b';a="b"')
    assert not pattern.fullmatch(b";\x01")
    assert pattern.groups == 0


@row("gunicorn `Config.settings`")
def test_config_settings() -> None:
    config = Config()
    vars(config)["backlog"] = object()
    assert config.backlog is vars(config)["backlog"]
    assert config.settings["timeout"].get() == 30


@row(
    "gunicorn `Arbiter.stop`, `Arbiter.reexec_pid`, `Arbiter.systemd`, "
    "`Arbiter.maybe_promote_master`"
)
def test_arbiter_stop() -> None:
    assert list(inspect.signature(Arbiter.stop).parameters) == ["self", "graceful"]
    assert "self.stop()" in inspect.getsource(Arbiter.halt)
    assert "sock.close_sockets(self.LISTENERS" in inspect.getsource(Arbiter.stop)
    assert "self.reexec_pid = 0" in inspect.getsource(Arbiter.__init__)
    assert "self.systemd = True" in inspect.getsource(Arbiter.start)
    assert "self.master_pid = 0" in inspect.getsource(Arbiter.maybe_promote_master)


@row("gunicorn `Request._expected_100_continue`")
def test_request_expected_100_continue() -> None:
    for expected, head in ((True, b"Expect: 100-continue\r\n"), (False, b"")):
        request, _ = parsed(b"GET / HTTP/1.1\r\n" + head + b"\r\n")
        assert request._expected_100_continue is expected


@row("gunicorn `Request._peer_is_trusted_proxy`")
def test_request_peer_is_trusted_proxy() -> None:
    class Trusting(Request):
        def _peer_is_trusted_proxy(self) -> bool:
            return True

    pieces = [b"GET / HTTP/1.1\r\nX-Forwarded-Proto: https\r\n\r\n"]
    source: Any = SimpleNamespace(recv=lambda size: pieces.pop())
    made = Trusting(Config(), SocketUnreader(source), ("192.0.2.7", 1), 1)
    assert made.scheme == "https"


@row(
    "gunicorn `Request.parse`, `Request.set_body_reader`, `Request._apply_header_policy`, "
    "`Request._peer_trusted_for_forwarded`"
)
def test_the_parts_of_request() -> None:
    base: Any = Request

    class Parts(base):  # type: ignore[misc]
        def parse(self, unreader: Any) -> bytes:
            allowed: Any = self._peer_trusted_for_forwarded()
            assert allowed == ({}, [])
            state: Any = ([False], set())
            kept: Any = self._apply_header_policy("CONTENT-LENGTH", "1", *state, *allowed)
            self.version, self.headers = (1, 1), [kept]
            return bytes(unreader.read())

        def set_body_reader(self) -> None:
            super().set_body_reader()
            assert type(self.body.reader) is LengthReader

    unreader = SocketUnreader(SimpleNamespace(recv=lambda size: b"ab"))  # type: ignore[arg-type]
    made: Any = Parts(Config(), unreader, ("192.0.2.7", 1), 1)
    assert (made.body.read(2), unreader.read()) == (b"a", b"b")


@row("flask `globals._cv_app`, `globals._cv_request`")
def test_flasks_proxies_lead_to_its_context_variables() -> None:
    served: Any = SimpleNamespace(app="app", g="g", request="request", session="session")
    of_flask: Any = flask_globals
    tokens = of_flask._cv_app.set(served), of_flask._cv_request.set(served)
    try:
        assert (of_flask.current_app, of_flask.g) == ("app", "g")
        assert (of_flask.request, of_flask.session) == ("request", "session")
    finally:
        of_flask._cv_app.reset(tokens[0])
        of_flask._cv_request.reset(tokens[1])


@row("werkzeug `Headers._list`")
def test_headers_are_a_list_of_pairs() -> None:
    headers = Headers([("A", "b")])
    headers._list.append(("C", "d"))
    assert (headers.to_wsgi_list(), headers["c"]) == ([("A", "b"), ("C", "d")], "d")


@row("gevent `loop.io`")
def test_loop_io() -> None:
    watcher = gevent.get_hub().loop.io(0, 1)
    assert {"start", "stop", "close"} <= set(dir(watcher))
    watcher.close()


@row("gevent `StreamServer.do_read`")
def test_a_server_accepts_what_do_read_gives() -> None:
    class Server(StreamServer):
        def do_read(self) -> Any:
            reads.append(super().do_read())

    reads: list[Any] = []
    server = Server(("127.0.0.1", 0), lambda *accepted: None)
    server.start()
    try:
        with socket.create_connection(("127.0.0.1", server.server_port)):
            while not any(reads):
                gevent.sleep(0.01)
    finally:
        server.close()
    accepted, address = next(filter(None, reads))
    accepted.close()
    assert address[0] == "127.0.0.1"


@row("gevent `Hub.switch`")
def test_hub_switch() -> None:
    hub: Any = gevent.get_hub()
    hub.loop.run_callback(gevent.getcurrent().switch, "woken")
    assert hub.switch() == "woken"


@row("gevent `events.notify_and_call_entry_points`")
def test_patching_notifies_by_a_name_that_is_looked_up() -> None:
    source = inspect.getsource(
        vars(importlib.import_module("gevent.monkey._util"))["_notify_patch"]
    )
    assert "from gevent.events import notify_and_call_entry_points" in source
    named = vars(events)
    plain, searching = named["notify"], named["notify_and_call_entry_points"]
    assert (
        inspect.signature(plain).parameters.keys() == inspect.signature(searching).parameters.keys()
    )


@row("gevent `Hub.resolver`")
def test_hub_resolver() -> None:
    hub = gevent.get_hub()
    assert isinstance(hub.resolver, Resolver)
    assert type(hub).resolver.fset is not None


@row("requests `iter_content` calling `raw.stream`")
def test_iter_content_calls_raw_stream() -> None:
    pieces = [b"a", b"", b"b"]
    response = requests.Response()
    response.raw = SimpleNamespace(stream=lambda amt, decode_content: iter(pieces))
    assert [*response.iter_content(chunk_size=None)] == pieces


@row("prometheus_client `MmapedDict`, `mmap_key`, `floatToGoString`")
def test_mmaped_dict(tmp_path: Path) -> None:
    path = tmp_path / "counter_7.db"
    file = MmapedDict(str(path))
    key = mmap_key("a", "a_total", ["b"], ["c"], "Help.")
    assert file.read_value(key)[0] == 0
    file.write_value(key, 2.5, 0.0)
    [metric] = MultiProcessCollector.merge([str(path)])
    [sample] = metric.samples
    assert (metric.type, metric.documentation) == ("counter", "Help.")
    assert (sample.name, sample.labels, sample.value) == ("a_total", {"b": "c"}, 2.5)
    assert MmapedDict(str(path)).read_value(key)[0] == 2.5
    assert [floatToGoString(bound) for bound in (0.5, 1, float("inf"))] == ["0.5", "1.0", "+Inf"]


@row("prometheus_client `MmapedDict._positions`, `MmapedDict._m`")
def test_places_in_a_mmaped_dict(tmp_path: Path) -> None:
    path = tmp_path / "counter_7.db"
    file = MmapedDict(str(path))
    key = mmap_key("a", "a_total", ["b"], ["c"], "Help.")
    file.read_value(key)
    at = file._positions[key]
    assert at % 8 == 0
    file._m[at : at + 16] = struct.pack("dd", 2.5, 0.0)
    for number in range(2000):  # the file grows, and the places stay
        file.read_value(mmap_key("a", "a_total", ["b"], [str(number)], "Help."))
    assert file._positions[key] == at
    file._m[at : at + 16] = struct.pack("dd", 3.5, 0.0)
    assert MmapedDict(str(path)).read_value(key)[0] == 3.5


@row("CPython `_thread.RLock`")
def test_the_lock_of_the_interpreter() -> None:
    lock = get_original("_thread", "RLock")()
    with lock, lock:
        assert type(lock).__module__ == "_thread"
    lock._at_fork_reinit()


@row("logging `_srcfile`")
def test_logging_srcfile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging, "_srcfile", None)
    records: list[logging.LogRecord] = []
    logger = logging.Logger("one")
    logger.handle = records.append  # type: ignore[method-assign,assignment]
    logger.error("text")
    assert records[0].filename == "(unknown file)"


class Sample(Struct):
    number: int


@row("CPython `re._parser`, `re._constants`")
def test_re_parser() -> None:
    from re import _constants, _parser

    tree = _parser.parse("a[b-d]*|^e")
    kinds = [kind for kind, _ in tree]
    assert kinds == [_constants.BRANCH]
    _, (_, branches) = tree[0]
    assert [kind for kind, _ in branches[0]] == [_constants.LITERAL, _constants.MAX_REPEAT]
    assert branches[1][0] == (_constants.AT, _constants.AT_BEGINNING)
    assert tree.state.flags & re.IGNORECASE == 0


@row("msgspec error texts")
def test_msgspec_error_texts() -> None:
    for given, told in [
        ({}, "Object missing required field `number`"),
        ({"number": "1"}, "Expected `int`, got `str` - at `$.number`"),
        ({"number": 1.5}, "Expected `int`, got `float` - at `$.number`"),
    ]:
        with pytest.raises(msgspec.ValidationError, match=re.escape(told)):
            msgspec.convert(given, Sample)


@row("CPython's cached UTF-8")
def test_cached_utf8() -> None:
    text = "ä" * 1000
    before = sys.getsizeof(text)
    assert memoryview(Raw(text)).nbytes == 2000
    assert sys.getsizeof(text) == before + 2001, "the encoded text is not kept in the string"


def test_the_page_lists_each_row_in_this_order() -> None:
    listed = re.findall(r"^\| (.+?) \|", PAGE, re.MULTILINE)
    assert listed[:1] == ["Name"]
    assert listed[1:] == ROWS
