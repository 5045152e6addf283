"""Whatever one side does: ``/health`` in time, memory bounded, honest streams unharmed.

The short form runs a few cases of each side. With HOSTILE_SECONDS (``make hostile``) each side gets
a quarter of that time, with cases that hypothesis chooses.
"""

import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.hostile.arena import LASTS, HostileArena
from tests.hostile.cases import KINDS, Case, Side, cases, plain

SECONDS = float(os.environ.get("HOSTILE_SECONDS", "600"))
SIDES = [*KINDS]
SHORT: tuple[tuple[Side, str], ...] = (
    ("client", "pipeline"),
    ("client", "tiny chunks"),
    ("client", "silent"),
    ("client", "compressed"),
    ("upstream", "endless error"),
    ("upstream", "continues"),
    ("sign-in", "bomb"),
    ("sign-in", "html"),
    ("proxy", "drip"),
)


@pytest.mark.parametrize("side", SIDES)
def test_limits_hold(tmp_path: Path, side: Side) -> None:
    with HostileArena(tmp_path, proxied=side == "proxy") as arena:
        found = {kind: arena.run(plain(side, kind)) for of, kind in SHORT if of == side}
    assert not any(found.values()), found


@pytest.mark.long
@pytest.mark.timeout(0)
@pytest.mark.parametrize("side", SIDES)
def test_limits_hold_for_long(tmp_path: Path, side: Side) -> None:
    with HostileArena(tmp_path, proxied=side == "proxy") as arena:
        try_cases(arena, side)


def try_cases(arena: HostileArena, side: Side) -> None:
    """Try as many cases as there is time for, beyond those that fail."""
    end = time.monotonic() + SECONDS / len(SIDES)
    failed: list[str] = []

    @settings(
        max_examples=max(1, int(SECONDS / len(SIDES) / LASTS)),
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=[*HealthCheck],
    )
    @given(case=cases(side))
    def check(case: Case) -> None:
        if time.monotonic() < end and (found := arena.run(case)):
            failed.append(f"{case!r}: {'; '.join(found)}")

    check()
    assert not failed, "\n".join(failed)
