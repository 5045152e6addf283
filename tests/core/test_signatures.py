"""Formats, sides and entries, from the bytes of files."""

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.signatures import document_format, entries, image_format, image_sides, piece
from tests import media
from tests.media import base64


@given(st.binary(max_size=40), st.integers(0, 50), st.integers(0, 50))
def test_a_piece_is_what_a_slice_is(content: bytes, start: int, length: int) -> None:
    assert piece(b64encode(content).decode(), start, length) == content[start : start + length]


@pytest.mark.parametrize(
    ("content", "expected", "sides"),
    [
        (media.png(640, 480), "png", (640, 480)),
        (media.gif(640, 480), "gif", (640, 480)),
        (media.jpeg(640, 480), "jpeg", (640, 480)),
        (media.jpeg(640, 480, preview=60_000), "jpeg", (640, 480)),
        (media.webp(b"VP8X", b"\0\0\0\0" + b"\x7f\x02\0" + b"\xdf\x01\0"), "webp", (640, 480)),
        (
            media.webp(b"VP8L", b"\x2f" + (639 | 479 << 14).to_bytes(4, "little")),
            "webp",
            (640, 480),
        ),
        (media.webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a\x80\x02\xe0\x01"), "webp", (640, 480)),
        (media.webp(b"????", b""), "webp", None),
        (b"\x89PNG\r\n\x1a\n cut", "png", None),
        (b"\xff\xd8\xff\xd9", "jpeg", None),
        (b"\xff\xd8\xff\xe0\x00\x02\x00\x00\x00\x00\x00", "jpeg", None),
    ],
)
def test_images(content: bytes, expected: str, sides: tuple[int, int] | None) -> None:
    found = image_format(base64(content))
    assert found == expected
    assert image_sides(base64(content), found) == sides


@pytest.mark.parametrize("content", [b"", b"<svg/>", b"BM....", b"%PDF-1.4", b"RIFF1234WAVE"])
def test_what_is_no_image(content: bytes) -> None:
    assert image_format(base64(content)) is None


@pytest.mark.parametrize(
    ("content", "labelled", "expected"),
    [
        (media.pdf(), "docx", "pdf"),
        (media.docx(), "pdf", "docx"),
        (media.xlsx(), "", "xlsx"),
        (media.docx() + b"PK\x05\x06 in a comment", "", None),
        (media.archive(META__INF="") + b"", "docx", None),
        (media.docx()[:60], "docx", None),
        (media.ole("WordDocument"), "", "doc"),
        (media.ole("Workbook"), "doc", "xls"),
        (media.ole("1Table"), "doc", "doc"),
        (media.ole("1Table"), "xls", "xls"),
        (media.ole("1Table"), "docx", None),
        (media.ole("EncryptedPackage"), "docx", None),
        (media.ole()[:100], "doc", None),
        (b"plain text about %PDF-1.4", "txt", None),
        (b"\r\n--boundary\r\n" + media.pdf(), "pdf", "pdf"),
        (b" " * 1024 + media.pdf(), "pdf", None),
        (media.png(), "pdf", None),
    ],
)
def test_documents(content: bytes, labelled: str, expected: str | None) -> None:
    assert document_format(base64(content), labelled) == expected


def test_entries_of_an_archive() -> None:
    found = list(entries(media.DOCX))
    assert [entry.name for entry in found] == ["[Content_Types].xml", "word/document.xml"]
    assert [entry.packed for entry in found] == [10, 7]


@given(st.binary(max_size=200), st.sampled_from([media.docx(), media.ole("A"), media.jpeg()]))
def test_whatever_follows_a_beginning_is_read_without_harm(rest: bytes, start: bytes) -> None:
    data = base64(start[: len(rest) * 3 or None] + rest)
    document_format(data, "doc")
    list(entries(data))
    if found := image_format(data):
        image_sides(data, found)
