"""Response headers that every dialect sends."""

import re
from collections.abc import Iterable
from urllib.parse import quote

MAX_LISTING = 1024
"""Bytes of a listing header; proxies refuse answers with large heads."""

STREAM_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
"""Without them nginx and others hold a stream back."""


_PLAIN = re.compile(r"[A-Za-z0-9_.-]*").fullmatch


def listing(names: Iterable[str]) -> str:
    """Names for a header, each once, in order: percent-encoded outside ``[A-Za-z0-9_.-]``,
    separated by commas; those that do not fit are counted as ``+N``.
    """
    unique = [_plain(name) for name in dict.fromkeys(names)]
    kept: list[str] = []
    for count, name in enumerate(unique):
        rest = f",+{len(unique) - count - 1}" if count + 1 < len(unique) else ""
        if len(",".join([*kept, name])) + len(rest) > MAX_LISTING:
            return ",".join([*kept, f"+{len(unique) - count}"])
        kept.append(name)
    return ",".join(kept)


def _plain(name: str) -> str:
    return name if _PLAIN(name) else quote(name, safe="").replace("~", "%7E")
