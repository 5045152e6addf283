"""``python -m clients.newest [CLIENT ...]``: the newest of every client and SDK, against the pins.

It asks the registries for the newest version of each pinned package, runs the cases of those that
have changed with the new versions, and runs the suites of new SDKs. One table says what changed and
what became of it. Nothing of the checkout is changed: to take a version, pin it.
"""

import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import click

from clients.bench import run
from clients.case import Case, Registry
from clients.catalogue import CASES
from clients.install import NotInstalled
from clients.verdict import problems
from conformance import workshop
from conformance.suites import SUITES

NAMES = tuple(dict.fromkeys(case.client for case in CASES))
HEAD = "| Package | Pinned | Newest | Result |\n|---|---|---|---|\n"
LOOK_UP_SECONDS = 60


@dataclass(frozen=True)
class Pin:
    """A pinned requirement. ``extras`` are in brackets, or empty."""

    registry: Registry
    name: str
    extras: str
    version: str

    @classmethod
    def read(cls, registry: Registry, requirement: str) -> "Pin":
        """Read a requirement as the cases write it."""
        mark = "==" if registry == "pypi" else "@"
        name, _, version = requirement.rpartition(mark)
        plain, _, extras = name.partition("[")
        return cls(registry, plain, f"[{extras}" if extras else "", version)

    def at(self, version: str) -> str:
        """Return the requirement with another version."""
        mark = "==" if self.registry == "pypi" else "@"
        return f"{self.name}{self.extras}{mark}{version}"


@dataclass(frozen=True)
class Row:
    """A line of the table: a package that changed, and what its new version does."""

    pin: Pin
    newest: str
    result: str


def table(rows: Iterable[Row]) -> str:
    """Return the rows as a Markdown table, each once."""
    lines = [
        f"| {row.pin.name} | {row.pin.version} | {row.newest} | {row.result} |" for row in rows
    ]
    return HEAD + "".join(f"{line}\n" for line in dict.fromkeys(lines))


@cache
def newest(pin: Pin, same_major: bool, python: str = "") -> str:
    """Return the newest version in the registry; the pinned one if the registry does not say.

    ``python``: the minor version of Python that it is for, if not ours.
    """
    if pin.registry == "npm":
        wanted = f"{pin.name}@^{pin.version.split('.')[0]}" if same_major else pin.name
        answer = _ask(["npm", "view", wanted, "version", "--json"])
        return max(re.findall(r'"(\d[^"]*)"', answer), key=_order, default=pin.version)
    pip = [sys.executable, "-m", "pip", "index", "versions", "--disable-pip-version-check"]
    options = ["--python-version", python] if python else []
    found = re.search(r"\((\S+)\)", _ask([*pip, *options, pin.name]))
    return found[1] if found else pin.version


def _order(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version.partition("-")[0])]


def _ask(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LOOK_UP_SECONDS)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def _rows_of_case(case: Case) -> list[Row]:
    """Run a case with the newest versions if one of its packages has changed."""
    pins = [Pin.read(case.registry, requirement) for requirement in case.packages]
    versions = [newest(pin, case.same_major, case.python) for pin in pins]
    changed = [(pin, new) for pin, new in zip(pins, versions, strict=True) if new != pin.version]
    if not changed:
        return []
    packages = tuple(pin.at(new) for pin, new in zip(pins, versions, strict=True))
    try:
        found = problems(case, run(replace(case, packages=packages)))
    except NotInstalled as error:
        found = [f"not installed: {error}"]
    said = "; ".join(found).replace("\n", " ").replace("|", "\\|") or "passed"
    named = " ".join(filter(None, [case.name, case.api, case.note]))
    click.echo(f"{named}: {said}", err=True)
    return [Row(pin, new, f"{named}: {said}") for pin, new in changed]


def _rows_of_suites() -> list[Row]:
    """Run the suites of the SDKs of which there is a newer version."""
    pins = [Pin("pypi", suite.package, "", workshop.pinned(suite.package)) for suite in SUITES]
    changed = [(pin, newest(pin, False)) for pin in pins]
    changed = [(pin, new) for pin, new in changed if new != pin.version]
    if not changed:
        return []
    with tempfile.TemporaryDirectory(prefix="newest-") as work:
        lock = _lock(Path(work), {pin.name: new for pin, new in changed})
        return [Row(pin, new, _suite(pin.name, lock)) for pin, new in changed]


def _lock(work: Path, versions: dict[str, str]) -> Path:
    """Lock the group of the suites with these versions."""
    project = tomllib.loads((workshop.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    pins = [Pin.read("pypi", each) for each in project["dependency-groups"]["conformance"]]
    wanted, lock = work / "wanted.txt", work / "lock.txt"
    lines = [pin.at(versions.get(pin.name, pin.version)) for pin in pins]
    wanted.write_text("\n".join(lines), encoding="utf-8")
    uv = Path(sys.executable).parent / "uv"
    options = ["--quiet", "--generate-hashes", "--universal", "--python-version", "3.11"]
    subprocess.run([uv, "pip", "compile", *options, wanted, "-o", lock], check=True)
    return lock


def _suite(package: str, lock: Path) -> str:
    """Run the suite of one SDK in the versions of a lock; return its last line."""
    done = subprocess.run(
        [sys.executable, "-m", "conformance", package],
        env={**os.environ, workshop.LOCK_VARIABLE: str(lock)},
        stdout=subprocess.PIPE,
        text=True,
    )
    return (done.stdout.strip().splitlines() or ["did not run"])[-1]


@click.command()
@click.argument("clients", nargs=-1, type=click.Choice(NAMES))
def main(clients: tuple[str, ...]) -> None:
    """Run the newest version of each client and SDK; without names of all, the suites too."""
    rows = [] if clients else _rows_of_suites()
    for case in CASES:
        if not clients or case.client in clients:
            rows += _rows_of_case(case)
    click.echo(table(rows) if rows else "Every pin is the newest version.")


if __name__ == "__main__":
    main(prog_name="python -m clients.newest")
