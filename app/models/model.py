"""What is known of one model, from the table or from the service's own list.

A figure that no source states is None and is not sent to clients.
"""

import re
from typing import Literal, TypeAlias

from msgspec import Struct

from app.core.conversation import Effort

Generation: TypeAlias = Literal["codewhisperer", "q", "kiro"]
Lifecycle: TypeAlias = Literal["active", "deprecated", "retired"]
EffortField: TypeAlias = Literal["output_config", "reasoning"]
ThinkingType: TypeAlias = Literal["adaptive", "disabled", "between_tools"]
ThinkingDisplay: TypeAlias = Literal["summarized", "omitted"]
InputType: TypeAlias = Literal["text", "image"]

_UNKNOWN_DATE = "1970-01-01"


class FieldSchema(Struct, frozen=True):
    """What ``additionalModelRequestFields`` may hold for a model. The service refuses a member that
    is not listed here, and the whole if nothing is.

    ``thinking`` and ``display`` are the values of ``thinking.type`` and ``thinking.display``.
    ``efforts``, lowest first, go into the member ``effort_field``; ``default_effort`` is the
    service's own, None if not known. ``max_tokens`` is the least and the most that the member of
    that name may be, in tokens; None if there is no such member.
    """

    thinking: tuple[ThinkingType, ...] = ()
    display: tuple[ThinkingDisplay, ...] = ()
    efforts: tuple[Effort, ...] = ()
    effort_field: EffortField = "output_config"
    default_effort: Effort | None = None
    max_tokens: tuple[int, int] | None = None


NO_FIELDS = FieldSchema()


class Model(Struct, frozen=True):
    """One model.

    ``id`` is the id for clients, ``current_id`` the upstream's id, and ``legacy_id`` the id for its
    older hosts, "" if it is the same. ``context_window`` and ``max_output`` are in tokens. ``rate``
    is the price in credits relative to the service's unit; the service may charge more for long
    prompts. ``cache_minimum`` is the shortest prompt, in tokens, that is cached.
    ``refusal_fallback`` is the upstream's id of the model to ask after a refusal, "" if none.
    ``deprecated``: its maker has retired the model, but the service still serves it. ``retired``:
    no list of the service has it any more, and it answers only who names it.
    """

    id: str
    name: str
    current_id: str
    legacy_id: str = ""
    context_window: int | None = None
    max_output: int | None = None
    fields: FieldSchema = NO_FIELDS
    input_types: tuple[InputType, ...] = ("text", "image")
    rate: float | None = None
    cache_minimum: int | None = None
    refusal_fallback: str = ""
    lifecycle: Lifecycle = "active"

    def upstream_id(self, generation: Generation) -> str:
        """The ``modelId`` to send to a host of this generation."""
        return self.current_id if generation == "kiro" else self.legacy_id or self.current_id

    @property
    def created(self) -> str:
        """The date of the snapshot in the id, as ``YYYY-MM-DD``; the epoch if the id has none."""
        date = re.search(r"-(20\d{2})(\d{2})(\d{2})$", self.id)
        return "-".join(date.groups()) if date else _UNKNOWN_DATE
