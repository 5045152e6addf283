"""What an event costs, as far as it does not depend on the machine: writes, calls, allocations.

The limits leave room for another interpreter and for a little more work, none for work of another
order: a write, a log line or a second JSON text for each event breaks them.
"""

import gc
import queue
import socket
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import inf
from typing import Any, NamedTuple, NoReturn, Self

import pytest

from app.catalogue.choice import ModelChoice
from app.codewhisperer.answer.decoder import EventDecoder
from app.codewhisperer.client import Client
from app.codewhisperer.service.hosts import HostChoice
from app.codewhisperer.upstream import CodeWhisperer
from app.core.usage import Meter
from app.credentials import AuthKind, Token
from app.eventstream.frames import FrameDecoder
from app.gateway import Gateway, GatewayCall
from app.models.table import context_window
from app.server.lifecycle import Lifecycle
from app.upstream_http.chunked import ChunkedDecoder
from app.web import relay
from benchmarks import samples
from benchmarks.dialects import CHAT, DIALECTS, MESSAGES, MODEL, RESPONSES, Dialect

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"
BURST, BURSTS = 100, 20


class Login:
    """Stands for the credentials: one token that is always taken."""

    def token(self, session: str = "", lacking: frozenset[str] = frozenset()) -> Token:
        return Token(
            access_token="one", kind=AuthKind.SOCIAL, profile_arn=None, region=None, account="one",
            expires_at=inf,
        )  # fmt: skip

    def accepted(self, used: Token) -> None:
        """As it should be."""


class Upstream:
    """Answers one request with a first burst; what follows is sent when the test says so."""

    def __init__(self, first: bytes) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._first = first
        self._accepted: queue.Queue[socket.socket] = queue.Queue()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        connection, _ = self._listener.accept()
        request = b""
        while not request.endswith(b"}"):
            request += connection.recv(65536)
        connection.sendall(HEAD + self._first)
        self._accepted.put(connection)

    def connection(self) -> socket.socket:
        """The connection that the rest is to be sent on."""
        return self._accepted.get(timeout=10)

    def close(self) -> None:
        self._listener.close()


@contextmanager
def exchange(url: str) -> Iterator[GatewayCall]:
    """A call under way to the upstream at ``url``."""
    service = CodeWhisperer(
        Client(connections=1, connect_timeout=5, user_agent="test"),
        HostChoice(url, None),
        idle=20,
        ping=20,
        max_tool_description=10_000,
    )
    gateway = Gateway(
        upstream=service,
        credentials=Login(),  # type: ignore[arg-type]
        models=ModelChoice(default=MODEL, aliases={}),
        first_event=20,
        total=inf,
    )
    opened = gateway.open(samples.HELLO)
    try:
        yield opened
    finally:
        opened.close()


def fail(error: Exception) -> NoReturn:
    raise error


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_what_is_read_together_is_written_once(dialect: Dialect) -> None:
    """However many frames, each in a chunk of its own, there are in it."""
    burst = samples.chunked(samples.text_frames(BURST))
    upstream = Upstream(samples.chunked(samples.text_frames(1)))
    live = Lifecycle(client_stall=20).watch(None)
    with exchange(upstream.url) as source:
        writes = relay.stream(
            source, dialect.encoder(source.meter), live, ping_interval=20, failed=fail
        )
        assert source.wait(10)
        assert next(writes).count(dialect.text_mark) == 1
        with upstream.connection() as connection:
            for _ in range(BURSTS):
                connection.sendall(burst)
                assert next(writes).count(dialect.text_mark) == BURST
            connection.sendall(LAST_CHUNK)
            [last] = writes
        assert dialect.end_mark in last
    live.close()
    upstream.close()


class Way:
    """All that an event passes between the two sockets and that does no IO."""

    def __init__(self, dialect: Dialect) -> None:
        self._chunks, self._frames = ChunkedDecoder(), FrameDecoder()
        self._events, self._meter = EventDecoder(), Meter(1, None, context_window)
        self._encoder = dialect.encoder(self._meter)

    def take(self, read: bytes) -> bytes:
        events = self._events.feed(self._frames.feed(self._chunks.feed(read)))
        self._meter.feed(events)
        return self._encoder.feed(events)


class Kind(NamedTuple):
    """Frames of one kind of content, and what each of them may cost."""

    name: str
    frames: Callable[[int], list[bytes]]
    calls: float
    peak: int


KINDS = (
    Kind("text", samples.text_frames, calls=23, peak=900),
    Kind("thinking", samples.thinking_frames, calls=32, peak=900),
    Kind("a tool's input", samples.tool_frames, calls=36, peak=900),
)
"""``calls`` of functions, in Python and in C, measured 20, 28 and 32; ``peak``: bytes in use at a
time for each event of a batch, measured 370 to 740."""

KEPT = {MESSAGES: 1, CHAT: 1, RESPONSES: 90}
"""Bytes that an event may leave behind. The Responses API tells every text once more at its end."""

each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
each_dialect = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)


def warm(dialect: Dialect, kind: Kind, count: int) -> tuple[Way, list[bytes]]:
    """A way on which the content has begun, and the rest of its frames but for the last."""
    first, *rest = kind.frames(count)[:-1]
    way = Way(dialect)
    for frame in (first, *rest[:2]):
        way.take(samples.chunked([frame]))
    return way, rest[2:]


def calls(work: Callable[[], object]) -> int:
    """How many functions it calls."""
    count = 0

    def called(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(called)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


@each_kind
@each_dialect
def test_functions_called_for_an_event(dialect: Dialect, kind: Kind) -> None:
    way, frames = warm(dialect, kind, 200)
    read = samples.chunked(frames)
    assert calls(lambda: way.take(read)) / len(frames) <= kind.calls


def test_calls_are_counted() -> None:
    assert calls(lambda: [len("a") for _ in range(100)]) >= 100


class Memory:
    """Bytes in use, beyond those from before it was entered."""

    def __enter__(self) -> Self:
        gc.collect()
        gc.disable()
        tracemalloc.start()
        self._before = tracemalloc.get_traced_memory()[0]
        return self

    def __exit__(self, *_: object) -> None:
        tracemalloc.stop()
        gc.enable()

    def now(self) -> int:
        return tracemalloc.get_traced_memory()[0] - self._before

    def peak(self) -> int:
        return tracemalloc.get_traced_memory()[1] - self._before


@each_kind
@each_dialect
def test_memory_in_use_for_an_event(dialect: Dialect, kind: Kind) -> None:
    way, frames = warm(dialect, kind, 400)
    read = samples.chunked(frames)
    with Memory() as memory:
        way.take(read)
        peak = memory.peak()
    assert peak / len(frames) <= kind.peak


@pytest.mark.parametrize("kind", KINDS[:2], ids=lambda kind: kind.name)
@each_dialect
def test_memory_kept_of_an_event(dialect: Dialect, kind: Kind) -> None:
    way, frames = warm(dialect, kind, 4000)
    reads = [samples.chunked(frames[at : at + 8]) for at in range(0, len(frames), 8)]
    with Memory() as memory:
        for read in reads:
            way.take(read)
        kept = memory.now()
    assert kept / len(frames) <= KEPT[dialect]


def blocks(work: Callable[[], object]) -> int:
    """How many allocations its result consists of."""
    with Memory():
        result = work()
        statistics = tracemalloc.take_snapshot().statistics("filename")
        del result
    return sum(each.count for each in statistics)


@each_kind
def test_allocations_of_a_frame_and_its_event(kind: Kind) -> None:
    """Two for each: the frame and its payload, the event and its text."""
    frames: Sequence[bytes] = kind.frames(1000)
    stream = b"".join(frames)
    decoded = FrameDecoder().feed(stream)
    assert blocks(lambda: FrameDecoder().feed(stream)) / len(frames) < 2.5
    assert blocks(lambda: EventDecoder().feed(decoded)) / len(frames) < 2.5
