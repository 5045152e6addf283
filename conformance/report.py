"""Generates docs/conformance.md. The same results always give the same file."""

from collections import Counter
from collections.abc import Iterable, Iterator

from conformance.run import FileResult, Result

HEAD = """\
# Conformance

The SDKs' own tests, from their source distributions. `make conformance` runs them against the
gateway (two workers, the simulated upstream) and writes this file. The tests check every answer
strictly against the SDK's types, synchronously, asynchronously, raw and streamed.

Tests named `with_all_params` send every parameter in one request, with placeholders such as
`"properties": {"location": "bar"}` or ids of conversations that do not exist. They pass if the
gateway answers, or if it refuses with a 400 (counted under *refused*). So do those that cancel a
response which has ended, as the API refuses that too. A 5xx always counts as a failure, and so does
a request that the simulated upstream refuses. The model names of the suites are configured as
aliases (`KIRO_MODELS`). Tests that ask for a response or a conversation by a placeholder get the id
of one that was made for them.

| Suite | Passed | of which refused | Failed | Excluded | Why excluded |
|---|--:|--:|--:|--:|---|
"""


def markdown(results: Iterable[Result]) -> str:
    """Return the whole file."""
    return HEAD + "".join(line for result in results for line in _lines(result))


def _lines(result: Result) -> Iterator[str]:
    """Yield a row for the suite, one for each file that was run, and one for all other files."""
    yield _row(f"**{result.package} {result.version}**", _sum(result.files.values()), why=False)
    others = []
    for name, file in sorted(result.files.items()):
        if file.passed + file.refused + file.failed:
            yield _row(f"`{name}`", file)
        else:
            others.append(file)
    yield _row(f"{len(others)} other files", _sum(others))


def _row(name: str, file: FileResult, *, why: bool = True) -> str:
    reasons = "; ".join(sorted(file.excluded)) if why else ""
    counts = (file.passed + file.refused, file.refused, file.failed, file.excluded.total())
    return f"| {name} | {' | '.join(map(str, counts))} | {reasons} |\n"


def _sum(files: Iterable[FileResult]) -> FileResult:
    total = FileResult(excluded=Counter())
    for file in files:
        total.passed += file.passed
        total.refused += file.refused
        total.failed += file.failed
        total.excluded += file.excluded
    return total
