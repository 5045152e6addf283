"""Every row of the tables, in every dialect, streamed and not streamed, over real sockets."""

import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from app.common.errors import Kind
from tests.chaos.arena import Arena
from tests.chaos.dialects import DIALECTS
from tests.chaos.received import DialectClient, ReceivedAnswer
from tests.chaos.row import Expected, FaultRow
from tests.chaos.rows import IMPATIENT, all_rows

AT_A_TIME = 24
NAMES = [row.name for row in all_rows()]


def try_row(arena: Arena, row: FaultRow, dialect: DialectClient, *, stream: bool) -> list[str]:
    """Return what differs from the row."""
    mark = f"row.{row.name}.{dialect.name}.{'sw'[not stream]}."
    arena.script(mark, *row.answers)
    if row.plans:
        arena.proxy.plan(mark, *row.plans)
    expected, requests = (row.stream, row.requests[0]) if stream else (row.whole, row.requests[1])
    try:
        answer = arena.send(
            dialect, mark, stream=stream, padding=row.padding, limit=row.limit
        ).read_all()
        problems = [*judge(expected, answer, dialect, stream=stream)]
        if (count := len(arena.upstream_requests(mark))) != requests:
            problems.append(f"the upstream got {count} requests, not {requests}")
        problems += judge_log(arena.log_line(mark), expected, row)
    except AssertionError as error:
        return [f"{type(error).__name__}: {error}"]
    return problems


def judge(
    expected: Expected, answer: ReceivedAnswer, dialect: DialectClient, *, stream: bool
) -> Iterator[str]:
    def differs(what: str, found: object, due: object) -> Iterator[str]:
        if found != due:
            shown = [str(value)[:200] for value in (found, due)]
            yield f"{what}: {shown[0]}, not {shown[1]}"

    status, failure = 200, None
    if expected.kind is not None:
        failure = dialect.failure(expected.kind, begun=expected.begun)
        status = 200 if expected.begun else failure.status
    yield from differs("status", answer.status, status)
    yield from differs("failure", answer.failure, failure)
    stop = expected.stop and dialect.stop(expected.stop)
    yield from differs("stop", answer.stop, stop)
    yield from differs("text", answer.text, expected.text)
    yield from differs("explanation", answer.explained, expected.explained)
    yield from differs("thinking", answer.thinking, expected.thinking)
    calls = [(_spaceless(call.written), call.ended) for call in answer.calls]
    due = [
        (_spaceless(written), not stream or dialect.ends(state, stop))
        for written, state in expected.calls
    ]
    yield from differs("tool calls", calls, due)
    yield from differs("a proper end of the HTTP body", answer.whole, True)
    yield from differs("retry-after", answer.headers.get("retry-after"), expected.retry_after)
    if not expected.waited[0] <= answer.waited <= expected.waited[1]:
        yield f"the head arrived after {answer.waited:.2f} s, not {expected.waited}"
    if stream and expected.quiet and answer.pings <= dialect.opening_pings:
        yield "no ping during a pause"


def _spaceless(json: str) -> str:
    """Remove spaces: whole answers encode JSON again."""
    return json.replace(" ", "")


def judge_log(line: Mapping[str, Any], expected: Expected, row: FaultRow) -> Iterator[str]:
    due = {"error": expected.kind and expected.kind.value, "cancelled": False, **row.log}
    for name, value in due.items():
        if line.get(name) != value:
            yield f"the log has {name}={line.get(name)!r} instead of {value!r}"


def try_all(arena: Arena, rows: Iterable[FaultRow], subtests: pytest.Subtests) -> None:
    """Test all rows at the same time, in every dialect, streamed and not streamed."""
    trials = [
        (row, dialect, stream)
        for row, dialect, stream in product(rows, DIALECTS, (True, False))
        if not row.limit or row.limit in dialect.limits
    ]
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        found = pool.map(lambda it: try_row(arena, it[0], it[1], stream=it[2]), trials)
        for (row, dialect, stream), problems in zip(trials, found, strict=True):
            with subtests.test(row=row.name, dialect=dialect.name, stream=stream):
                assert not problems, "\n".join(problems)
    assert "Traceback" not in arena.gateway.log_text()


def light(gateway: str) -> list[FaultRow]:
    return [row for row in all_rows() if row.gateway == gateway and not row.heavy]


def test_names_of_rows_are_unique() -> None:
    assert len(set(NAMES)) == len(NAMES)


def test_faults_of_the_upstream_and_the_network(tmp_path: Path, subtests: pytest.Subtests) -> None:
    with Arena(tmp_path) as arena:
        try_all(arena, light("patient"), subtests)


def test_faults_that_take_time(tmp_path: Path, subtests: pytest.Subtests) -> None:
    with Arena(tmp_path, **IMPATIENT) as arena:
        try_all(arena, light("impatient"), subtests)


TOO_LONG = {
    "anthropic": r"prompt is too long: (\d+) tokens > (\d+) maximum",
    "openai-chat": r"maximum context length is (?=(\d+)).*resulted in (?=(\d+))",
    "openai-responses": r"maximum context length is (?=(\d+)).*resulted in (?=(\d+))",
}
"""The words that tell clients to shorten the conversation, and by how much."""


def test_a_conversation_that_is_too_long_is_refused_with_its_figures(tmp_path: Path) -> None:
    with Arena(tmp_path, WEB_CONCURRENCY="1") as arena:
        for dialect in DIALECTS:
            mark = f"row.too-long.{dialect.name}."
            answer = arena.send(dialect, mark, stream=True, padding=2_000_000).read_all()
            assert answer.failure == dialect.failure(Kind.CONTEXT_TOO_LONG)
            found = re.search(TOO_LONG[dialect.name], answer.message)
            assert found, answer.message
            window, tokens = sorted(map(int, found.groups()))
            assert window == 200_000
            assert tokens > 400_000


@pytest.mark.long
@pytest.mark.timeout(300)
def test_heavy_faults(tmp_path: Path, subtests: pytest.Subtests) -> None:
    with Arena(tmp_path) as arena:
        try_all(arena, [row for row in all_rows() if row.heavy], subtests)
