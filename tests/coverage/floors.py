"""The share of lines that the tests of all rooms run, and the least that each room must have.

``python -m tests.coverage.floors coverage.json`` reads a report of ``coverage json``, prints a row
for each room, and fails if one is under its floor; the lines that did not run are printed for it.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

FLOORS: Mapping[str, float] = {
    "app/core": 98,
    "app/models": 98,
    "app/catalogue": 95,
    "app/eventstream": 98,
    "app/codewhisperer/answer": 98,
    "app/codewhisperer": 95,
    "app/dialects": 98,
    "app/upstream_http": 95,
    "app/credentials": 93,  # refreshes run in threads, which are not measured
    "app/settings": 95,
    "app/demands": 98,
    "app/fetching": 90,
    "app/hosted": 98,
    "app/compaction": 98,
    "app/client_setup": 95,
    "app/doctor": 90,
    "app/load": 90,
    "app/kept": 95,
    "app/keys": 95,
    "app/page": 95,
    "app/pages": 95,
    "app/server": 90,
    "app/web": 90,
    "app/simulator": 60,  # in tests it runs in threads
    "app": 90,
}
"""In percent. A file belongs to the longest of these names that it is in."""


@dataclass
class Room:
    """What was measured of a room; ``missing`` are the lines of each file that did not run."""

    lines: int = 0
    covered: int = 0
    missing: dict[str, list[int]] = field(default_factory=dict)

    @property
    def percent(self) -> float:
        """The share of lines that ran; 100 for a room without lines."""
        return 100 * self.covered / self.lines if self.lines else 100.0


def room_of(path: str) -> str:
    """The room of a file."""
    parents = [str(parent) for parent in PurePosixPath(path).parents]
    return next(parent for parent in parents if parent in FLOORS)


def measured(report: Mapping[str, Any]) -> dict[str, Room]:
    """The rooms of a report of ``coverage json``."""
    rooms = {name: Room() for name in FLOORS}
    for path, found in report["files"].items():
        room = rooms[room_of(path)]
        room.lines += found["summary"]["num_statements"]
        room.covered += found["summary"]["covered_lines"]
        if found["missing_lines"]:
            room.missing[path] = found["missing_lines"]
    return rooms


def below(rooms: Mapping[str, Room]) -> list[str]:
    """The rooms that are under their floor."""
    return [name for name, room in rooms.items() if room.percent < FLOORS[name]]


def ranges(numbers: Iterable[int]) -> str:
    """``1-3, 7`` for 1, 2, 3 and 7."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def table(rooms: Mapping[str, Room]) -> str:
    """A row for each room, and the lines that did not run of those under their floor."""
    rows = [f"{'room':20} {'lines':>6} {'missed':>6} {'covered':>8} {'floor':>6}"]
    rows += [
        f"{name:20} {room.lines:6} {room.lines - room.covered:6} {room.percent:7.1f}% "
        f"{FLOORS[name]:5.0f}%"
        for name, room in rooms.items()
    ]
    for name in below(rooms):
        rows += ["", f"{name} is under its floor; not run:"]
        rows += [f"  {path}: {ranges(lines)}" for path, lines in rooms[name].missing.items()]
    return "\n".join(rows)


def main(report: Path) -> int:
    """Print the table; 1 if a room is under its floor."""
    rooms = measured(json.loads(report.read_text(encoding="utf-8")))
    sys.stdout.write(table(rooms) + "\n")
    return 1 if below(rooms) else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
