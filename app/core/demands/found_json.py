"""Finds the JSON document in a text that should have been nothing else."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from app.core import json_limits

_FENCE = re.compile(r"```[A-Za-z0-9]*[ \t]*\n(.*?)\n[ \t]*```", re.DOTALL)
_START = re.compile(r"[{\[]")


def _not_json(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


_decoder = json.JSONDecoder(parse_float=json_limits.read_float, parse_constant=_not_json)


class Document(NamedTuple):
    """``text`` is the document as the model wrote it, ``value`` what it says."""

    text: str
    value: Any


def documents(text: str) -> Iterator[Document]:
    """The documents that the text may mean, the likeliest first: all of it, what is in its first
    code fence, and what begins with its first bracket, whatever follows. At most three.
    """
    fence = _FENCE.search(text)
    start = _START.search(text)
    for candidate, is_whole in (
        (text.strip(), True),
        (fence[1].strip() if fence else "", True),
        (text[start.start() :] if start else "", False),
    ):
        found = _read(candidate, is_whole=is_whole) if candidate else None
        if found is not None:
            yield found


def _read(text: str, *, is_whole: bool) -> Document | None:
    try:
        json_limits.check(text)
        value, end = _decoder.raw_decode(text)
    except (ValueError, RecursionError):
        return None
    if is_whole and end != len(text):
        return None
    return Document(text[:end], value)
