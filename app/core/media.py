"""Images and base64 files inside a request."""

import re
from binascii import Error, a2b_base64

from .conversation import ImageFormat

IMAGE_FORMATS: dict[str, ImageFormat] = {
    "image/jpeg": "jpeg",
    "image/jpg": "jpeg",
    "image/png": "png",
    "image/gif": "gif",
    "image/webp": "webp",
}
"""By media type, in lower case. ``image/jpg`` is not registered, but common."""

_SLICE = 256 * 1024
"""Characters that one call looks at, since nothing can interrupt it. A multiple of 4."""
_BASE64 = re.compile(r"[A-Za-z0-9+/]+")
_LAST = re.compile(r"[A-Za-z0-9+/]+={0,2}")


def is_base64(data: str) -> bool:
    """Whether ``data`` is standard base64 of at least one byte, padded, on one line."""
    if len(data) % 4:
        return False
    last = max(0, (len(data) - 1) // _SLICE * _SLICE)
    whole = all(_BASE64.fullmatch(data, at, at + _SLICE) for at in range(0, last, _SLICE))
    return whole and _LAST.fullmatch(data, last) is not None


def decoded(data: str) -> bytes:
    """The bytes of valid base64, b"" of any other text."""
    try:
        pieces = [
            a2b_base64(data[at : at + _SLICE], strict_mode=True)
            for at in range(0, len(data), _SLICE)
        ]
    except (Error, ValueError):
        return b""
    whole = all(len(piece) == _SLICE // 4 * 3 for piece in pieces[:-1])  # no padding inside
    return b"".join(pieces) if whole else b""


def decoded_size(data: str) -> int:
    """The number of bytes that valid base64 decodes to."""
    return len(data) // 4 * 3 - data.count("=", -2)
