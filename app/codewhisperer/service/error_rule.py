"""The form of a row of :data:`.error_table.RULES`, and what it is compared with."""

from collections.abc import Collection, Container
from typing import NamedTuple

from app.common.errors import Kind


class ParsedError(NamedTuple):
    """An upstream error in parts. ``status`` is 0 inside a stream; ``types`` are its type names.
    ``retry_after`` is in seconds, None if the body names no time.
    """

    status: int
    types: tuple[str, ...]
    reason: str
    message: str
    retry_after: float | None = None


class ErrorRule(NamedTuple):
    """A row of the table; it matches an error that meets every condition that is set.

    ``explanation`` tells the client why and what to do. ``text`` is a lower-case piece of the
    upstream's message. ``retry_after`` (seconds) applies if the error itself sends none.
    """

    kind: Kind
    explanation: str
    types: Container[str] = ()
    reasons: Collection[str] = ()
    text: str = ""
    statuses: Container[int] = ()
    code: str = ""
    retry_after: float | None = None

    def matches(self, error: ParsedError) -> bool:
        """Whether the error meets every condition."""
        return (
            (not self.types or any(name in self.types for name in error.types))
            and (not self.reasons or error.reason in self.reasons)
            and self.text in error.message.lower()
            and (not self.statuses or error.status in self.statuses)
        )
