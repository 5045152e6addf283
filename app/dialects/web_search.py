"""What the dialects share of web search: the options of the tool, as the client writes them."""

from collections.abc import Collection, Sequence
from typing import Literal, TypeAlias

from msgspec import Struct

from app.core.hosted import WEB_SEARCH
from app.core.typed_json import FieldError, Label

MOST_DOMAINS = 100

ContextSize: TypeAlias = Literal["low", "medium", "high"]
MOST_PAGES: dict[ContextSize | None, int] = {"low": 3, "medium": 6, "high": 10, None: 6}
"""Pages of one search that the model reads, for each ``search_context_size`` of OpenAI's APIs."""


class Place(Struct, frozen=True):
    """Where the user is, roughly. ``timezone`` is a name like Europe/Paris."""

    city: Label | None = None
    region: Label | None = None
    country: Label | None = None
    timezone: Label | None = None

    def __str__(self) -> str:
        """As the model is told of it, "" if nothing is known."""
        known = ", ".join(filter(None, (self.city, self.region, self.country)))
        zone = f"time zone {self.timezone}" if self.timezone else ""
        return ", ".join(filter(None, (known, zone)))


def domains(given: Sequence[str] | None, *where: str) -> tuple[str, ...]:
    """The domains of a list in the request. Raises :class:`FieldError` with its place."""
    found = tuple(given or ())
    if len(found) > MOST_DOMAINS:
        raise FieldError(where, f"Input should have at most {MOST_DOMAINS} domains")
    for index, domain in enumerate(found):
        name = domain.partition("/")[0]
        if "://" in domain or not name.strip(". ") or set(name) & set(" *?#@:"):
            problem = (
                "Input should be a domain like example.com or example.com/path, without a scheme"
            )
            raise FieldError((*where, index), problem)
    return found


def free_name(taken: Collection[str]) -> str:
    """The name under which the model is offered the tool: a function of the client that has the
    usual one keeps it.
    """
    return WEB_SEARCH if WEB_SEARCH not in taken else f"hosted_{WEB_SEARCH}"
