"""The interface of request headers."""

from typing import Protocol


class Headers(Protocol):
    """Header values by name. The server's own type ignores letter case; a plain mapping will do
    where the case of the names is known.
    """

    def get(self, name: str, /) -> str | None:
        """The value, or None if the header was not sent."""
