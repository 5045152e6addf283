"""The same stories through gunicorn, over real sockets."""

import base64
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.chaos.arena import Arena
from tests.chaos.dialects import DIALECTS
from tests.chaos.received import Dialect
from tests.truth.judging import differences
from tests.truth.stories import Telling, tell, told_to_stream, told_whole

ATTEMPTS = 3
AT_A_TIME = 24


def script(telling: Telling, random: Random) -> dict[str, Any]:
    """How the simulator is told to tell it."""
    framing: dict[str, Any] = {
        "whole": lambda: {"framing": random.choice(("chunked", "length"))},
        "closed": lambda: {"framing": "close"},
        "broken": lambda: random.choice(
            ({"cut": {"after": 1}}, {"framing": "length", "length_error": 9})
        ),
    }[telling.end]()
    if not telling.body:
        return {"empty": True, **framing}
    return {
        "say": [{"raw": base64.b64encode(telling.body).decode()}],
        "bare": True,
        "bytes_per_chunk": random.choice((1, 7, 100, 10_000)),
        **framing,
    }


def try_story(arena: Arena, seed: int, dialect: Dialect, *, stream: bool) -> list[str]:
    random = Random(seed)
    mark = f"story.{seed}.{dialect.name}.{'sw'[not stream]}."
    tellings = [tell(random) for _ in range(ATTEMPTS)]
    arena.script(mark, *(script(telling, random) for telling in tellings))
    answer = arena.ask(dialect, mark, stream=stream).hear()
    must = told_to_stream(tellings) if stream else told_whole(tellings)
    found = [*differences(answer, must, dialect, stream=stream)]
    if not answer.whole:
        found.append("HTTP did not end properly")
    return [f"{mark} {problem}" for problem in found]


def try_many(arena: Arena, seeds: range) -> None:
    trials = [*product(seeds, DIALECTS, (True, False))]
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        found = pool.map(lambda it: try_story(arena, it[0], it[1], stream=it[2]), trials)
        untrue = [problem for problems in found for problem in problems]
    assert not untrue, "\n".join(untrue)


def test_stories_over_sockets(tmp_path: Path) -> None:
    with Arena(tmp_path) as arena:
        try_many(arena, range(20))


@pytest.mark.long
@pytest.mark.timeout(600)
def test_many_stories_over_sockets(tmp_path: Path) -> None:
    with Arena(tmp_path) as arena:
        try_many(arena, range(10_000, 10_400))
