"""What a reader of request headers needs of them."""

from typing import Protocol


class Headers(Protocol):
    """Values by name. A server's own type finds them whatever the capitals of the name; a mapping
    will do where they are known."""

    def get(self, name: str, /) -> str | None:
        """The value, None if the header was not sent."""
