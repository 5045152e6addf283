"""Keeps what took long to find out, for a moment, for all who look."""

from collections.abc import Callable, Hashable
from time import monotonic
from typing import Any, TypeVar, cast

_T = TypeVar("_T")

MOST = 500


class Shelf:
    """Values by name, each for some seconds."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, tuple[float, Any]] = {}

    def get(self, name: Hashable, seconds: float, make: Callable[[], _T]) -> _T:
        """The value of that name, made anew if it is older. Raises what ``make`` does."""
        kept = self._kept.get(name)
        if kept is None or monotonic() - kept[0] > seconds:
            if len(self._kept) >= MOST:
                self._kept.clear()
            kept = self._kept[name] = monotonic(), make()
        return cast(_T, kept[1])
