"""A byte of the answer turned over, at every offset: never an end that was not sent."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.errors import Kind
from tests.chaos.arena import Arena
from tests.chaos.dialects import DIALECTS
from tests.chaos.test_rows import AT_A_TIME

TEXT = ["Hel", "lo"]


def damage(arena: Arena, offset: int) -> list[str]:
    """What is not as it must be with the byte at ``offset`` turned over."""
    dialect, stream = DIALECTS[offset % len(DIALECTS)], bool(offset // len(DIALECTS) % 2)
    mark = f"damage.{offset}."
    arena.script(mark, {"text": TEXT, "corrupt": {"offset": offset}})
    heard = arena.ask(dialect, mark, stream=stream).hear()
    problems = []
    if heard.stop is not None:
        problems.append(f"a normal stop: {heard.stop}")
    begun = heard.status == 200
    if heard.failure != dialect.failure(Kind.CORRUPT, begun=begun):
        problems.append(f"not as damaged: {heard.failure} {heard.message}")
    if not "".join(TEXT).startswith(heard.text) or begun != bool(heard.text):
        problems.append(f"status {heard.status}, and the text is {heard.text!r}")
    if arena.line(mark).get("error") != "corrupt":
        problems.append("the log does not say so")
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
    arena.ask(DIALECTS[0], "damage.size.", stream=True).hear()
    return arena.chats("damage.size.")[0].bytes_sent


def test_a_byte_turned_over_here_and_there(tmp_path: Path) -> None:
    with Arena(tmp_path) as arena:
        try_offsets(arena, range(0, size_of_answer(arena), 19))


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_byte_turned_over_at_every_offset(tmp_path: Path) -> None:
    with Arena(tmp_path) as arena:
        try_offsets(arena, range(size_of_answer(arena)))
