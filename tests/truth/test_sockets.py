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
from tests.chaos.received import DialectClient
from tests.truth.judging import differences
from tests.truth.stories import Transmission, expected_stream, expected_whole, random_transmission

ATTEMPTS = 3
AT_A_TIME = 24


def script(transmission: Transmission, random: Random) -> dict[str, Any]:
    """Return the scripted answer with which the simulator sends it."""
    framing = _framing(transmission, random)
    if not transmission.body:
        return {"empty": True, **framing}
    return {
        "say": [{"raw": base64.b64encode(transmission.body).decode()}],
        "bare": True,
        "bytes_per_chunk": random.choice((1, 7, 100, 10_000)),
        **framing,
    }


def _framing(transmission: Transmission, random: Random) -> dict[str, Any]:
    match transmission.end:
        case "whole":
            return {"framing": random.choice(("chunked", "length"))}
        case "closed":
            return {"framing": "close"}
    broken: tuple[dict[str, Any], ...] = (
        {"cut": {"after": 1}},
        {"framing": "length", "length_error": 9},
    )
    return random.choice(broken)


def try_story(arena: Arena, seed: int, dialect: DialectClient, *, stream: bool) -> list[str]:
    random = Random(seed)
    mark = f"story.{seed}.{dialect.name}.{'sw'[not stream]}."
    transmissions = [random_transmission(random) for _ in range(ATTEMPTS)]
    arena.script(mark, *(script(transmission, random) for transmission in transmissions))
    answer = arena.send(dialect, mark, stream=stream).read_all()
    expected = expected_stream(transmissions) if stream else expected_whole(transmissions)
    found = [*differences(answer, expected, dialect, stream=stream)]
    if not answer.whole:
        found.append("the HTTP body did not end properly")
    return [f"{mark} {problem}" for problem in found]


def try_many(arena: Arena, seeds: range) -> None:
    trials = [*product(seeds, DIALECTS, (True, False))]
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        results = pool.map(lambda it: try_story(arena, it[0], it[1], stream=it[2]), trials)
        found = [problem for problems in results for problem in problems]
    assert not found, "\n".join(found)


def test_stories_over_sockets(tmp_path: Path) -> None:
    with Arena(tmp_path) as arena:
        try_many(arena, range(20))


@pytest.mark.long
@pytest.mark.timeout(600)
def test_many_stories_over_sockets(tmp_path: Path) -> None:
    with Arena(tmp_path) as arena:
        try_many(arena, range(10_000, 10_400))
