"""Small images and documents, made as their specifications say, and in base64."""

import io
import struct
import zipfile
from base64 import b64encode


def base64(content: bytes) -> str:
    return b64encode(content).decode()


def png(width: int = 1, height: int = 1, size: int = 0) -> bytes:
    """The header of a picture, filled up to ``size`` bytes."""
    header = b"\x89PNG\r\n\x1a\n" + struct.pack(
        ">I4sIIBBBBB", 13, b"IHDR", width, height, 8, 2, 0, 0, 0
    )
    return header.ljust(max(size, len(header) + 8), b"\0")


def jpeg(width: int = 1, height: int = 1, preview: int = 100) -> bytes:
    """With a preview of so many bytes before the frame, as cameras write it."""
    first = struct.pack(">HHH", 0xFFD8, 0xFFE1, preview + 2) + b"\xff" * preview
    frame = struct.pack(">HHBHHB", 0xFFC2, 11, 8, height, width, 1) + b"\x01\x11\x00"
    return first + b"\xff" + frame  # a fill byte before the marker


def gif(width: int = 1, height: int = 1) -> bytes:
    return (b"GIF89a" + struct.pack("<HH", width, height)).ljust(32, b"\0")


def webp(kind: bytes, sides: bytes) -> bytes:
    return b"RIFF\x20\0\0\0WEBP" + kind + b"\x0a\0\0\0" + sides.ljust(16, b"\0")


def pdf(pages: int = 1, words: str = "Hello") -> bytes:
    return (
        f"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        f"2 0 obj<</Type/Pages/Kids[3 0 R]/Count {pages}>>endobj\n({words})\n%%EOF\n"
    ).encode()


def _entry(name: str) -> zipfile.ZipInfo:
    """With a date that is always the same, since archives are parameters of tests."""
    return zipfile.ZipInfo(name.replace("__", "/") + ".xml")


def archive(**entries: str) -> bytes:
    """A ZIP archive; ``__`` in a name is a slash, and each entry is an XML file."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(_entry("[Content_Types]"), "<Types/>", zipfile.ZIP_DEFLATED)
        for name, text in entries.items():
            made.writestr(_entry(name), text, zipfile.ZIP_DEFLATED)
    return written.getvalue()


def docx(text: str = "Hello") -> bytes:
    return archive(word__document=text)


def xlsx(text: str = "Hello") -> bytes:
    return archive(xl__workbook="", xl__worksheets__sheet1=text)


def ole(*names: str) -> bytes:
    """A compound file whose directory has these names."""
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".ljust(30, b"\0") + struct.pack("<H", 9)
    header = header.ljust(48, b"\0") + struct.pack("<I", 0)
    return header.ljust(512, b"\0") + b"".join(
        name.encode("utf-16-le").ljust(128, b"\0") for name in ("Root Entry", *names)
    )


PNG, JPEG, GIF = base64(png()), base64(jpeg()), base64(gif())
WEBP = base64(webp(b"VP8X", b""))
PDF, DOCX, XLSX = base64(pdf()), base64(docx()), base64(xlsx())
DOC, XLS = base64(ole("WordDocument")), base64(ole("Workbook"))
