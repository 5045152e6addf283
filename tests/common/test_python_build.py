"""How Python was built, and which one ``make`` takes."""

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from app.common import python_build

ROOT = Path(__file__).parent.parent.parent
SCRIPT = ROOT / "app" / "common" / "python_build.py"
OPTIMIZED, ANOTHER, UNFIT = 0, 3, 2


def recorded(monkeypatch: pytest.MonkeyPatch, schemes: list[str], **variables: str) -> None:
    monkeypatch.setattr(sysconfig, "get_config_var", variables.get)
    monkeypatch.setattr(sysconfig, "get_scheme_names", lambda: schemes)


@pytest.mark.parametrize(
    ("variables", "schemes", "expected"),
    [
        ({"CONFIG_ARGS": "'--enable-shared' '--enable-optimizations' '--with-lto'"}, [], True),
        ({"CONFIG_ARGS": "", "PY_CORE_CFLAGS": "-O3 -fprofile-use"}, [], True),
        ({"CONFIG_ARGS": "'--with-dtrace'"}, ["deb_system", "posix_prefix"], True),
        ({"CONFIG_ARGS": "'--enable-shared'"}, ["posix_prefix"], False),
        ({"PGO_PROF_USE_FLAG": "-fprofile-use"}, ["posix_prefix"], False),  # not what was used
        ({}, [], False),
    ],
)
def test_what_a_build_has_recorded(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], schemes: list[str], expected: bool
) -> None:
    recorded(monkeypatch, schemes, **variables)
    assert python_build.is_optimized() is expected
    assert ("built with " if expected else "built without ") in python_build.description()


def test_run_by_itself_it_tells_make() -> None:
    done = subprocess.run(
        [sys.executable, "-I", str(SCRIPT)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == (OPTIMIZED if python_build.is_optimized() else ANOTHER)
    assert done.stdout == python_build.description() + "\n"


def interpreter(place: Path, name: str, code: int) -> str:
    """A program that answers ``make`` as a Python of that kind would."""
    path = place / name
    path.write_text(
        f'#!/bin/sh\nif [ "$1" = -I ]; then echo "I am {name}"; exit {code}; fi\n'
        'mkdir -p "$3/bin" && touch "$3/bin/python"\n'
    )
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("codes", "taken"),
    [
        ([OPTIMIZED, ANOTHER], 0),
        ([ANOTHER, OPTIMIZED], 1),
        ([UNFIT, ANOTHER, ANOTHER], 1),
        ([ANOTHER, UNFIT], 0),
        ([1, ANOTHER], 1),  # it does not understand the file
        ([UNFIT], None),
    ],
)
def test_make_takes_one_that_is_optimized_and_says_which(
    tmp_path: Path, codes: list[int], taken: int | None
) -> None:
    make = shutil.which("make")
    if make is None:
        pytest.skip("there is no make")
    pythons = [interpreter(tmp_path, f"p{at}", code) for at, code in enumerate(codes)]
    venv = tmp_path / "venv"
    done = subprocess.run(
        [make, f"VENV={venv}", f"PYTHON=nothing {' '.join(pythons)}", f"{venv}/bin/python"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    if taken is None:
        assert done.returncode != 0
        assert "kiro2api needs Python 3.11 or newer" in done.stderr
    else:
        assert f"{venv} is made with {pythons[taken]}: I am p{taken}" in done.stdout
        assert (venv / "bin" / "python").exists()
