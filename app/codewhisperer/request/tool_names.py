"""Tool names and tool-use ids as the service accepts them. Pure, and stable from turn to turn.

Names must match ``[a-zA-Z][a-zA-Z0-9_-]{0,63}`` and differ in more than letter case; ids must match
``[a-zA-Z0-9_-]{1,64}`` (service model, Amazon Q CLI). A changed name keeps as many of its
characters as fit, followed by a hash of the original, so that different names stay different and
can be mapped back.
"""

import hashlib
import re
from collections.abc import Iterable

MAX_LENGTH = 64
HASH_LENGTH = 8

legal_name = re.compile(r"[a-zA-Z][a-zA-Z0-9_-]{0,63}").fullmatch
legal_id = re.compile(r"[a-zA-Z0-9_-]{1,64}").fullmatch
_illegal = re.compile(r"[^a-zA-Z0-9_-]+")


def renamed(names: Iterable[str]) -> dict[str, str]:
    """New names, by old name, for those of ``names`` that cannot be sent unchanged.

    Of several names that differ only in letter case, the first is not changed.
    """
    wanted = list(dict.fromkeys(names))
    taken = {name.lower() for name in wanted}
    seen: set[str] = set()
    changed: dict[str, str] = {}
    for name in wanted:
        folded = name.lower()
        if legal_name(name) and folded not in seen:
            seen.add(folded)
            continue
        changed[name] = new = _unused(name, taken)
        taken.add(new.lower())
    return changed


def _unused(name: str, taken: set[str]) -> str:
    slug = _illegal.sub("_", name)
    if not slug[:1].isalpha():
        slug = f"tool_{slug}"
    new, salt = hashed(slug, name), 0
    while new.lower() in taken:
        salt += 1
        new = hashed(slug, f"{name}\n{salt}")
    return new


def hashed(slug: str, whole: str) -> str:
    """``slug``, shortened if needed, followed by a hash of ``whole``."""
    digest = hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:HASH_LENGTH]
    return f"{slug[: MAX_LENGTH - HASH_LENGTH - 1]}_{digest}"


def new_id(call_id: str, occurrence: int) -> str:
    """A new id for the ``occurrence``-th call (from 0) with the client's id ``call_id``."""
    whole = f"{call_id}\n{occurrence}" if occurrence else call_id
    return hashed(_illegal.sub("_", call_id), whole)
