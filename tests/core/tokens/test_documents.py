"""Estimates of the tokens of binary documents."""

import zlib
from time import perf_counter

import pytest

from app.core.conversation import Document, DocumentFormat
from app.core.tokens.documents import BYTES_PER_PAGE, MOST_PAGES, PAGE_TOKENS, document_tokens
from tests import media
from tests.media import base64


def tokens(form: DocumentFormat, content: bytes) -> int:
    return document_tokens(Document(None, "a", form, base64(content)), "claude")


OBJECTS = zlib.compress(b"7 0 <</Type /Pages /Kids [8 0 R] /Count 12 >>")
NODES = b"<</Type/Pages/Parent 1 0 R/Count 5>><< /Count 9 /Kids [1 0 R] /Type /Pages >>"


@pytest.mark.parametrize(
    ("content", "pages"),
    [
        (media.pdf(3), 3),
        (b"%PDF-1.5\n" + NODES, 9),
        (b"%PDF-1.5\n1 0 obj<</Linearized 1/L 9/H [ 1 2]/O 3/N 30/T 1>>" + NODES, 30),
        (b"%PDF-1.5\n" + b"x" * 200_000 + NODES, 9),
        (b"%PDF-1.5\n<</Type/ObjStm/N 1/First 4>>\nstream\r\n" + OBJECTS + b"\nendstream", 12),
        (b"%PDF-1.5\n<</Type/ObjStm>>stream\nnot deflated", 1),
        (b"%PDF-1.5\n" + b"x" * 10 * BYTES_PER_PAGE, 11),
        (b"%PDF-1.5\n" + b"x" * 1_000_000, MOST_PAGES),
    ],
)
def test_a_pdf_costs_by_the_page(content: bytes, pages: int) -> None:
    """docs/upstream.md: What a page costs"""
    assert tokens("pdf", content) == -(-PAGE_TOKENS * pages // 1)


def test_an_office_file_costs_by_the_text_in_it() -> None:
    words = "".join(f"{number} words. " for number in range(5000))
    plain = tokens("docx", media.docx(words))
    with_picture = media.archive(word__document=words, word__media__image1="\0" * 9)
    assert 0 < plain == tokens("docx", with_picture)
    assert tokens("xlsx", media.xlsx(words)) == plain
    assert tokens("doc", b"x" * 4200) == tokens("xls", b"x" * 4200) == 1000


@pytest.mark.parametrize(
    "filling", [b"<<", b"<</Type/Pages", b"/Type/ObjStm stream\n", b"/Linearized", b"/Count 1"]
)
def test_hostile_files_are_estimated_in_no_time(filling: bytes) -> None:
    data = base64(b"%PDF-1.5\n" + filling * (2_000_000 // len(filling)))
    started = perf_counter()
    document_tokens(Document(None, "a", "pdf", data), "claude")
    assert perf_counter() - started < 1
