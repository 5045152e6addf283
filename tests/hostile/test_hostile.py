"""Whatever one side does: ``/health`` in time, memory bounded, honest streams unharmed.

The short form runs a few cases of each side. With HOSTILE_SECONDS (``make hostile``) each side gets
a quarter of that time, with cases that hypothesis chooses.
"""

import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from tests.hostile.arena import LASTS, HostileArena
from tests.hostile.cases import KINDS, Case, Side, cases, plain

SECONDS = float(os.environ.get("HOSTILE_SECONDS", "600"))
SIDES = [*KINDS]
SHORT: tuple[tuple[Side, str], ...] = (
    ("client", "pipeline"),
    ("client", "tiny chunks"),
    ("client", "silent"),
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
    end = time.monotonic() + SECONDS / len(SIDES)

    @settings(
        max_examples=max(1, int(SECONDS / len(SIDES) / LASTS)),
        deadline=None,
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
        suppress_health_check=[*HealthCheck],
    )
    @given(st.data())
    def check(data: st.DataObject) -> None:
        assume(time.monotonic() < end)
        case: Case = data.draw(cases(side))
        assert arena.run(case) == [], str(case)

    check()
