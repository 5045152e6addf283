"""Mutates JSON as JSON: most mutations of single bytes give invalid JSON, which stops early."""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from random import Random
from typing import Any

Mutate = Callable[[bytes, int], bytes]

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 2**63, 1e308, "", " ", "\x00", "\ud800", "x" * 70, [], {}, [[]],
    {"type": "text"}, {"type": "?"}, {"$ref": "#"},
)  # fmt: skip
"""Values that are unusual in a request body."""


def json_mutator(mutate: Mutate) -> Callable[[bytes, int, int], bytes]:
    """Return a custom mutator for libFuzzer, whose own mutator is ``mutate``.

    libFuzzer's own makes one change in four, and all changes of bytes that are not JSON.
    """

    def change(data: bytes, max_size: int, seed: int) -> bytes:
        dice = Random(seed)
        try:
            body = json.loads(data)
        except (ValueError, RecursionError):
            return mutate(data, max_size)
        if dice.random() < 0.25:
            return mutate(data, max_size)
        holder = [body]
        for _ in range(dice.randint(1, 3)):
            _change_one(holder, dice, mutate)
        changed = json.dumps(holder[0]).encode()
        return changed if len(changed) <= max_size else data

    return change


def _change_one(holder: list[Any], dice: Random, mutate: Mutate) -> None:
    places = list(_places(holder))
    container, key = dice.choice(places)
    match dice.randrange(5):
        case 0:
            container[key] = deepcopy(dice.choice(ODD))
        case 1:  # a value from elsewhere
            other, name = dice.choice(places)
            container[key] = deepcopy(other[name])
        case 2 if isinstance(container[key], str):
            text = mutate(container[key].encode("utf-8", "surrogatepass"), 4096)
            container[key] = text.decode("utf-8", "replace")
        case 3 if isinstance(container, dict):
            name = dice.choice(list(container))
            container[name] = container.pop(key)
        case 4 if container is not holder:
            del container[key]


def _places(container: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the place of every value in ``container``, as (container, key or index)."""
    keys = container if isinstance(container, dict) else range(len(container))
    for key in keys:
        yield container, key
        if isinstance(container[key], dict | list):
            yield from _places(container[key])
