"""Refusals that are held against an account, each with an account of its own."""

import json
import time
from collections.abc import Iterator
from itertools import count, product
from pathlib import Path

import pytest

from app.errors import Kind
from tests.chaos.arena import Arena
from tests.chaos.dialects import DIALECTS
from tests.chaos.received import Dialect
from tests.chaos.refusals import account_refusals
from tests.chaos.row import Row
from tests.chaos.test_rows import judge, judge_log

COMBINATIONS = [*product(DIALECTS, (True, False))]
ROWS = [*account_refusals()]
LIGHT = [row for row in ROWS if not row.heavy]
LEFT_ALONE = {Kind.QUOTA, Kind.SUSPENDED}
"""After these the account is not used again by the next request."""


class Accounts:
    """A gateway whose one login can be replaced by a fresh one."""

    def __init__(self, arena: Arena, source: Path) -> None:
        self.arena = arena
        self._source = source
        self._number = count(1)

    @staticmethod
    def login(name: str) -> str:
        return json.dumps([{"auth": "Social", "refreshToken": f"{name}-" * 30}])

    def replace(self) -> int:
        """Put another login in its place; its number, once it was used and accepted."""
        number = next(self._number)
        self._source.write_text(self.login(f"account{number}"))
        bearers = {seen.bearer for seen in self.arena.simulator.requests}
        for attempt in range(600):
            mark = f"probe.{number}.{attempt}."
            self.arena.script(mark, {"text": "Hello"})
            self.arena.ask(DIALECTS[0], mark, stream=False).hear()
            if any(seen.bearer not in bearers for seen in self.arena.chats(mark)):
                return number
            time.sleep(0.05)
        raise AssertionError("the gateway goes on with the former login")


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Accounts]:
    work = tmp_path_factory.mktemp("accounts")
    source = work / "logins.json"
    source.write_text(Accounts.login("first"))
    settings = {
        "KIRO_AUTH_TOKEN": str(source),
        "AWS_REFRESHTOKEN": "",
        "WEB_CONCURRENCY": "1",  # workers take the new login up one by one
    }
    with Arena(work, **settings) as arena:
        yield Accounts(arena, source)


def try_account(accounts: Accounts, row: Row, dialect: Dialect, *, stream: bool) -> None:
    number = accounts.replace()
    arena = accounts.arena
    refreshes = arena.simulator.stats["refreshes"]
    mark = f"{row.name}.{number}."
    arena.script(mark, *row.answers)
    gets, asked = (row.stream, row.asked[0]) if stream else (row.whole, row.asked[1])
    heard = arena.ask(dialect, mark, stream=stream).hear()
    problems = [*judge(gets, heard, dialect, stream=stream)]
    problems += judge_log(arena.line(mark), gets, row)
    assert not problems, "\n".join(problems)
    assert len(arena.chats(mark)) == asked
    renewed = gets.kind is Kind.REFUSED_TOKEN
    assert arena.simulator.stats["refreshes"] - refreshes == renewed
    if gets.kind in LEFT_ALONE:
        again = f"again.{mark}"
        heard = arena.ask(dialect, again, stream=stream).hear()
        assert heard.failure == dialect.failure(gets.kind)
        assert arena.chats(again) == []


@pytest.mark.parametrize(
    ("row", "dialect", "stream"),
    [(row, *COMBINATIONS[number % len(COMBINATIONS)]) for number, row in enumerate(LIGHT)],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_account_refusal(accounts: Accounts, row: Row, dialect: Dialect, stream: bool) -> None:
    try_account(accounts, row, dialect, stream=stream)


@pytest.mark.long
@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_account_refusal_in_every_dialect(
    accounts: Accounts, row: Row, dialect: Dialect, stream: bool
) -> None:
    try_account(accounts, row, dialect, stream=stream)


def test_a_refused_token_that_a_refresh_cures(accounts: Accounts) -> None:
    accounts.replace()
    mark = "cured."
    accounts.arena.script(mark, {"fail": "bearer_invalid"}, {"text": "Hello"})
    heard = accounts.arena.ask(DIALECTS[0], mark, stream=True).hear()
    assert (heard.text, heard.stop) == ("Hello", "end_turn")
    first, second = (seen.bearer for seen in accounts.arena.chats(mark))
    assert first != second
