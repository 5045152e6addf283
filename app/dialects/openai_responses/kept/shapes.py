"""The answers about what is kept, as types.

Source: the types of the ``openai`` SDK 3.54.
"""

from typing import Any, Literal

from app.common.openapi import Shape


class Deleted(Shape, frozen=True):
    """The answer to a DELETE."""

    id: str
    object: str
    deleted: bool


class Conversation(Shape, frozen=True):
    """A conversation; its items are listed apart."""

    id: str
    object: Literal["conversation"]
    created_at: int
    metadata: dict[str, str]


class ItemPage(Shape, frozen=True, kw_only=True):
    """A part of a list of items, as they were sent."""

    object: Literal["list"]
    data: list[dict[str, Any]]
    first_id: str | None
    last_id: str | None
    has_more: bool
