"""What differs between two values of the core, such as a conversation before and after a repair."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec
from msgspec import Struct

from .explanation import Change, Repair
from .repairs import meaning

MOST_CHANGES = 20
"""That are listed of one repair."""
LONGEST_TEXT = 240
MOST_MEMBERS = 12
DEEPEST = 8
_CONTEXT = 40  # characters before the place where two texts differ


def repair(name: str, before: Any, after: Any) -> Repair:
    """The repair ``name``, which made ``after`` of ``before``."""
    found = differences(before, after)
    changes = list(islice(found, MOST_CHANGES))
    return Repair(name=name, what=meaning(name), changes=changes, more=sum(1 for _ in found))


def differences(before: Any, after: Any, at: str = "") -> Iterator[Change]:
    """Each place where the two differ, as a path such as ``messages[2].parts[0].text``. Parts that
    are the same object are not compared.
    """
    if before is after:
        return
    if isinstance(before, Struct) and type(before) is type(after):
        for name in before.__struct_fields__:
            yield from differences(getattr(before, name), getattr(after, name), _under(at, name))
    elif isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys((*before, *after)):
            yield from differences(before.get(name), after.get(name), _under(at, str(name)))
    elif isinstance(before, tuple | list) and isinstance(after, tuple | list):
        yield from _of_sequences(before, after, at)
    elif isinstance(before, str) and isinstance(after, str):
        if before != after:
            yield Change(at=at, was=_cut(before, after), now=_cut(after, before))
    elif before != after:
        yield Change(at=at, was=shown(before), now=shown(after))


def _under(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name


def _of_sequences(before: Sequence[Any], after: Sequence[Any], at: str) -> Iterator[Change]:
    """What is the same at both ends is left out; the rest is compared one by one if it has the same
    length, and else was replaced.
    """
    start, shorter = 0, min(len(before), len(after))
    while start < shorter and _same(before[start], after[start]):
        start += 1
    end = 0
    while end < shorter - start and _same(before[-1 - end], after[-1 - end]):
        end += 1
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    if len(old) == len(new):
        for index, (was, now) in enumerate(zip(old, new, strict=True), start):
            yield from differences(was, now, f"{at}[{index}]")
        return
    for index, was in enumerate(old, start):
        yield Change(at=f"{at}[{index}]", was=shown(was), now=None)
    for index, now in enumerate(new, start):
        yield Change(at=f"{at}[{index}]", was=None, now=shown(now))


def _same(one: Any, other: Any) -> bool:
    """Parts of a conversation that a repair did not change are the same objects."""
    return one is other or (not isinstance(one, Struct) and bool(one == other))


def _cut(text: str, other: str) -> str:
    """The text from shortly before the place where it differs from the other, shortened."""
    if len(text) <= LONGEST_TEXT:
        return text
    common = 0
    step = 1024
    while text[common : common + step] == other[common : common + step] and common < len(text):
        common += step
    while common < min(len(text), len(other)) and text[common] == other[common]:
        common += 1
    start = max(0, common - _CONTEXT)
    if not start:
        return str(shown(text))
    return f"...{shown(text[start:])} (of {len(text)} characters)"


def shown(value: Any, depth: int = DEEPEST) -> Any:
    """The value as JSON values, with what is long shortened."""
    if isinstance(value, str):
        left = len(value) - LONGEST_TEXT
        return f"{value[:LONGEST_TEXT]}... ({left} more characters)" if left > 0 else value
    if isinstance(value, Struct):
        tag = {"kind": type(value).__name__}
        members = ((name, getattr(value, name)) for name in value.__struct_fields__)
        return tag | {name: shown(member, depth - 1) for name, member in members}
    if isinstance(value, Mapping):
        return _members(value, depth)
    if isinstance(value, tuple | list | frozenset):
        found = list(value)
        kept = [shown(one, depth - 1) for one in found[:MOST_MEMBERS]] if depth > 0 else []
        left = len(found) - len(kept)
        return [*kept, f"... ({left} more)"] if left else kept
    return msgspec.to_builtins(value)


def _members(value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    kept = islice(value.items(), MOST_MEMBERS if depth > 0 else 0)
    found = {str(name): shown(member, depth - 1) for name, member in kept}
    left = len(value) - len(found)
    return found | ({"...": f"{left} more"} if left else {})
