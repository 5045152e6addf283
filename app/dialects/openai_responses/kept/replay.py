"""A kept response as the stream that it could have been: each text in one delta.

Source: the types of the ``openai`` SDK 3.54; the numbers of the events begin at 0, as in the first
stream, but are not the same, since that had more deltas.
"""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import msgspec
from msgspec import Struct

from app.dialects import wire
from app.dialects.openai_responses import search_shapes, shapes

from .forms import Answer, Item

Number = Callable[[], int]


def replay(answer: Answer, starting_after: int = -1) -> bytes:
    """The stream of the response; ``starting_after`` is the number of the last event that the
    client has.
    """
    written = [wire.event(event) for event in _events(answer)]
    return b"".join(written[starting_after + 1 :])


def _events(answer: Answer) -> Iterator[Struct]:
    response: Any = msgspec.json.decode(answer.response)
    number = count().__next__
    begun: Any = response | {
        "status": "in_progress",
        "output": [],
        "usage": None,
        "completed_at": None,
        "incomplete_details": None,
    }
    yield shapes.ResponseCreated(number(), begun)
    yield shapes.ResponseInProgress(number(), begun)
    for index, item in enumerate(response["output"]):
        yield from _item_events(number, index, item)
    ended = {
        "completed": shapes.ResponseCompleted,
        "incomplete": shapes.ResponseIncomplete,
    }
    yield ended[response["status"]](number(), response)


def _item_events(number: Number, index: int, item: Any) -> Iterator[Struct]:
    empty, inside = _BEGINNINGS.get(item["type"], ({}, None))
    begun: Any = {**item, **({"status": "in_progress"} if "status" in item else {}), **empty}
    yield shapes.ItemAdded(number(), index, begun)
    if inside is not None:
        yield from inside(number, (item["id"], index), item)
    yield shapes.ItemDone(number(), index, item)


def _message(number: Number, place: tuple[str, int], item: Item) -> Iterator[Struct]:
    for at, part in enumerate(item["content"]):
        is_text = part["type"] == "output_text"
        text = part["text" if is_text else "refusal"]
        begun: Any = {**part, "text": "", "annotations": []} if is_text else {**part, "refusal": ""}
        yield shapes.PartAdded(number(), *place, at, begun)
        if is_text:
            yield shapes.TextDelta(*place, at, [], text, number())
            for which, cited in enumerate(part["annotations"]):
                yield search_shapes.AnnotationAdded(number(), *place, at, which, cited)
            yield shapes.TextDone(number(), *place, at, text, [])
        else:
            yield shapes.RefusalDelta(*place, at, text, number())
            yield shapes.RefusalDone(number(), *place, at, text)
        yield shapes.PartDone(number(), *place, at, part)


def _reasoning(number: Number, place: tuple[str, int], item: Item) -> Iterator[Struct]:
    for at, part in enumerate(item["summary"]):
        text = part["text"]
        yield shapes.SummaryPartAdded(number(), *place, at, shapes.SummaryText(""))
        yield shapes.SummaryDelta(*place, at, text, number())
        yield shapes.SummaryDone(number(), *place, at, text)
        yield shapes.SummaryPartDone(number(), *place, at, part)


def _function_call(number: Number, place: tuple[str, int], item: Item) -> Iterator[Struct]:
    yield shapes.ArgumentsDelta(*place, item["arguments"], number())
    yield shapes.ArgumentsDone(number(), *place, item["arguments"])


def _custom_call(number: Number, place: tuple[str, int], item: Item) -> Iterator[Struct]:
    yield shapes.InputDelta(*place, item["input"], number())
    yield shapes.InputDone(number(), *place, item["input"])


def _web_search(number: Number, place: tuple[str, int], item: Item) -> Iterator[Struct]:
    yield search_shapes.SearchInProgress(number(), *place)
    yield search_shapes.SearchSearching(number(), *place)
    if item["status"] == "completed":
        yield search_shapes.SearchCompleted(number(), *place)


_BEGINNINGS: dict[str, tuple[Item, Callable[..., Iterator[Struct]]]] = {
    "message": ({"content": []}, _message),
    "reasoning": ({"summary": []}, _reasoning),
    "function_call": ({"arguments": ""}, _function_call),
    "custom_tool_call": ({"input": ""}, _custom_call),
    "web_search_call": ({}, _web_search),
}
"""By type of an item: its members while it has no content, and the events of its content."""
