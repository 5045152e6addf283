"""Memory that was freed, and is wanted again by the next request."""

import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
from app.web.memory import keep_freed

if sys.argv[1] == "kept" and not keep_freed():
    sys.exit("not glibc")
for round in range(40):
    if round == 20:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    held = [bytes(50_000) for _ in range(100)]
    del held
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(how: str) -> int:
    """Of twenty rounds in each of which five megabytes are taken and freed."""
    done = subprocess.run(
        [sys.executable, "-c", FAULTS, how], capture_output=True, text=True, timeout=60
    )
    if "not glibc" in done.stderr:
        pytest.skip("only glibc has mallopt")
    return int(done.stdout)


def test_freed_memory_is_used_again_without_asking_the_system() -> None:
    assert page_faults("kept") < page_faults("given back") / 20
