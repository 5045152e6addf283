"""Images and base64 files inside a request."""

import re

from .conversation import ImageFormat

IMAGE_FORMATS: dict[str, ImageFormat] = {
    "image/jpeg": "jpeg",
    "image/jpg": "jpeg",
    "image/png": "png",
    "image/gif": "gif",
    "image/webp": "webp",
}
"""By media type, in lower case. ``image/jpg`` is not registered, but common."""

_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")


def is_base64(data: str) -> bool:
    """Whether ``data`` is standard base64 of at least one byte, padded, on one line."""
    return len(data) % 4 == 0 and _BASE64.fullmatch(data) is not None


def decoded_size(data: str) -> int:
    """The number of bytes that valid base64 decodes to."""
    return len(data) // 4 * 3 - data.count("=", -2)
