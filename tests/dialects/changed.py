"""Bodies of requests with one thing in them changed."""

import copy
from collections.abc import Iterator
from typing import Any

import msgspec
from hypothesis import strategies as st

from app.common.errors import GatewayError, Kind

Place = tuple[str | int, ...]
MISSING = object()


def changed(body: dict[str, Any], *words: str) -> st.SearchStrategy[bytes]:
    """The JSON of ``body`` with one member, at any depth, left out or put another value for;
    ``words`` mean something in such a body, as a value or as a member's name.
    """
    values = st.just(MISSING) | _values(st.sampled_from(words))
    return st.builds(
        lambda place, value: _put(body, place, value), st.sampled_from([*_places(body)]), values
    )


def _values(words: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    return st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**70), 2**70)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
        | words,
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(words | st.sampled_from(["type", "name"]), inner, max_size=2)
        ),
        max_leaves=4,
    )


def _places(value: Any, path: Place = ()) -> Iterator[Place]:
    """Where in it something can be put in the place of something else."""
    members = value.items() if isinstance(value, dict) else enumerate(value)
    for key, member in members:
        yield (*path, key)
        if isinstance(member, dict | list):
            yield from _places(member, (*path, key))


def _put(body: dict[str, Any], place: Place, value: Any) -> bytes:
    whole: Any = copy.deepcopy(body)
    inner = whole
    for key in place[:-1]:
        inner = inner[key]
    if value is MISSING:
        del inner[place[-1]]
    else:
        inner[place[-1]] = value
    return msgspec.json.encode(whole)


def names_its_field(error: GatewayError) -> bool:
    """Whether it is a refusal that begins with the member at fault."""
    told = error.message.startswith(f"{error.field}: ")
    return error.kind is Kind.INVALID_REQUEST and told
