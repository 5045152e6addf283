"""docs/conformance.md: the table of all suites. Nothing in it changes while the results do not."""

from collections import Counter
from collections.abc import Iterable, Iterator

from conformance.run import FileResult, Result

HEAD = """\
# Conformance

The SDKs' own tests, taken from their source distributions and run against the gateway (two workers,
the simulated upstream) by `make conformance`, which writes this file. They check every answer
strictly against the SDK's types, synchronously, asynchronously, raw and streamed.

Tests named `with_all_params` send every parameter at once, filled with placeholders such as
`"properties": {"location": "bar"}` or the ids of conversations that never were. They pass if the
gateway answers, or if it refuses with a 400 (counted under *refused*). A 5xx fails anywhere, and so
does a request that the simulated upstream would not accept. The model names that the suites make up
are configured as aliases (`KIRO_MODELS`).

| Suite | Passed | of these refused | Failed | Excluded | Why excluded |
|---|--:|--:|--:|--:|---|
"""


def markdown(results: Iterable[Result]) -> str:
    """The whole file."""
    return HEAD + "".join(line for result in results for line in _lines(result))


def _lines(result: Result) -> Iterator[str]:
    """A row for the suite, one for each file that was run, one for all that was not."""
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
