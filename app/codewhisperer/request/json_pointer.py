"""References of JSON Schema into the same document: JSON Pointers in a URI fragment (RFC 6901)."""

import re
from typing import Any
from urllib.parse import unquote

_INDEX = re.compile(r"[0-9]{1,9}").fullmatch


def path_of(reference: str) -> list[str] | None:
    """The steps from the root to the target; None if the reference is not into the document."""
    if reference == "#":
        return []
    if not reference.startswith("#/"):
        return None
    steps = unquote(reference[2:]).split("/")
    return [step.replace("~1", "/").replace("~0", "~") for step in steps]


def resolve(document: Any, reference: str) -> Any:
    """The value that the reference points at; None if there is no such value."""
    path = path_of(reference)
    node = document if path is not None else None
    for step in path or ():
        if isinstance(node, list) and _INDEX(step) and int(step) < len(node):
            node = node[int(step)]
        else:
            node = node.get(step) if isinstance(node, dict) else None
    return node
