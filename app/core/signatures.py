"""What the bytes of a file say: its format, the sides of an image, the entries of an archive.

Files come as valid standard base64. Only the pieces that are read here are decoded, so a large file
costs no more than a small one. Sources: the PNG, GIF and PDF specifications, RFC 9649 (WebP), ITU
T.81 (JPEG), APPNOTE 6.3 (ZIP), MS-CFB (the files of older Office programs).
"""

from binascii import a2b_base64
from collections.abc import Iterator
from struct import unpack_from
from typing import NamedTuple

from .conversation import DocumentFormat, ImageFormat

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_LONGEST_END = 65_557
"""Bytes of the longest record at the end of an archive: 22, and a comment."""
_LONGEST_DIRECTORY = 1 << 20
_MOST_SEGMENTS = 256


class Entry(NamedTuple):
    """A file in a ZIP archive; ``packed`` is its size in the archive, in bytes."""

    name: str
    packed: int


def decoded_size(data: str) -> int:
    """The number of bytes that valid base64 decodes to."""
    return len(data) // 4 * 3 - data.count("=", -2)


def piece(data: str, start: int, length: int) -> bytes:
    """``length`` bytes of the file from ``start``; fewer at its end."""
    group, skipped = divmod(start, 3)
    groups = (skipped + length + 2) // 3
    return a2b_base64(data[group * 4 : (group + groups) * 4])[skipped : skipped + length]


def image_format(data: str) -> ImageFormat | None:
    """The format of an image; None for any other file."""
    head = piece(data, 0, 12)
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    return "webp" if head[:4] == b"RIFF" and head[8:] == b"WEBP" else None


def image_sides(data: str, image_format: ImageFormat) -> tuple[int, int] | None:
    """Width and height in pixels; None if the header does not say."""
    if image_format == "jpeg":
        return _jpeg_sides(data)
    head = piece(data, 0, 30)
    if len(head) < 30:
        return None
    if image_format == "png":
        return unpack_from(">II", head, 16)
    if image_format == "gif":
        return unpack_from("<HH", head, 6)
    return _webp_sides(head)


def _webp_sides(head: bytes) -> tuple[int, int] | None:
    chunk = head[12:16]
    if chunk == b"VP8X":
        return _uint24(head, 24) + 1, _uint24(head, 27) + 1
    if chunk == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 ":
        width, height = unpack_from("<HH", head, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _uint24(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 3], "little")


def _jpeg_sides(data: str) -> tuple[int, int] | None:
    """From the frame header, which comes after segments of any length (previews, profiles)."""
    at = 2
    for _ in range(_MOST_SEGMENTS):
        head = piece(data, at, 9)
        if len(head) < 9 or head[0] != 0xFF:
            return None
        marker = head[1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = unpack_from(">HH", head, 5)
            return width, height
        at += 1 if marker == 0xFF else 2 + unpack_from(">H", head, 2)[0]  # 0xFF: a fill byte
    return None


def document_format(data: str, labelled: str) -> DocumentFormat | None:
    """The format of a binary document; None for any other file.

    ``labelled``, the ending of its name, decides between ``doc`` and ``xls`` if the beginning of
    the file does not, and whether a PDF may begin a little later, as some mailers write it.
    """
    head = piece(data, 0, 8)
    if head.startswith(b"%PDF-") or (labelled == "pdf" and b"%PDF-" in piece(data, 0, 1024)):
        return "pdf"
    if head.startswith(b"PK\x03\x04"):
        names = [entry.name for entry in entries(data)]
        if any(name.startswith("word/") for name in names):
            return "docx"
        return "xlsx" if any(name.startswith("xl/") for name in names) else None
    return _ole_format(data, labelled) if head == _OLE else None


def _ole_format(data: str, labelled: str) -> DocumentFormat | None:
    """Told by the names in the directory, of which the first entries are read."""
    header = piece(data, 0, 512)
    if len(header) < 512:
        return None
    shift, first = unpack_from("<H", header, 30)[0], unpack_from("<I", header, 48)[0]
    directory = piece(data, (first + 1) << shift, 4096) if shift in (9, 12) else b""
    if "WordDocument".encode("utf-16-le") in directory:
        return "doc"
    if "Workbook".encode("utf-16-le") in directory:
        return "xls"
    if "EncryptedPackage".encode("utf-16-le") in directory:
        return None
    return "doc" if labelled == "doc" else "xls" if labelled == "xls" else None


def entries(data: str) -> Iterator[Entry]:
    """The entries of a ZIP archive, from the directory at its end; none if that is damaged."""
    size = decoded_size(data)
    end = b""
    for length in (22, _LONGEST_END):
        tail = piece(data, max(0, size - length), length)
        if (found := tail.rfind(b"PK\x05\x06")) >= 0:
            end = tail[found:]
            break
    if len(end) < 22:
        return
    length, start = unpack_from("<II", end, 12)
    directory = piece(data, start, min(length, _LONGEST_DIRECTORY))
    at = 0
    while directory[at : at + 4] == b"PK\x01\x02" and at + 46 <= len(directory):
        packed = unpack_from("<I", directory, at + 20)[0]
        name, extra, comment = unpack_from("<HHH", directory, at + 28)
        text = directory[at + 46 : at + 46 + name].decode("utf-8", "replace")
        yield Entry(text, packed)
        at += 46 + name + extra + comment
