"""The HTTP surface of conversations: lists of items that requests add to by naming them.

Source: the types of the ``openai`` SDK 3.54.
"""

from collections.abc import Callable, Sequence
from functools import partial
from time import time
from typing import Any

from flask import Blueprint, Response, request

from app.common.errors import GatewayError, Kind
from app.common.ids import random_id
from app.web.context import current
from app.web.serving import Serving

from .kept import shapes
from .kept.conversations import NewConversation, NewItems, NewMetadata, read
from .kept.forms import Conversation, Item, numbered, packed, unpacked
from .kept.pages import page
from .kept.references import not_found
from .kept_routes import find, forget, json_answer

Change = Callable[[Conversation], Conversation]


def install(routes: Blueprint, serving: Serving) -> None:
    """Add the routes of conversations."""

    @routes.post("/v1/conversations")
    def create_conversation() -> Response:
        body = serving.read(partial(read, NewConversation), calls_model=False)
        number = random_id()
        empty = Conversation(int(time()), body.metadata or {}, b"[]")
        made = empty.having(numbered(body.items or (), number))
        _keep(serving, f"conv_{number}", lambda _: packed(made))
        return json_answer(_shape(f"conv_{number}", made))

    @routes.get("/v1/conversations/<identity>")
    def retrieve_conversation(identity: str) -> Response:
        return json_answer(_shape(identity, _held(serving, identity)))

    @routes.post("/v1/conversations/<identity>")
    def update_conversation(identity: str) -> Response:
        metadata = serving.read(partial(read, NewMetadata), calls_model=False).metadata or {}

        def change(before: Conversation) -> Conversation:
            return Conversation(before.created, metadata, before.listed)

        return json_answer(_shape(identity, _changed(serving, identity, change)))

    @routes.delete("/v1/conversations/<identity>")
    def delete_conversation(identity: str) -> Response:
        forget(serving, identity, "Conversation")
        return json_answer(shapes.Deleted(identity, "conversation.deleted", deleted=True))

    _install_items(routes, serving)


def _install_items(routes: Blueprint, serving: Serving) -> None:
    @routes.get("/v1/conversations/<identity>/items")
    def list_items(identity: str) -> Response:
        return json_answer(page(_held(serving, identity).items(), request.args))

    @routes.post("/v1/conversations/<identity>/items")
    def add_items(identity: str) -> Response:
        body = serving.read(partial(read, NewItems), calls_model=False)
        added = numbered(body.items, random_id())
        _changed(serving, identity, lambda before: before.having([*before.items(), *added]))
        return json_answer(_all(added))

    @routes.get("/v1/conversations/<identity>/items/<item>")
    def retrieve_item(identity: str, item: str) -> Response:
        for held in _held(serving, identity).items():
            if held.get("id") == item:
                return json_answer(held)
        raise not_found("Item", item)

    @routes.delete("/v1/conversations/<identity>/items/<item>")
    def delete_item(identity: str, item: str) -> Response:
        def change(before: Conversation) -> Conversation:
            held = before.items()
            left = [one for one in held if one.get("id") != item]
            if len(left) == len(held):
                raise not_found("Item", item)
            return before.having(left)

        return json_answer(_shape(identity, _changed(serving, identity, change)))


def _held(serving: Serving, identity: str) -> Conversation:
    held = unpacked(find(serving, identity), Conversation)
    if held is None:
        raise not_found("Conversation", identity)
    return held


def _changed(serving: Serving, identity: str, change: Change) -> Conversation:
    """The conversation after a change, which is made while nobody else makes one."""
    _held(serving, identity)
    made: list[Conversation] = []

    def again(before: bytes | None) -> bytes:
        held = unpacked(before, Conversation)
        if held is None:
            raise not_found("Conversation", identity)
        made[:] = [change(held)]
        return packed(made[0])

    _keep(serving, identity, again)
    return made[0]


def _keep(serving: Serving, identity: str, make: Callable[[bytes | None], bytes]) -> None:
    if serving.keeper is None:
        raise GatewayError(
            Kind.NOT_FOUND,
            "This gateway keeps no conversations (KIRO_RESPONSES_TTL); send the whole conversation"
            " in input.",
        )
    if not serving.keeper.change(current().client.sha256, identity, make):
        raise GatewayError(
            Kind.UNAVAILABLE, "The conversation could not be kept; the gateway's log says why."
        )


def _shape(identity: str, held: Conversation) -> shapes.Conversation:
    return shapes.Conversation(identity, "conversation", held.created, held.metadata)


def _all(items: Sequence[Item]) -> Any:
    return page(items, {"order": "asc", "limit": "100"})
