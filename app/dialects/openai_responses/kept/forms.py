"""What is kept of a response and of a conversation, and how it is packed into bytes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

import msgspec
from msgspec import Struct

from app.core.conversation import WebPage
from app.dialects.openai_responses import web_search
from app.dialects.openai_responses.items import reasoning_content
from app.dialects.openai_responses.shapes import Response
from app.dialects.wire import encode

Item: TypeAlias = dict[str, Any]
Make: TypeAlias = Callable[[], dict[str, bytes]]
"""Makes what is kept of a response, by identity."""

_PREFIXES = {
    "message": "msg",
    "reasoning": "rs",
    "compaction": "cmp",
    "function_call": "fc",
    "function_call_output": "fco",
    "custom_tool_call": "ctc",
    "custom_tool_call_output": "ctco",
    "web_search_call": "ws",
}
_OUTPUT, _INPUT = "output_text", "input_text"


ASKED = "/asked"
"""What follows the id of a response in the identity under which its input is kept: clients that
refer to single items of many responses need no more than the answers."""


class Answer(Struct, frozen=True, array_like=True):
    """One response. ``response`` is its JSON as the client got it. ``contents`` has, by the ids of
    items, what must go back to the upstream and the client did not get: reasoning that it did not
    ask for, and the pages that searches of the web found.
    """

    response: bytes
    contents: dict[str, str]

    def items(self) -> list[Item]:
        """Its output, as items of an input."""
        output: list[Item] = msgspec.json.decode(self.response, type=_Output).output
        for item in output:
            if content := self.contents.get(item.get("id", "")):
                item["encrypted_content"] = content
        return output


class _Output(Struct):
    output: list[Item]


class Asked(Struct, frozen=True, array_like=True):
    """The JSON of all items that a response answers, those of earlier responses included."""

    listed: bytes

    def items(self) -> list[Item]:
        """The items."""
        listed: list[Item] = msgspec.json.decode(self.listed)
        return listed


class Conversation(Struct, frozen=True, array_like=True):
    """One conversation; ``created`` in seconds since the epoch, ``listed``: its items as JSON."""

    created: int
    metadata: dict[str, str]
    listed: bytes

    def items(self) -> list[Item]:
        """The items."""
        listed: list[Item] = msgspec.json.decode(self.listed)
        return listed

    def having(self, items: Sequence[Item]) -> "Conversation":
        """The same with other items."""
        return Conversation(self.created, self.metadata, encode(items))


Form: TypeAlias = Answer | Asked | Conversation
_Form = TypeVar("_Form", Answer, Asked, Conversation)


def packed(form: Form) -> bytes:
    """The bytes to keep."""
    return msgspec.msgpack.encode(form)


def unpacked(content: bytes | None, form: type[_Form]) -> _Form | None:
    """What :func:`packed` was given; None for None, and for another form."""
    if content is None:
        return None
    try:
        return msgspec.msgpack.decode(content, type=form)
    except msgspec.MsgspecError:
        return None


def numbered(items: Sequence[Any], number: str, start: int = 0) -> list[Item]:
    """Items of an input as the API lists them: each with its type, an id, and parts for text."""
    return [
        _listed(item, f"{number}_in{index}")
        for index, item in enumerate(items, start)
        if isinstance(item, dict)
    ]


def _listed(item: Item, end: str) -> Item:
    kind = item.get("type") or "message"
    listed = {"id": f"{_PREFIXES.get(kind, 'item')}_{end}", **item, "type": kind}
    if not isinstance(listed["id"], str):
        listed["id"] = f"{_PREFIXES.get(kind, 'item')}_{end}"
    if kind == "message":
        listed.setdefault("status", "completed")
        if isinstance(content := item.get("content"), str):
            listed["content"] = [_text(content, item.get("role"))]
    return listed


def _text(text: str, role: Any) -> Item:
    if role == "assistant":
        return {"type": _OUTPUT, "text": text, "annotations": [], "logprobs": []}
    return {"type": _INPUT, "text": text}


def exchange(
    number: str,
    response: Response,
    asked: Sequence[Any],
    reasoning: Mapping[str, reasoning_content.Reasoning],
    searches: Mapping[str, tuple[str, Sequence[WebPage]]],
) -> dict[str, bytes]:
    """What is kept of one response, by identity; the last is the one that is looked for first."""
    contents = {name: reasoning_content.encode(part) for name, part in reasoning.items()}
    contents |= {name: web_search.encode(*search) for name, search in searches.items()}
    return {
        f"resp_{number}{ASKED}": packed(Asked(encode(numbered(asked, number)))),
        f"resp_{number}": packed(Answer(encode(response), contents)),
    }


def appended(before: bytes | None, number: str, own: Sequence[Any], answer: bytes) -> bytes | None:
    """A conversation with one more request and its answer, both packed; None if it is gone."""
    held, answered = unpacked(before, Conversation), unpacked(answer, Answer)
    if held is None or answered is None:
        return None
    return packed(held.having([*held.items(), *numbered(own, number), *answered.items()]))
