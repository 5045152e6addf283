"""The content of messages and of tool outputs into parts of the conversation."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import msgspec

from app.core.conversation import Remote, ResultPart, Text
from app.core.typed_json import FieldError, Path, Record
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

_LONGEST_START = 1024
"""Characters of a stringified output up to its first image."""
_decode_parts = msgspec.json.Decoder(list[InputText | InputImage]).decode
CIPHERTEXT = "gAAAA"
"""How every Fernet token begins. Codex sends the text itself to other providers than OpenAI."""


def parts(content: str | Sequence[Any], record: Record, *, in_result: bool = False) -> Parts:
    """The parts of a message or, ``in_result``, of a tool's output, at the place of the record.

    Raises :class:`FieldError` with the path inside its item.
    """
    if isinstance(content, str):
        return (in_result and _stringified(content, record)) or (Text(content),)
    found = []
    member = "output" if in_result else "content"
    place: Path = (*record.place, member)
    for index, part in enumerate(content):
        record.place = (*place, index)
        try:
            found.append(_READERS[type(part)](part, record, in_result))
        except FieldError as error:
            raise error.under(member, index) from None
    return tuple(found)


def _stringified(output: str, record: Record) -> Parts:
    """The parts of an output that holds them as the JSON of a list, () if it does not.

    By the contract a string is text, but some clients write their images so: as text a screenshot
    would fill the model's context, and the model would not see it.
    """
    if not (output.startswith("[") and '"input_image"' in output[:_LONGEST_START]):
        return ()
    record.check_nested(output)
    try:
        found = _decode_parts(output)
        read = parts(found, record, in_result=True)
    except (msgspec.MsgspecError, FieldError):
        return ()
    if any(isinstance(part, Remote) for part in read):  # a list of URLs is text, as it says
        return ()
    record.note("stringified_output_read")
    return read


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
    if part.image_url is None or part.file_id:
        missing = "file_id" if part.file_id else "image_url"
        raise FieldError(
            (missing,), "images are read from image_url only: send data:image/...;base64,..."
        )
    try:
        return openai.image(part.image_url, record, "image_url", in_result=in_result)
    except FieldError as error:
        raise error.under("image_url") from None


def _file(part: InputFile, record: Record, in_result: bool) -> ResultPart:
    url = part.file_url or ""
    if url and part.file_data:
        raise FieldError(("file_url",), "this file is given twice; send its file_data alone")
    if openai.is_remote(url) and not part.file_id:
        place = openai.dotted((*record.place, "file_url"))
        return Remote(url, "document", place, part.filename)
    if url or part.file_id:
        raise FieldError(
            ("file_id" if part.file_id else "file_url",),
            "files are read from file_data only: send data:<type>;base64,...",
        )
    try:
        return openai.attachment(part.file_data or "", part.filename, record, in_result=in_result)
    except FieldError as error:
        raise error.under("file_data") from None


PartReader: TypeAlias = Callable[[Any, Record, bool], ResultPart]
_READERS: dict[type, PartReader] = {
    InputText: _text,
    OutputText: _text,
    Refusal: _refusal,
    EncryptedContent: _encrypted,
    InputImage: _image,
    InputFile: _file,
}
