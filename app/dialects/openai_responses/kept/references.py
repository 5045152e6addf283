"""What a request refers to (an earlier response, a conversation, single items), and how what is
kept of them becomes part of its input.

Ids say what they belong to: ``msg_<number>_0`` is an item of ``resp_<number>``. Nothing is looked
up here: :func:`brought` raises :class:`Wanted` with the ids of what is needed, and is called again
with what was found.

Source of the words of errors: errors of the API in public reports of its clients.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from msgspec import Struct

from app.common.errors import GatewayError, Kind
from app.core.json_limits import TooMuch, check
from app.core.typed_json import FieldError, Record
from app.dialects.wire import encode

from .forms import ASKED, Answer, Asked, Conversation, unpacked

Item: TypeAlias = dict[str, Any]

KEPT_ID = re.compile(rf"(?:resp|conv)_[0-9a-f]{{32}}(?:{ASKED})?")
"""An identity under which this gateway may keep something."""
_ITEM_ID = re.compile(r"[a-z]+_([0-9a-f]{32})_(in)?[0-9]+")
_LONGEST_ID = 80


class Kept(Struct, frozen=True):
    """``found`` is what was looked up, None for what is not kept (any more, or for this key).
    ``most``: the bytes that an input may have with all that it refers to.
    """

    found: Mapping[str, bytes | None]
    most: int


class Wanted(Exception):
    """What has to be looked up before the request can be read."""

    def __init__(self, raw: bytes, ids: Sequence[str]) -> None:
        super().__init__()
        self.raw = raw
        self.ids = ids


class Input(Struct, frozen=True):
    """The input with all that it refers to. ``items`` after the first ``before`` ones are the
    request's own; ``places`` are the indexes that the client knows, None for the others.
    """

    items: list[Item]
    before: int
    places: list[int | None]

    def own(self) -> list[Item]:
        """The items of this request."""
        return self.items[self.before :]

    def located(self, error: FieldError) -> FieldError:
        """The error with the index that the client knows."""
        if len(error.path) < 2 or error.path[0] != "input" or not isinstance(error.path[1], int):
            return error
        place = self.places[error.path[1]]
        there = ("input",) if place is None else ("input", place)
        return FieldError((*there, *error.path[2:]), error.problem)


def brought(body: Mapping[str, Any], kept: Kept | None, raw: bytes, record: Record) -> Input | None:
    """The input, None if it refers to nothing. ``kept`` is None where nothing is kept.

    Raises :class:`Wanted` if something was not looked up yet, :class:`GatewayError` for what is not
    kept or is too large.
    """
    ids = _referred(body)
    if not ids:
        return None
    if kept is not None and not kept.found.keys() >= set(ids):
        raise Wanted(raw, ids)
    found = dict.fromkeys(ids) if kept is None else kept.found
    before = _before(body, found)
    joined = _joined(before, _own(body), found, record)
    _check_size(joined, kept, record)
    return joined


def previous_id(body: Mapping[str, Any]) -> str:
    """The id of the response that this one follows, "" if none."""
    given = body.get("previous_response_id")
    return given if isinstance(given, str) else ""


def conversation_id(body: Mapping[str, Any]) -> str:
    """The id of the request's conversation, "" if it has none."""
    given = body.get("conversation")
    if isinstance(given, dict):
        given = given.get("id")
    return given if isinstance(given, str) else ""


def look_up(
    ids: Sequence[str], find: Callable[[str], bytes | None], most: int
) -> dict[str, bytes | None]:
    """What is kept under each of these identities. The first that is not there ends the look-up,
    since the request is refused then. Raises GatewayError for more than ``most`` bytes.
    """
    found: dict[str, bytes | None] = dict.fromkeys(ids)
    left = most
    for identity in ids:
        content = find(identity) if KEPT_ID.fullmatch(identity) else None
        if content is None:
            break
        found[identity] = content
        left -= len(content)
        if left < 0:
            raise _too_large()
    return found


def not_found(what: str, identity: str) -> GatewayError:
    """The 404 for an endpoint's ``what``."""
    return GatewayError(Kind.NOT_FOUND, f"{what} with id '{identity[:_LONGEST_ID]}' not found.")


def as_items(given: Any) -> list[Item]:
    """The member ``input`` as a list of items."""
    if isinstance(given, str):
        return [{"type": "message", "role": "user", "content": given}]
    return given if isinstance(given, list) else []


def _own(body: Mapping[str, Any]) -> list[Item]:
    return as_items(body.get("input"))


def _referred(body: Mapping[str, Any]) -> tuple[str, ...]:
    references = filter(None, map(_reference, _own(body)))
    previous = previous_id(body)
    ids = [previous, previous and previous + ASKED, conversation_id(body)]
    ids += map(_holder, references)
    return tuple(dict.fromkeys(filter(None, ids)))


def _reference(item: Any) -> str:
    """The id that an item refers to, "" if it is an item itself."""
    if not isinstance(item, dict) or not isinstance(item.get("id"), str):
        return ""
    kind = item.get("type")
    is_reference = kind == "item_reference" or (kind is None and "role" not in item)
    return str(item["id"]) if is_reference else ""


def _holder(item_id: str) -> str:
    """Under which identity an item is kept; its own id if it has not the form of one."""
    found = _ITEM_ID.fullmatch(item_id)
    if found is None:
        return item_id
    return f"resp_{found[1]}{ASKED if found[2] else ''}"


def _before(body: Mapping[str, Any], found: Mapping[str, bytes | None]) -> list[Item]:
    previous, conversation = previous_id(body), conversation_id(body)
    if previous and conversation:
        raise GatewayError(
            Kind.INVALID_REQUEST,
            "Mutually exclusive parameters: send either 'previous_response_id' or 'conversation'.",
            field="conversation",
        )
    if previous:
        asked = unpacked(found.get(previous + ASKED), Asked)
        answer = unpacked(found.get(previous), Answer)
        if asked is None or answer is None:
            raise GatewayError(
                Kind.INVALID_REQUEST,
                f"Previous response with id '{previous[:_LONGEST_ID]}' not found.",
                field="previous_response_id",
                code="previous_response_not_found",
            )
        return [*asked.items(), *answer.items()]
    if conversation:
        held = unpacked(found.get(conversation), Conversation)
        if held is None:
            error = not_found("Conversation", conversation)
            error.field = "conversation"
            raise error
        return held.items()
    return []


def _joined(
    before: list[Item], own: list[Item], found: Mapping[str, bytes | None], record: Record
) -> Input:
    known = {item.get("id"): item for item in before}
    used = set(known)
    items, opened = list(before), set[str]()
    places: list[int | None] = [None] * len(before)
    for index, item in enumerate(own):
        if wanted := _reference(item):
            if wanted in used:  # it is there already
                record.note("repeated_item_reference_dropped")
                continue
            holder = _holder(wanted)
            if holder not in opened:
                opened.add(holder)
                known |= {one.get("id"): one for one in _held(holder, found.get(holder))}
            if wanted not in known:
                raise _item_not_found(wanted)
            used.add(wanted)
            item = known[wanted]
        items.append(item)
        places.append(index)
    return Input(items, len(before), places)


def _held(holder: str, content: bytes | None) -> list[Item]:
    held: Asked | Answer | None
    held = unpacked(content, Asked) if holder.endswith(ASKED) else unpacked(content, Answer)
    return held.items() if held else []


def _item_not_found(identity: str) -> GatewayError:
    return GatewayError(
        Kind.NOT_FOUND,
        f"Item with id '{identity[:_LONGEST_ID]}' not found. Items are not persisted when `store` "
        "is set to false. Try again with `store` set to true, or remove this item from your input.",
        field="input",
    )


def _too_large() -> GatewayError:
    return GatewayError(
        Kind.REQUEST_TOO_LARGE,
        "The input, with the earlier items that it refers to, is larger than MAX_BODY_BYTES "
        "allows; begin a new conversation.",
        field="input",
    )


def _check_size(joined: Input, kept: Kept | None, record: Record) -> None:
    """What is brought is bounded as a body is, however few bytes refer to it."""
    whole = encode(joined.items)
    if kept is not None and len(whole) > kept.most:
        raise _too_large()
    try:
        check(whole)
    except TooMuch as error:
        raise FieldError(
            ("input",), f"with the earlier items that it refers to it has {error}"
        ) from None
    record.size = max(record.size, len(whole))
