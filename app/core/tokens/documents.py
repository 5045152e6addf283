"""The tokens of a binary document, estimated from the pieces of it that say how long it is.

A PDF costs by the page: Anthropic's PDF guide gives about 7,000 tokens for three pages that the
model both reads and sees. The number of pages is in the page tree, which writers put at the
beginning or at the end of a file, as it is or deflated; so both ends are read. Without it, the size
decides. The text of newer Office files is in deflated XML, whose sizes their directory lists. All
of an older Office file counts as text, which is too much if it has pictures.
"""

import re
import zlib
from itertools import islice
from math import ceil
from typing import Final

from app.core.conversation import Document
from app.core.signatures import decoded_size, entries, piece

from .weights import Family

PAGE_TOKENS = 7000 / 3
MOST_PAGES = 100
"""What Anthropic accepts for a window of 200,000 tokens; an estimate by size stops there."""
BYTES_PER_PAGE = 7_700
"""Of manuals that are text with few pictures (two of 17 and 36 pages: 8,260 and 7,304)."""
TEXT_PER_DEFLATED = 1.7
"""Bytes of text for a byte of deflated WordprocessingML (three texts in English: 1.6 to 2.0)."""
BYTES_PER_TOKEN: Final[dict[Family, float]] = {"claude": 4.2, "claude-4.7": 2.7, "gpt": 4.8}
"""Of the English prose among the samples of ``benchmarks/counting``."""

_END = 64 * 1024
_LARGEST_STREAM = 1024 * 1024
_LONGEST_NODE = 16 * 1024
_MOST_NODES, _MOST_STREAMS = 64, 8
"""How much is read of what can be nested or repeated by someone who wants this to take long."""
_LINEARIZED = re.compile(rb"/Linearized\b[^>]{0,300}/N\s+(\d{1,6})\b")
_PAGE_TREE = re.compile(rb"/Type\s{0,9}/Pages\b")
_COUNT = re.compile(rb"/Count\s+(\d{1,6})\b")
_OBJECTS = re.compile(rb"/Type\s{0,9}/ObjStm\b.{0,200}?stream\r?\n", re.DOTALL)


def document_tokens(document: Document, family: Family) -> int:
    """The estimated tokens of a binary document."""
    if document.format == "pdf":
        return ceil(PAGE_TOKENS * _pages(document.data))
    size: float = decoded_size(document.data)
    if document.format in ("docx", "xlsx"):
        texts = (entry.packed for entry in entries(document.data) if _is_text(entry.name))
        size = TEXT_PER_DEFLATED * sum(texts)
    return ceil(min(size / BYTES_PER_TOKEN[family], PAGE_TOKENS * MOST_PAGES))


def _is_text(name: str) -> bool:
    return name.endswith(".xml") and name.startswith(
        ("word/document", "word/footnotes", "xl/worksheets/", "xl/sharedStrings")
    )


def _pages(data: str) -> int:
    size = decoded_size(data)
    head = piece(data, 0, _END)
    if linearized := _LINEARIZED.search(head):
        return int(linearized[1])
    tail = piece(data, size - _END, _END) if size > _END else b""
    return max(_counts(head) + _counts(tail), default=min(ceil(size / BYTES_PER_PAGE), MOST_PAGES))


def _counts(end: bytes) -> list[int]:
    """The counts of the parts of the page tree; that of the whole is the highest."""
    found = _counts_in(end)
    for stream in [*_OBJECTS.finditer(end)][-_MOST_STREAMS:]:
        try:
            objects = zlib.decompressobj().decompress(end[stream.end() :], _LARGEST_STREAM)
        except zlib.error:
            continue
        found += _counts_in(objects)
    return found


def _counts_in(objects: bytes) -> list[int]:
    found = []
    for node in islice(_PAGE_TREE.finditer(objects), _MOST_NODES):
        at = node.start()
        start = max(objects.rfind(b"<<", max(0, at - _LONGEST_NODE), at), 0)
        end = objects.find(b">>", at, at + _LONGEST_NODE)
        if count := _COUNT.search(objects, start, end if end >= 0 else at + _LONGEST_NODE):
            found.append(int(count[1]))
    return found
