"""Memory that was freed, and is wanted again by the next request."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.server.memory import keep_freed

ROOT = Path(__file__).parents[2]
AS_THE_SERVER_DOES = "import runpy; runpy.run_path('gunicorn.conf.py')['_load_application']()\n"
MEASURE = """
import resource
from app.server.memory import keep_freed

for round in range(40):
    if round == 20:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    held = [bytes(50_000) for _ in range(100)]
    del held
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before, keep_freed())
"""


def run(code: str) -> str:
    """What a Python of its own prints, which must not warn."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "KIRO_CLIENT_TOKEN": "key"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout


def page_faults(first: str = "") -> int:
    """Of twenty rounds in each of which five megabytes are taken and freed."""
    faults, is_glibc = run(first + MEASURE).split()
    if is_glibc != "True":
        pytest.skip("only glibc has mallopt")
    return int(faults)


def test_freed_memory_is_used_again_without_asking_the_system() -> None:
    assert page_faults(AS_THE_SERVER_DOES) < page_faults() / 20


def test_requests_brings_no_detector_of_encodings() -> None:
    look = "import sys; print('requests' in sys.modules, 'charset_normalizer.api' in sys.modules)"
    assert run(AS_THE_SERVER_DOES + look).split() == ["True", "False"]


def test_without_glibc_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.server.memory.ctypes.CDLL", lambda _: object())
    assert keep_freed() is False
