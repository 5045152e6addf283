"""Generates docs/clients.md: the tested clients and their configuration."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from clients.case import Case

URL, KEY = "http://127.0.0.1:8080", "123456"
API_NAMES = {"messages": "Messages", "chat": "Chat Completions", "responses": "Responses"}

HEAD = """\
# Clients

`make clients` runs each of these released clients against the gateway (two workers, the simulated
upstream). In its task the model says a word, calls a tool, does so again, and then answers in
several pieces; what differs is in the last column. A case passes if the client printed the answer,
the tool results came back, gateway and upstream accepted every request, and the number of requests
is exactly that of the table: no request was repeated or fell back from a stream to a whole answer.

Where an answer fails in the middle, the case passes if the client says so and ends with an error,
or asks again and prints the whole answer: none takes half an answer for a whole one.
OpenHands says so, but ends with status 0 after any failure.
Claude Code and Codex choose their model by themselves in their first case, which must reach the
upstream with the effort that they ask for. `make newest` tries the newest versions.

The configurations use the base URL and key of a gateway started with `make run`.
`KIRO_CLIENT_TOKEN` sets the key. Any model name is accepted.

| Client | Version | API | Streamed | Whole | Result | How to configure |
|---|---|---|--:|--:|---|---|
"""

FAILURES = Path(__file__).with_name("failures.md")
"""What clients do upon a failure: written by hand, the end of the file."""


@dataclass(frozen=True)
class Result:
    """The outcome of a case.

    ``missing``: the reason why the client could not be installed, or "". ``problems``: what failed.
    """

    case: Case
    problems: list[str]
    missing: str = ""

    @property
    def verdict(self) -> str:
        """The result in the table."""
        if self.missing:
            return "not installed"
        return "failed" if self.problems else "passed"


def markdown(results: Iterable[Result]) -> str:
    """Return the whole file."""
    rows = "".join(map(_row, results))
    return f"{HEAD}{rows}\n{FAILURES.read_text(encoding='utf-8')}"


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
