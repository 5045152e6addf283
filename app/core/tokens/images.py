"""The estimated tokens of an image: width times height through 750, after the model's provider has
scaled it down (Anthropic's guide to vision).
"""

from math import ceil
from typing import Final, NamedTuple

from app.core.conversation import Image
from app.core.signatures import image_sides

from .weights import Family

PIXELS_PER_TOKEN: Final = 750


class Largest(NamedTuple):
    """What a larger image is scaled down to: pixels of the longer side, and in all."""

    side: int
    pixels: int


LARGEST: Final[dict[Family, Largest]] = {
    "claude": Largest(1568, 1_150_000),
    "claude-4.7": Largest(2576, 3_750_000),
    "gpt": Largest(1568, 1_150_000),
}
"""Anthropic's figures. OpenAI counts images of its newest models in another way, which the service
does not tell; its images count as Claude's."""


def image_tokens(image: Image, family: Family) -> int:
    """The tokens of an image; of the largest, if its header does not give its sides."""
    largest = LARGEST[family]
    sides = image_sides(image.data, image.format)
    if not sides or not all(sides):
        return ceil(largest.pixels / PIXELS_PER_TOKEN)
    scale = min(1.0, largest.side / max(sides))
    pixels = min(sides[0] * sides[1] * scale * scale, largest.pixels)
    return ceil(pixels / PIXELS_PER_TOKEN)
