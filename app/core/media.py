"""Images and files inside a request: from base64 to parts of a conversation.

A part is what its bytes say, whatever the client calls it: tools and servers often give a wrong
type, and the upstream refuses an image or a document whose bytes do not fit its format. What no
upstream accepts is refused here, where the member at fault is still known. Agents know the
beginnings of these messages from Anthropic's API, and go on without the image.
"""

from binascii import Error, a2b_base64
from string import ascii_letters, digits

from .conversation import Document, Image
from .signatures import decoded_size, document_format, image_format, image_sides

MAX_IMAGE_BYTES = 2_800_000
"""Decoded (service model of CodeWhisperer)."""
MAX_IMAGE_SIDE = 8_000
"""Pixels; above it CodeWhisperer answers IMAGE_DIMENSION_EXCEEDED (71,000 requests of a public
gateway)."""

NOT_BASE64 = "Input should be valid standard base64, not empty"

_SLICE = 256 * 1024
"""Characters that one call looks at, since nothing can interrupt it. A multiple of 4."""
_ALPHABET = (ascii_letters + digits + "+/").encode()
_FORMS = (("\n", ""), ("\r", ""), (" ", ""), ("\t", ""), ("-", "+"), ("_", "/"))
_BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_ENDINGS = {
    "application/msword": "doc",
    "application/pdf": "pdf",
    "application/vnd.ms-excel": "xls",
}


class MediaError(Exception):
    """The bytes of an image or a file cannot be used; the text says why and what to do."""


def is_base64(data: str) -> bool:
    """Whether ``data`` is standard base64 of at least one byte, padded, on one line."""
    end = len(data) - data.count("=", -2)
    if len(data) % 4 or not end or not data.isascii():
        return False
    return not any(
        data[at : min(at + _SLICE, end)].encode().translate(None, _ALPHABET)
        for at in range(0, end, _SLICE)
    )


def as_standard(data: str) -> str:
    """``data`` as :func:`is_base64` wants it: libraries also write base64 with line breaks, without
    padding, or with the characters that are safe in URLs. Raises :class:`MediaError` for what is no
    base64 of at least one byte.
    """
    if is_base64(data):
        return data
    for given, standard in _FORMS:
        data = data.replace(given, standard)
    data = data.rstrip("=")
    data += "=" * (-len(data) % 4)
    if not is_base64(data):
        raise MediaError(NOT_BASE64)
    return data


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


def image(data: str) -> Image:
    """The image that ``data``, in base64, holds. Raises :class:`MediaError`."""
    data = as_standard(data)
    found = image_format(data)
    if found is None:
        raise MediaError(
            "could not process image: its bytes are not those of a JPEG, PNG, GIF or WebP image;"
            " convert it to one of these"
        )
    size = decoded_size(data)
    if size > MAX_IMAGE_BYTES:
        raise MediaError(
            f"image exceeds {MAX_IMAGE_BYTES / 1e6} MB maximum: {size} bytes > {MAX_IMAGE_BYTES}"
            " bytes; make it smaller"
        )
    sides = image_sides(data, found)
    if sides and max(sides) > MAX_IMAGE_SIDE:
        raise MediaError(
            f"image dimensions exceed max allowed size: {MAX_IMAGE_SIDE} pixels a side, and it has"
            f" {sides[0]} x {sides[1]}; scale it down"
        )
    return Image(found, data)


def file(data: str, media_type: str, name: str | None, field: str) -> Document | Image:
    """The file that ``data``, in base64, holds: a binary document, an image or a text.

    ``media_type`` and ``name`` are the client's, "" and None if it gives none; ``field`` is the
    place in its body. Raises :class:`MediaError`.
    """
    data = as_standard(data)
    ending = (name or "").rpartition(".")[2].lower()
    if found := document_format(data, _ENDINGS.get(media_type, ending)):
        return Document(None, name, found, data, field)
    if image_format(data):
        return image(data)
    text = _text(decoded(data))
    if text is None:
        kind = f"{media_type} files" if media_type else "files of this kind"
        raise MediaError(
            f"{kind} cannot be read: the bytes are not those of a PDF, doc, docx, xls or xlsx"
            " document, an image, or a text in UTF-8 or UTF-16; convert the file to one of these"
        )
    return Document(text, name)


def _text(content: bytes) -> str | None:
    """The text of a file; None if it is binary."""
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text
