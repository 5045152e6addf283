"""How large a request is: the service's character weight, and an estimate of its tokens.

Image bytes count in neither by their length: official clients send images far beyond the weight
guard, and a model sees an image as a fixed price.
"""

import json
from typing import Any

WEIGHT_MAX = 1_300_000
"""Safe ceiling of the body's weight, probed from outside: 1 per ASCII character, 8 per other."""

_IMAGE_TOKENS = 1500


def weight(body: dict[str, Any]) -> int:
    """Return the weight of a request body that the size guard of the service looks at."""
    ascii_count, other_count, _ = _measure(body)
    return ascii_count + 8 * other_count


def estimate_tokens(body: Any) -> int:
    """Return an estimate: 4 ASCII characters a token, 1 token for any other, 1500 an image."""
    ascii_count, other_count, images = _measure(body)
    return ascii_count // 4 + other_count + _IMAGE_TOKENS * images


def _measure(body: Any) -> tuple[int, int, int]:
    images = 0

    def drop_image(member: dict[str, Any]) -> dict[str, Any]:
        nonlocal images
        if set(member) == {"format", "source"}:
            images += 1
            return {"format": member["format"]}
        return member

    serialized = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    if '"images"' in serialized:
        slim = json.loads(serialized, object_hook=drop_image)
        serialized = json.dumps(slim, ensure_ascii=False, separators=(",", ":"))
    ascii_count = len(serialized.encode("ascii", "ignore"))
    return ascii_count, len(serialized) - ascii_count, images
