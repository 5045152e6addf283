"""The targets of ``make fuzz`` pass for their seeds, and for seeds with a few changed bytes."""

import json
import random

import pytest

from fuzz.mutation import json_mutator
from fuzz.targets import TARGETS

CHANGES = 3


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_and_similar_inputs(name: str) -> None:
    target = TARGETS[name]
    dice = random.Random(name)
    seeds = list(target.seeds())
    assert len(seeds) > 5
    for seed in seeds:
        target.run(seed)
        changed = bytearray(seed)
        for _ in range(CHANGES):
            changed[dice.randrange(len(changed))] = dice.randrange(256)
            target.run(bytes(changed))
        target.run(seed[: dice.randrange(len(seed))])


def test_json_stays_json() -> None:
    """Mutated JSON stays JSON; libFuzzer's own mutator is replaced by one that changes nothing."""
    change = json_mutator(lambda data, size: data)
    body = b'{"a": [1, {"b": "text"}, null], "c": {"d": true}}'
    changed = {change(body, 4096, seed) for seed in range(300)}
    assert len(changed) > 100
    for other in changed:
        json.loads(other)
    assert change(b"{no", 4096, 1) == b"{no"
    assert change(body, 10, 3) == body


def test_a_defect_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fuzz.targets.violations", lambda *_, **__: ["a rule"])
    with pytest.raises(AssertionError):
        TARGETS["anthropic"].run(next(iter(TARGETS["anthropic"].seeds())))
