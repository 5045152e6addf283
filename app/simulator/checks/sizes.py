"""The size of a request: the service's character weight, and an estimate of its tokens.

Neither counts the bytes of images and documents: official clients send them far beyond the weight
limit, and a model charges a fixed number of tokens for an image. The tokens of a document, which
the service counts by its pages and words, are not estimated.
"""

import json
from typing import Any

WEIGHT_MAX = 1_300_000
"""The highest weight of a body that is known to pass, found by experiments: 1 for each ASCII
character, 8 for any other."""

_IMAGE_TOKENS = 1500


def weight(body: dict[str, Any]) -> int:
    """Return the weight of a request body, which the service limits."""
    ascii_count, other_count, _ = _measure(body)
    return ascii_count + 8 * other_count


def estimate_tokens(body: Any) -> int:
    """Return an estimate: a token for 4 ASCII characters, 1 for any other, 1500 for an image."""
    ascii_count, other_count, images = _measure(body)
    return ascii_count // 4 + other_count + _IMAGE_TOKENS * images


def _measure(body: Any) -> tuple[int, int, int]:
    images = 0

    def drop_bytes(member: dict[str, Any]) -> dict[str, Any]:
        nonlocal images
        if member.keys() - {"name"} == {"format", "source"}:
            images += "name" not in member
            return {"format": member["format"]}
        return member

    serialized = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    if '"images"' in serialized or '"documents"' in serialized:
        slim = json.loads(serialized, object_hook=drop_bytes)
        serialized = json.dumps(slim, ensure_ascii=False, separators=(",", ":"))
    ascii_count = len(serialized.encode("ascii", "ignore"))
    return ascii_count, len(serialized) - ascii_count, images
