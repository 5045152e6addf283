"""The bodies of requests that make or change conversations.

Source: the types of the ``openai`` SDK 3.54.
"""

from typing import Annotated, Any, TypeVar

from msgspec import Meta, Struct

from app.core.typed_json import FieldError, Record, convert, decode
from app.dialects import openai
from app.dialects.openai_responses.items import read as input_items
from app.dialects.openai_responses.schema import Metadata

Items = Annotated[list[dict[str, Any]], Meta(max_length=20)]
"""The API takes 20 at a time."""


class NewConversation(Struct, frozen=True):
    """The body of ``POST /v1/conversations``; there may be none."""

    items: Items | None = None
    metadata: Metadata | None = None


class NewMetadata(Struct, frozen=True):
    """The body of ``POST /v1/conversations/{id}``."""

    metadata: Metadata | None


class NewItems(Struct, frozen=True):
    """The body of ``POST /v1/conversations/{id}/items``."""

    items: Items


_Form = TypeVar("_Form", NewConversation, NewMetadata, NewItems)


def read(form: type[_Form], raw: bytes) -> _Form:
    """The body as ``form``. Its items must be such as an input may have, since they will be one.

    Raises :class:`GatewayError` that names the member at fault.
    """
    try:
        body = convert(decode(raw or b"{}", Record()), form)
        if not isinstance(body, NewMetadata):
            _check(body.items or [])
    except FieldError as error:
        raise openai.refusal(error) from None
    return body


def _check(items: list[dict[str, Any]]) -> None:
    try:
        input_items.read(items, Record())
    except FieldError as error:
        raise FieldError(("items", *error.path[1:]), error.problem) from None
