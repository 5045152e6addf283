"""The content of messages and of tool outputs into parts of the conversation."""

from collections.abc import Callable, Sequence
from mimetypes import guess_type
from typing import Any, TypeAlias

from app.core.conversation import Document, ResultPart, Text
from app.core.media import decoded
from app.core.typed_json import FieldError, Record
from app.dialects import openai

from .types import (
    EncryptedContent,
    InputFile,
    InputImage,
    InputText,
    OutputText,
    Refusal,
)

Parts: TypeAlias = tuple[ResultPart, ...]

CIPHERTEXT = "gAAAA"
"""How every Fernet token begins. Codex sends the text itself to other providers than OpenAI."""
_TEXT_TYPES = frozenset(
    f"application/{name}" for name in ("json", "xml", "yaml", "x-yaml", "toml", "javascript")
)


def parts(content: str | Sequence[Any], record: Record, *, in_result: bool = False) -> Parts:
    """The parts of a message or, ``in_result``, of a tool's output.

    Raises :class:`FieldError` with the path inside its item.
    """
    if isinstance(content, str):
        return (Text(content),)
    found = []
    for index, part in enumerate(content):
        try:
            found.append(_READERS[type(part)](part, record, in_result))
        except FieldError as error:
            raise error.under("output" if in_result else "content", index) from None
    return tuple(found)


def _text(part: InputText | OutputText, record: Record, in_result: bool) -> ResultPart:
    return Text(part.text)


def _refusal(part: Refusal, record: Record, in_result: bool) -> ResultPart:
    record.note("refusal_as_text")
    return Text(part.refusal)


def _encrypted(part: EncryptedContent, record: Record, in_result: bool) -> ResultPart:
    if part.encrypted_content.startswith(CIPHERTEXT):
        raise FieldError(
            ("encrypted_content",),
            "this is ciphertext that only OpenAI can read; send its text, or start the agent anew"
            " with this gateway as its provider",
        )
    return Text(part.encrypted_content)


def _image(part: InputImage, record: Record, in_result: bool) -> ResultPart:
    if part.detail not in (None, "auto"):
        record.ignore("detail")
    if part.image_url is None:
        missing = "file_id" if part.file_id else "image_url"
        raise FieldError(
            (missing,), "images are read from image_url only: send data:image/...;base64,..."
        )
    try:
        return openai.image(part.image_url)
    except FieldError as error:
        raise error.under("image_url") from None


def _file(part: InputFile, record: Record, in_result: bool) -> ResultPart:
    """A file becomes its text. A file without text is refused; in a tool's output the model is told
    of it instead: the client did not choose to send it, and could not go on.
    """
    for member in ("file_id", "file_url"):
        if getattr(part, member):
            raise FieldError(
                (member,), "files are read from file_data only: send data:text/...;base64,..."
            )
    media_type, data = _decoded(part)
    if media_type.startswith("text/") or media_type in _TEXT_TYPES:
        try:
            return Document(data.decode(), part.filename, media_type)
        except UnicodeDecodeError:
            raise FieldError(("file_data",), "the text of the file should be UTF-8") from None
    if in_result:
        return Document(None, part.filename, media_type, len(data))
    raise FieldError(
        ("file_data",),
        f"{media_type} files cannot be read by this gateway's models; send the file's text",
    )


def _decoded(part: InputFile) -> tuple[str, bytes]:
    """The media type and the bytes of a file. The type is that of the data URL, or else guessed
    from the file's name.
    """
    given = part.file_data or ""
    media_type, content = openai.data_url(given) or (guess_type(part.filename or "")[0], given)
    data = decoded(content)
    if not data:
        raise FieldError(("file_data",), "Input should be a data URL or base64, not empty")
    return media_type or "application/octet-stream", data


PartReader: TypeAlias = Callable[[Any, Record, bool], ResultPart]
_READERS: dict[type, PartReader] = {
    InputText: _text,
    OutputText: _text,
    Refusal: _refusal,
    EncryptedContent: _encrypted,
    InputImage: _image,
    InputFile: _file,
}
