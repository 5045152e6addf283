"""What the gateway would do with a request, as it tells a client that asks for it.

The types are those of the answer: each dialect describes them in ``/openapi.json``.
"""

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

from msgspec import Struct

Watch: TypeAlias = Callable[[str, Any, Any], object]
"""Is shown each repair as it is made: its name, and the conversation before and after it (or the
part of it that the repair is about)."""


class Shown(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The base of these types: an object with these members and no others."""


class ChosenModel(Shown, frozen=True):
    """``asked`` is the name in the request, ``id`` the model's id for clients and ``upstream_id``
    the service's. ``effort`` and ``thinking`` are what the suffixes of the name ask for.
    """

    asked: str
    id: str
    upstream_id: str
    why: str
    context_window: int | None
    effort: str | None
    thinking: bool | None


class Change(Shown, frozen=True):
    """One difference. ``was`` is null for what was added, and ``now`` for what was removed; long
    values are shortened.
    """

    at: str
    was: Any
    now: Any


class Repair(Shown, frozen=True):
    """Something that was rewritten. ``name`` is the one in ``x-kiro-repairs``. ``more`` changes
    are not listed. What was rewritten while the request's JSON was read lists none.
    """

    name: str
    what: str
    changes: list[Change]
    more: int


class LimitInForce(Shown, frozen=True):
    """A limit of the answer that the request sets, or something that the answer must keep, and who
    enforces it.
    """

    name: str
    value: Any
    by: Literal["upstream", "gateway"]
    how: str


class Explanation(Shown, frozen=True):
    """What would be done with a request. ``account`` and ``host`` are null unless the owner's key
    asks. ``request`` is the body that the upstream would get, null if it would not be asked.
    """

    model: ChosenModel
    account: str | None
    host: str | None
    input_tokens: int
    limits: list[LimitInForce]
    repairs: list[Repair]
    ignored: list[str]
    request: dict[str, Any] | None
