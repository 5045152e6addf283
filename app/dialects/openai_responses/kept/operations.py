"""The operations of what is kept, for ``/openapi.json``."""

from typing import Any

from app.common.openapi import JSON, Operation
from app.dialects.openai_responses.shapes import Event, Response

from . import shapes
from .conversations import NewConversation, NewItems, NewMetadata

_ID: dict[str, Any] = {"id": {"type": "string"}}
_ITEM: dict[str, Any] = {**_ID, "item": {"type": "string"}}
_PAGE: dict[str, Any] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
    "order": {"enum": ["asc", "desc"], "default": "desc"},
    "after": {"type": "string"},
}
_STREAM: dict[str, Any] = {
    "stream": {"type": "boolean"},
    "starting_after": {"type": "integer", "minimum": 0},
}
_MESSAGE = {
    "id": "msg_3f1c9a_in0",
    "type": "message",
    "role": "user",
    "status": "completed",
    "content": [{"type": "input_text", "text": "What is the capital of France?"}],
}
_GIVEN = {"type": "message", "role": "user", "content": "What is the capital of France?"}
_LISTED = shapes.ItemPage(
    object="list",
    data=[_MESSAGE],
    first_id="msg_3f1c9a_in0",
    last_id="msg_3f1c9a_in0",
    has_more=False,
)
_CONVERSATION = shapes.Conversation("conv_3f1c9a", "conversation", 1790000000, {"topic": "France"})
_KEPT = "What is kept is there for KIRO_RESPONSES_TTL, for the key that made it; all else is a 404."


def _deleted(identity: str, kind: str) -> dict[str, tuple[Any, Any]]:
    return {JSON: (shapes.Deleted, shapes.Deleted(identity, kind, deleted=True))}


def _responses(example: Response) -> tuple[Operation, ...]:
    return (
        Operation(
            id="getResponse",
            method="get",
            path="/v1/responses/{id}",
            summary="A response that is kept, whole or streamed again.",
            description=_KEPT,
            place=_ID,
            query=_STREAM,
            answers={JSON: (Response, example)},
            events=[Event],
        ),
        Operation(
            id="deleteResponse",
            method="delete",
            path="/v1/responses/{id}",
            summary="Keep a response no longer.",
            description=_KEPT,
            place=_ID,
            answers=_deleted("resp_3f1c9a", "response"),
        ),
        Operation(
            id="cancelResponse",
            method="post",
            path="/v1/responses/{id}/cancel",
            summary="Cancel a response that is made in the background.",
            description="There are none here, so a response that is kept is refused with a 400.",
            place=_ID,
            answers={JSON: (Response, example)},
        ),
        Operation(
            id="listInputItems",
            method="get",
            path="/v1/responses/{id}/input_items",
            summary="What a response answers, with the items of earlier responses.",
            description=_KEPT,
            place=_ID,
            query=_PAGE,
            answers={JSON: (shapes.ItemPage, _LISTED)},
        ),
    )


_CONVERSATIONS = (
    Operation(
        id="createConversation",
        method="post",
        path="/v1/conversations",
        summary="Make a conversation.",
        description="Requests that name it in `conversation` follow its items and add theirs.",
        request=NewConversation,
        example={"metadata": {"topic": "France"}},
        answers={JSON: (shapes.Conversation, _CONVERSATION)},
    ),
    Operation(
        id="getConversation",
        method="get",
        path="/v1/conversations/{id}",
        summary="A conversation.",
        description=_KEPT,
        place=_ID,
        answers={JSON: (shapes.Conversation, _CONVERSATION)},
    ),
    Operation(
        id="updateConversation",
        method="post",
        path="/v1/conversations/{id}",
        summary="Replace the metadata of a conversation.",
        description=_KEPT,
        place=_ID,
        request=NewMetadata,
        example={"metadata": {"topic": "France"}},
        answers={JSON: (shapes.Conversation, _CONVERSATION)},
    ),
    Operation(
        id="deleteConversation",
        method="delete",
        path="/v1/conversations/{id}",
        summary="Keep a conversation no longer.",
        description=_KEPT,
        place=_ID,
        answers=_deleted("conv_3f1c9a", "conversation.deleted"),
    ),
    Operation(
        id="listConversationItems",
        method="get",
        path="/v1/conversations/{id}/items",
        summary="The items of a conversation.",
        description=_KEPT,
        place=_ID,
        query=_PAGE,
        answers={JSON: (shapes.ItemPage, _LISTED)},
    ),
    Operation(
        id="createConversationItems",
        method="post",
        path="/v1/conversations/{id}/items",
        summary="Add items to a conversation.",
        description=_KEPT,
        place=_ID,
        request=NewItems,
        example={"items": [_GIVEN]},
        answers={JSON: (shapes.ItemPage, _LISTED)},
    ),
    Operation(
        id="getConversationItem",
        method="get",
        path="/v1/conversations/{id}/items/{item}",
        summary="One item of a conversation.",
        description=_KEPT,
        place=_ITEM,
        answers={JSON: (dict[str, Any], _MESSAGE)},
    ),
    Operation(
        id="deleteConversationItem",
        method="delete",
        path="/v1/conversations/{id}/items/{item}",
        summary="Remove an item from a conversation.",
        description=_KEPT,
        place=_ITEM,
        answers={JSON: (shapes.Conversation, _CONVERSATION)},
    ),
)


def operations(example: Response) -> tuple[Operation, ...]:
    """All of them; ``example`` is a response."""
    return (*_responses(example), *_CONVERSATIONS)
