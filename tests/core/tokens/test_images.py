"""Estimates of the tokens of images."""

import pytest

from app.core.conversation import Image
from app.core.tokens.images import image_tokens
from app.core.tokens.weights import Family
from tests import media


@pytest.mark.parametrize(
    ("width", "height", "family", "tokens"),
    [
        (750, 100, "claude", 100),
        (1, 1, "claude", 1),
        (1000, 1000, "claude", 1334),
        (3000, 100, "claude", 110),  # scaled to 1568 x 52
        (3000, 3000, "claude", 1534),  # 1.15 megapixels
        (3000, 3000, "claude-4.7", 5000),  # 3.75 megapixels
        (2000, 500, "claude-4.7", 1334),  # as it is
        (1000, 1000, "gpt", 1334),
    ],
)
def test_an_image_counts_by_its_pixels(
    width: int, height: int, family: Family, tokens: int
) -> None:
    image = Image("png", media.base64(media.png(width, height)))
    assert image_tokens(image, family) == tokens


def test_an_image_whose_sides_are_not_known_counts_as_the_largest() -> None:
    assert image_tokens(Image("jpeg", "/9j/"), "claude") == 1534
