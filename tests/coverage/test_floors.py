"""The floors of ``make coverage``: which room a file counts for, and what is under its floor."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.coverage.floors import FLOORS, below, main, measured, ranges, room_of
from tests.coverage.plugin import NOT_MEASURED

ROOT = Path(__file__).parents[2]


def report(**covered: int) -> dict[str, Any]:
    """Of each file, named by its room, so many of a hundred lines ran."""
    return {
        "files": {
            f"app/{room}/file.py": {
                "summary": {"num_statements": 100, "covered_lines": lines},
                "missing_lines": list(range(lines + 1, 101)),
            }
            for room, lines in covered.items()
        }
    }


@pytest.mark.parametrize(
    ("path", "room"),
    [
        ("app/core/fold.py", "app/core"),
        ("app/codewhisperer/answer/decoder.py", "app/codewhisperer/answer"),
        ("app/codewhisperer/request/repair/turns.py", "app/codewhisperer"),
        ("app/gateway.py", "app"),
        ("app/simulator/log.py", "app/simulator"),
    ],
)
def test_a_file_counts_for_the_nearest_room(path: str, room: str) -> None:
    assert room_of(path) == room


def test_rooms_with_a_floor_exist() -> None:
    assert [name for name in FLOORS if not (ROOT / name).is_dir()] == []


def test_a_room_at_its_floor_passes_and_one_line_less_does_not() -> None:
    assert below(measured(report(core=98, web=90))) == []
    assert below(measured(report(core=97, web=89))) == ["app/core", "app/web"]


def test_what_did_not_run_is_listed_and_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "coverage.json"
    path.write_bytes(msgspec.json.encode(report(core=95, web=90)))
    assert main(path) == 1
    assert "app/core/file.py: 96-100" in capsys.readouterr().out
    path.write_bytes(msgspec.json.encode(report(core=98)))
    assert main(path) == 0


def test_the_tests_that_are_left_out_exist() -> None:
    for name in NOT_MEASURED:
        path, _, test = name.partition("::")
        assert (ROOT / path).exists()
        assert not test or f"def {test.rpartition('::')[2]}(" in (ROOT / path).read_text()


def test_ranges() -> None:
    assert ranges([3, 1, 2, 7]) == "1-3, 7"
