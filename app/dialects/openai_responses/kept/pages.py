"""A page of a list of items, as the API cuts lists: from the newest, or ``order=asc``."""

import re
from collections.abc import Mapping, Sequence

from app.common.errors import GatewayError, Kind

from . import shapes
from .forms import Item

DEFAULT, MOST = 20, 100
_NUMBER = re.compile(r"[0-9]{1,9}").fullmatch


def page(items: Sequence[Item], query: Mapping[str, str]) -> shapes.ItemPage:
    """The page that the members ``limit``, ``order`` and ``after`` of a query ask for.

    Raises GatewayError that names the member at fault.
    """
    order = query.get("order", "desc")
    if order not in ("asc", "desc"):
        raise _wrong("order", "must be 'asc' or 'desc'")
    listed = list(items) if order == "asc" else [*reversed(items)]
    start = 0
    if after := query.get("after"):
        ids = [item.get("id") for item in listed]
        if after not in ids:
            raise _wrong("after", f"there is no item {after[:80]!r} in this list")
        start = ids.index(after) + 1
    end = start + _limit(query.get("limit"))
    found = listed[start:end]
    return shapes.ItemPage(
        object="list",
        data=found,
        first_id=found[0].get("id") if found else None,
        last_id=found[-1].get("id") if found else None,
        has_more=end < len(listed),
    )


def starting_after(given: str | None) -> int:
    """The member of that name of a query, -1 if it is not there. Raises GatewayError."""
    if given is None:
        return -1
    if not _NUMBER(given):
        raise _wrong("starting_after", "must be a whole number")
    return int(given)


def _limit(given: str | None) -> int:
    if given is None:
        return DEFAULT
    if not _NUMBER(given) or not 1 <= int(given) <= MOST:
        raise _wrong("limit", f"must be between 1 and {MOST}")
    return int(given)


def _wrong(name: str, problem: str) -> GatewayError:
    return GatewayError(Kind.INVALID_REQUEST, f"{name}: {problem}", field=name)
