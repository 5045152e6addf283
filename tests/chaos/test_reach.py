"""Upstreams that cannot be reached or are not trusted."""

import socket
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import pytest
import trustme

from app.simulator import Simulator
from tests.chaos.arena import Arena
from tests.chaos.dialects import DIALECTS
from tests.chaos.received import DialectClient
from tests.chaos.row import GOOD, FaultRow
from tests.chaos.rows import REACH
from tests.chaos.test_rows import judge, judge_log
from tests.live.servers import free_port

Setting = dict[str, str]


@contextmanager
def nobody(work: Path) -> Iterator[Setting]:
    yield {"KIRO_API_URL": f"http://127.0.0.1:{free_port()}"}


@contextmanager
def full_queue(work: Path) -> Iterator[Setting]:
    """A listener with a full queue: the kernel accepts no further connection."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(8):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        port = listener.getsockname()[1]
        yield {"KIRO_API_URL": f"http://127.0.0.1:{port}", "KIRO_CONNECT_TIMEOUT": "0.3"}


@contextmanager
def no_name(work: Path) -> Iterator[Setting]:
    yield {"KIRO_API_URL": "http://upstream.invalid"}


@contextmanager
def over_tls(work: Path, cert: trustme.LeafCert, **settings: str) -> Iterator[Setting]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    cert.configure_cert(context)
    with Simulator(tls=context, accept_any_token=True) as upstream:
        upstream.script({**GOOD, "times": None})
        yield {"KIRO_API_URL": upstream.url, **settings}


@contextmanager
def untrusted(work: Path) -> Iterator[Setting]:
    with over_tls(work, trustme.CA().issue_cert("127.0.0.1")) as settings:
        yield settings


@contextmanager
def of_trusted(work: Path, *names: str, not_after: datetime | None = None) -> Iterator[Setting]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(work / "ca.pem")
    cert = authority.issue_cert(*names, not_after=not_after)
    with over_tls(work, cert, SSL_CERT_FILE=str(work / "ca.pem")) as settings:
        yield settings


@contextmanager
def other_host(work: Path) -> Iterator[Setting]:
    with of_trusted(work, "elsewhere.example") as settings:
        yield settings


@contextmanager
def expired(work: Path) -> Iterator[Setting]:
    with of_trusted(work, "127.0.0.1", not_after=datetime(2020, 1, 1, tzinfo=UTC)) as settings:
        yield settings


@contextmanager
def trusted(work: Path) -> Iterator[Setting]:
    with of_trusted(work, "127.0.0.1") as settings:
        yield settings


UPSTREAMS: dict[str, Callable[[Path], AbstractContextManager[Setting]]] = {
    "connection-refused": nobody,
    "no-connection": full_queue,
    "unknown-name": no_name,
    "certificate-untrusted": untrusted,
    "certificate-of-another": other_host,
    "certificate-expired": expired,
    "certificate-trusted": trusted,
}


def try_reach(arena: Arena, row: FaultRow, dialect: DialectClient, *, stream: bool) -> list[str]:
    """Return what differs from the row."""
    mark = f"{row.name}.{dialect.name}.{'sw'[not stream]}."
    answer = arena.send(dialect, mark, stream=stream).read_all()
    expected = row.stream if stream else row.whole
    problems = judge(expected, answer, dialect, stream=stream)
    return [*problems, *judge_log(arena.log_line(mark), expected, row)]


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=row.name, marks=[pytest.mark.long] if row.heavy else [])
        for row in REACH
    ],
)
def test_reach(tmp_path: Path, row: FaultRow) -> None:
    with (
        UPSTREAMS[row.name](tmp_path) as settings,
        Arena(tmp_path, WEB_CONCURRENCY="1", **settings) as arena,
    ):
        with ThreadPoolExecutor() as pool:
            trials = product(DIALECTS, (True, False))
            found = [*pool.map(lambda it: try_reach(arena, row, it[0], stream=it[1]), trials)]
        assert found == [[]] * len(found)
        assert "Traceback" not in arena.gateway.log_text()
