"""One inverted byte of the answer, at every offset: a normal end appears only if it was sent."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.common.errors import Kind
from tests.chaos.arena import Arena
from tests.chaos.dialects import DIALECTS
from tests.chaos.test_rows import AT_A_TIME

TEXT = ["Hel", "lo"]


def damage(arena: Arena, offset: int) -> list[str]:
    """Return what is wrong with the answer whose byte at ``offset`` is inverted."""
    dialect, stream = DIALECTS[offset % len(DIALECTS)], bool(offset // len(DIALECTS) % 2)
    mark = f"damage.{offset}."
    arena.script(mark, {"text": TEXT, "corrupt": {"offset": offset}})
    answer = arena.send(dialect, mark, stream=stream).read_all()
    problems = []
    if answer.stop is not None:
        problems.append(f"a normal stop: {answer.stop}")
    begun = answer.status == 200
    if answer.failure != dialect.failure(Kind.CORRUPT, begun=begun):
        problems.append(f"not reported as corrupt: {answer.failure} {answer.message}")
    if not "".join(TEXT).startswith(answer.text) or begun != bool(answer.text):
        problems.append(f"status {answer.status}, and the text is {answer.text!r}")
    if arena.log_line(mark).get("error") != "corrupt":
        problems.append("the log does not report it")
    return [f"byte {offset}: {problem}" for problem in problems]


def try_offsets(arena: Arena, offsets: Iterable[int]) -> None:
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        found = [
            problem
            for problems in pool.map(lambda it: damage(arena, it), offsets)
            for problem in problems
        ]
    assert not found, "\n".join(found)


def size_of_answer(arena: Arena) -> int:
    arena.script("damage.size.", {"text": TEXT})
    arena.send(DIALECTS[0], "damage.size.", stream=True).read_all()
    return arena.upstream_requests("damage.size.")[0].bytes_sent


def test_an_inverted_byte_at_some_offsets(tmp_path: Path) -> None:
    with Arena(tmp_path) as arena:
        try_offsets(arena, range(0, size_of_answer(arena), 19))


@pytest.mark.long
@pytest.mark.timeout(600)
def test_an_inverted_byte_at_every_offset(tmp_path: Path) -> None:
    with Arena(tmp_path) as arena:
        try_offsets(arena, range(size_of_answer(arena)))
