"""Refusals that affect the health of an account, each with its own account."""

import json
import time
from collections.abc import Iterator
from itertools import count, product
from pathlib import Path

import pytest

from app.common.errors import Kind
from tests.chaos.arena import Arena
from tests.chaos.dialects import DIALECTS
from tests.chaos.received import DialectClient
from tests.chaos.refusals import account_refusals
from tests.chaos.row import FaultRow
from tests.chaos.test_rows import judge, judge_log

COMBINATIONS = [*product(DIALECTS, (True, False))]
ROWS = [*account_refusals()]
LIGHT = [row for row in ROWS if not row.heavy]
LEFT_ALONE = {Kind.QUOTA, Kind.SUSPENDED}
"""After these, the next request does not use the account."""


class Accounts:
    """A gateway with one login, which can be replaced."""

    def __init__(self, arena: Arena, source: Path) -> None:
        self.arena = arena
        self._source = source
        self._number = count(1)

    @staticmethod
    def login(name: str) -> str:
        return json.dumps([{"auth": "Social", "refreshToken": f"{name}-" * 30}])

    def replace(self) -> int:
        """Replace the login; return its number once the gateway uses it."""
        number = next(self._number)
        self._source.write_text(self.login(f"account{number}"))
        bearers = {seen.bearer for seen in self.arena.simulator.requests}
        for attempt in range(600):
            mark = f"probe.{number}.{attempt}."
            self.arena.script(mark, {"text": "Hello"})
            self.arena.send(DIALECTS[0], mark, stream=False).read_all()
            if any(seen.bearer not in bearers for seen in self.arena.upstream_requests(mark)):
                return number
            time.sleep(0.05)
        raise AssertionError("the gateway still uses the previous login")


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Accounts]:
    work = tmp_path_factory.mktemp("accounts")
    source = work / "logins.json"
    source.write_text(Accounts.login("first"))
    settings = {
        "KIRO_AUTH_TOKEN": str(source),
        "AWS_REFRESHTOKEN": "",
        "WEB_CONCURRENCY": "1",  # workers read the new login one by one
    }
    with Arena(work, **settings) as arena:
        yield Accounts(arena, source)


def try_account(accounts: Accounts, row: FaultRow, dialect: DialectClient, *, stream: bool) -> None:
    number = accounts.replace()
    arena = accounts.arena
    refreshes = arena.simulator.stats["refreshes"]
    mark = f"{row.name}.{number}."
    arena.script(mark, *row.answers)
    expected, requests = (row.stream, row.requests[0]) if stream else (row.whole, row.requests[1])
    answer = arena.send(dialect, mark, stream=stream).read_all()
    problems = [*judge(expected, answer, dialect, stream=stream)]
    problems += judge_log(arena.log_line(mark), expected, row)
    assert not problems, "\n".join(problems)
    assert len(arena.upstream_requests(mark)) == requests
    renewed = expected.kind is Kind.REFUSED_TOKEN
    assert arena.simulator.stats["refreshes"] - refreshes == renewed
    if expected.kind in LEFT_ALONE:
        again = f"again.{mark}"
        answer = arena.send(dialect, again, stream=stream).read_all()
        assert answer.failure == dialect.failure(expected.kind)
        assert arena.upstream_requests(again) == []


@pytest.mark.parametrize(
    ("row", "dialect", "stream"),
    [(row, *COMBINATIONS[number % len(COMBINATIONS)]) for number, row in enumerate(LIGHT)],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_account_refusal(
    accounts: Accounts, row: FaultRow, dialect: DialectClient, stream: bool
) -> None:
    try_account(accounts, row, dialect, stream=stream)


@pytest.mark.long
@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_account_refusal_in_every_dialect(
    accounts: Accounts, row: FaultRow, dialect: DialectClient, stream: bool
) -> None:
    try_account(accounts, row, dialect, stream=stream)


def test_a_refresh_replaces_a_refused_token(accounts: Accounts) -> None:
    accounts.replace()
    mark = "cured."
    accounts.arena.script(mark, {"fail": "bearer_invalid"}, {"text": "Hello"})
    answer = accounts.arena.send(DIALECTS[0], mark, stream=True).read_all()
    assert (answer.text, answer.stop) == ("Hello", "end_turn")
    first, second = (seen.bearer for seen in accounts.arena.upstream_requests(mark))
    assert first != second
