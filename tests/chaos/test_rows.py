"""Every row of the table, on every dialect, streamed and whole, through real sockets."""

import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from app.errors import Kind
from tests.chaos.arena import Arena
from tests.chaos.dialects import DIALECTS
from tests.chaos.received import Dialect, Heard
from tests.chaos.row import Gets, Row
from tests.chaos.rows import IMPATIENT, all_rows

AT_A_TIME = 24
NAMES = [row.name for row in all_rows()]


def try_row(arena: Arena, row: Row, dialect: Dialect, *, stream: bool) -> list[str]:
    """What is not as the row says."""
    mark = f"row.{row.name}.{dialect.name}.{'sw'[not stream]}."
    arena.script(mark, *row.answers)
    if row.plans:
        arena.proxy.plan(mark, *row.plans)
    gets, asked = (row.stream, row.asked[0]) if stream else (row.whole, row.asked[1])
    try:
        heard = arena.ask(dialect, mark, stream=stream, padding=row.padding).hear()
        problems = [*judge(gets, heard, dialect, stream=stream)]
        if (count := len(arena.chats(mark))) != asked:
            problems.append(f"the upstream was asked {count} times, not {asked}")
        problems += judge_log(arena.line(mark), gets, row)
    except AssertionError as error:
        return [f"{type(error).__name__}: {error}"]
    return problems


def judge(gets: Gets, heard: Heard, dialect: Dialect, *, stream: bool) -> Iterator[str]:
    def differs(what: str, found: object, due: object) -> Iterator[str]:
        if found != due:
            shown = [str(value)[:200] for value in (found, due)]
            yield f"{what}: {shown[0]}, not {shown[1]}"

    status, failure = 200, None
    if gets.kind is not None:
        failure = dialect.failure(gets.kind, begun=gets.begun)
        status = 200 if gets.begun else failure.status
    yield from differs("status", heard.status, status)
    yield from differs("failure", heard.failure, failure)
    stop = gets.stop and dialect.stop(gets.stop)
    yield from differs("stop", heard.stop, stop)
    yield from differs("text", heard.text, gets.text)
    yield from differs("thinking", heard.thinking, gets.thinking)
    calls = [(_spaceless(call.written), call.ended) for call in heard.calls]
    due = [
        (_spaceless(written), not stream or dialect.ends(state, stop))
        for written, state in gets.calls
    ]
    yield from differs("tool calls", calls, due)
    yield from differs("a proper end of HTTP", heard.whole, True)
    yield from differs("retry-after", heard.headers.get("retry-after"), gets.retry_after)
    if not gets.waited[0] <= heard.waited <= gets.waited[1]:
        yield f"the head came after {heard.waited:.2f} s, not {gets.waited}"
    if stream and gets.quiet and heard.pings <= dialect.opening_pings:
        yield "no sign of life in a silent stretch"


def _spaceless(json: str) -> str:
    """Whole answers write JSON anew."""
    return json.replace(" ", "")


def judge_log(line: Mapping[str, Any], gets: Gets, row: Row) -> Iterator[str]:
    due = {"error": gets.kind and gets.kind.value, "cancelled": False, **row.log}
    for name, value in due.items():
        if line.get(name) != value:
            yield f"the log says {name}={line.get(name)!r}, not {value!r}"


def try_all(arena: Arena, rows: Iterable[Row], subtests: pytest.Subtests) -> None:
    """All rows at the same time, in every dialect, streamed and whole."""
    trials = [*product(rows, DIALECTS, (True, False))]
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        found = pool.map(lambda it: try_row(arena, it[0], it[1], stream=it[2]), trials)
        for (row, dialect, stream), problems in zip(trials, found, strict=True):
            with subtests.test(row=row.name, dialect=dialect.name, stream=stream):
                assert not problems, "\n".join(problems)
    assert "Traceback" not in arena.gateway.log_text()


def light(gateway: str) -> list[Row]:
    return [row for row in all_rows() if row.gateway == gateway and not row.heavy]


def test_no_row_has_another_rows_name() -> None:
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
"""The words by which clients know that they must shorten the conversation, and by how much."""


def test_a_conversation_that_is_too_long_is_told_with_its_figures(tmp_path: Path) -> None:
    with Arena(tmp_path, WEB_CONCURRENCY="1") as arena:
        for dialect in DIALECTS:
            mark = f"row.too-long.{dialect.name}."
            heard = arena.ask(dialect, mark, stream=True, padding=2_000_000).hear()
            assert heard.failure == dialect.failure(Kind.CONTEXT_TOO_LONG)
            found = re.search(TOO_LONG[dialect.name], heard.message)
            assert found, heard.message
            window, tokens = sorted(map(int, found.groups()))
            assert window == 200_000
            assert tokens > 500_000


@pytest.mark.long
@pytest.mark.timeout(300)
def test_heavy_faults(tmp_path: Path, subtests: pytest.Subtests) -> None:
    with Arena(tmp_path) as arena:
        try_all(arena, [row for row in all_rows() if row.heavy], subtests)
