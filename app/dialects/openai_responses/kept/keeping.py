"""Gathers what is kept of one response while its answer is made."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from app.core.conversation import WebPage
from app.dialects.openai_responses.items.reasoning_content import Reasoning
from app.dialects.openai_responses.shapes import Response

from . import forms


class Keeping:
    """What is kept of one response. ``asked`` are the items that it answers; ``done`` is called
    once with what makes the bytes to keep, by identity, and about how many they are.
    """

    def __init__(
        self,
        number: str,
        asked: Sequence[Any],
        size: int,
        done: Callable[[forms.Make, int], object],
    ) -> None:
        self._number = number
        self._asked = asked
        self._size = size
        self._done = done
        self._reasoning: dict[str, Reasoning] = {}
        self._searches: dict[str, tuple[str, Sequence[WebPage]]] = {}

    def reasoning(self, item_id: str, part: Reasoning) -> None:
        """Keep the content of a reasoning item that the client gets without it."""
        self._reasoning[item_id] = part

    def search(self, item_id: str, call_id: str, pages: Sequence[WebPage]) -> None:
        """Keep what a search of the web found, of which its item has no more than addresses."""
        self._searches[item_id] = call_id, pages
        self._size += sum(len(page.text) for page in pages)

    def finished(self, response: Response) -> None:
        """Keep the response. It is encoded later, once more: nothing of it is copied now."""
        items: list[Any] = response.output  # encoded
        written = sum(memoryview(item).nbytes for item in items)
        make = partial(
            forms.exchange, self._number, response, self._asked, self._reasoning, self._searches
        )
        self._done(make, self._size + written)
