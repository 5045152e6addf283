"""The counts of last time, in ``references.json``.

Instructions are those of one build of Python: another build has the ratios to the floor instead,
counted alike.
"""

import platform
from pathlib import Path

import msgspec
from msgspec import Struct

from benchmarks.counted import instructions, memory, system_calls
from benchmarks.counted.instructions import Counts
from benchmarks.counted.memory import Memory
from benchmarks.processes import interpreter

PATH = Path(__file__).with_name("references.json")


class References(Struct):
    """``instructions`` by build of Python, ``ratios`` to the floor with the build that was last
    counted, ``calls`` by span and name, ``memory`` by version of Python and kind of request."""

    instructions: dict[str, Counts]
    ratios: Counts
    calls: dict[str, dict[str, int]]
    memory: dict[str, dict[str, Memory]]


def build() -> str:
    """Return the name of this build of Python."""
    return f"Python {platform.python_version()}, {interpreter()}, {platform.machine()}"


def version() -> str:
    """Return the minor version of this Python."""
    return platform.python_version().rpartition(".")[0]


def load() -> References:
    """Read the file."""
    return msgspec.json.decode(PATH.read_bytes(), type=References)


def count() -> References:
    """Count everything that can be counted here, and keep the rest of the file."""
    found = load() if PATH.exists() else References({}, {}, {}, {})
    found.memory[version()] = memory.count()
    if system_calls.possible():
        found.calls = {span: dict(calls) for span, calls in system_calls.count().items()}
    if instructions.possible():
        counted = instructions.of_gateway()
        found.instructions[build()] = counted
        found.ratios = ratios(counted, instructions.of_floor())
    return found


def ratios(counted: Counts, floor: Counts) -> Counts:
    """Return the counts relative to those of the floor."""
    return {name: round(counted[name] / count, 3) for name, count in floor.items()}


def save(found: References) -> None:
    """Write the file."""
    PATH.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
