"""What the bytes of an image or a document are: its format, its size in pixels, its pages."""

import re
from collections.abc import Callable

_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PAGE = re.compile(rb"/Type\s*/Page(?![A-Za-z])")


def _starts(*prefixes: bytes) -> Callable[[bytes], bool]:
    return lambda data: data.startswith(prefixes)


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in data


IMAGES: dict[str, Callable[[bytes], bool]] = {
    "png": _starts(b"\x89PNG\r\n\x1a\n"),
    "jpeg": _starts(b"\xff\xd8\xff"),
    "gif": _starts(b"GIF87a", b"GIF89a"),
    "webp": lambda data: data[:4] == b"RIFF" and data[8:12] == b"WEBP",
}
"""By format: whether bytes are an image of it, from the first few."""

DOCUMENTS: dict[str, Callable[[bytes], bool]] = {
    "csv": _is_text,
    "doc": _starts(_OLE),
    "docx": _starts(_ZIP),
    "html": _is_text,
    "md": _is_text,
    "pdf": lambda data: b"%PDF-" in data[:1024],
    "txt": _is_text,
    "xls": _starts(_OLE),
    "xlsx": _starts(_ZIP),
}
"""By format: whether bytes are a document of it."""


def longest_side(head: bytes) -> int | None:
    """Return the longer side in pixels of the png or gif that begins with `head`, else None."""
    if IMAGES["png"](head) and len(head) >= 24:
        return max(int.from_bytes(head[16:20]), int.from_bytes(head[20:24]))
    if IMAGES["gif"](head) and len(head) >= 10:
        return max(int.from_bytes(head[6:8], "little"), int.from_bytes(head[8:10], "little"))
    return None


def pages(pdf: bytes) -> int:
    """Return the number of page objects that a pdf has outside compressed streams."""
    return len(_PAGE.findall(pdf))


def is_encrypted(pdf: bytes) -> bool:
    """Return whether a pdf names an encryption dictionary."""
    return b"/Encrypt" in pdf
