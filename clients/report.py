"""docs/clients.md: which clients were run, and how each is pointed at the gateway."""

from collections.abc import Iterable
from dataclasses import dataclass

from clients.case import Case

URL, KEY = "http://127.0.0.1:8080", "123456"
API_NAMES = {"messages": "Messages", "chat": "Chat Completions", "responses": "Responses"}

HEAD = """\
# Clients

Released clients, each run by `make clients` against the gateway (two workers, the simulated
upstream) through a task in which the model calls two tools, one after the other, and then answers
in several pieces. A case passes if the client printed the answer, the tools' results came back,
every request was accepted here and upstream, and there were exactly as many requests as the table
says: none repeated, none that fell back from a stream to a whole answer.

How to configure each: the base URL and key are those of a gateway started with `make run`; a key
is whatever `KIRO_CLIENT_TOKEN` says, and any model name is accepted.

| Client | Version | API | Streamed | Whole | Result | How to configure |
|---|---|---|--:|--:|---|---|
"""


@dataclass(frozen=True)
class Result:
    """What became of a case. ``missing`` says why the client could not be installed, "" if it was;
    ``problems`` what was wrong."""

    case: Case
    problems: list[str]
    missing: str = ""

    @property
    def verdict(self) -> str:
        """One word for the table."""
        if self.missing:
            return "not installed"
        return "failed" if self.problems else "passed"


def markdown(results: Iterable[Result]) -> str:
    """The whole file."""
    return HEAD + "".join(map(_row, results))


def _row(result: Result) -> str:
    case = result.case
    cells = (
        case.name,
        case.version,
        API_NAMES[case.api],
        str(case.streamed),
        str(case.whole),
        result.verdict,
        _configuration(case),
    )
    return f"| {' | '.join(cells)} |\n"


def _configuration(case: Case) -> str:
    text = case.configure.replace("{url}", URL).replace("{key}", KEY).replace("|", "\\|")
    lines = [f"`{line.strip()}`" for line in text.splitlines()]
    return "<br>".join([*lines, *filter(None, [case.note])])
