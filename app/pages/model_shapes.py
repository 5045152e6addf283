"""A model as ``GET /v1/models`` answers it: the members that the SDKs of both families require, and
what else the accounts' lists say. Sources: the types of the Anthropic and the OpenAI SDK.

``capabilities`` is what a client of this gateway can use, which the list of the model decides where
the gateway leaves it open. A capability that no source states is null.
"""

from datetime import UTC, datetime
from typing import Literal

from app.common.openapi import Shape
from app.core.conversation import Effort
from app.models.model import InputType, Lifecycle, Model
from app.models.spelling import own_key, place

Line = Literal["haiku", "sonnet", "opus", "fable", "mythos"]

_LINES: dict[str, Line] = {
    "claude-haiku": "haiku",
    "claude-sonnet": "sonnet",
    "claude-opus": "opus",
    "claude-fable": "fable",
    "claude-mythos": "mythos",
}


class Support(Shape, frozen=True):
    supported: bool


class Compaction(Shape, frozen=True):
    supported: bool
    summarize: Support


class ContextManagement(Shape, frozen=True):
    supported: bool
    clear_thinking_20251015: Support | None
    clear_tool_uses_20250919: Support | None
    compact_20260112: Support | None


class Efforts(Shape, frozen=True):
    supported: bool
    low: Support
    medium: Support
    high: Support
    xhigh: Support
    max: Support


class ServerTools(Shape, frozen=True):
    supported: bool
    code_execution: Support
    web_search: Support


class ThinkingTypes(Shape, frozen=True):
    adaptive: Support
    between_tools: Support
    disabled: Support
    enabled: Support


class ThinkingSupport(Shape, frozen=True):
    supported: bool
    types: ThinkingTypes


class Capabilities(Shape, frozen=True):
    """All members that the Anthropic SDK's type has."""

    batch: Support
    citations: Support
    code_execution: Support
    compaction: Compaction
    context_management: ContextManagement
    effort: Efforts
    image_input: Support
    pdf_input: Support
    server_tools: ServerTools
    structured_outputs: Support
    thinking: ThinkingSupport


class ModelView(Shape, frozen=True):
    """A model, with the members of both families of clients. ``max_input_tokens`` and
    ``max_tokens`` are null if not known, and so is ``credit_rate``, the price in credits relative
    to the service's unit. ``efforts`` are those that the model takes, the lowest first.
    """

    id: str
    type: Literal["model"]
    object: Literal["model"]
    display_name: str
    created: int
    created_at: str
    owned_by: str
    lifecycle: Lifecycle
    line: Line | None
    max_input_tokens: int | None
    max_tokens: int | None
    capabilities: Capabilities
    efforts: list[Effort]
    default_effort: Effort | None
    input_types: list[InputType]
    credit_rate: float | None


def view(model: Model) -> ModelView:
    """The model for clients."""
    created = datetime.fromisoformat(model.created).replace(tzinfo=UTC)
    return ModelView(
        id=model.id,
        type="model",
        object="model",
        display_name=model.name,
        created=int(created.timestamp()),
        created_at=created.isoformat().replace("+00:00", "Z"),
        owned_by="kiro",
        lifecycle=model.lifecycle,
        line=_line(model),
        max_input_tokens=model.context_window,
        max_tokens=model.max_output,
        capabilities=_capabilities(model),
        efforts=list(model.fields.efforts),
        default_effort=model.fields.default_effort,
        input_types=list(model.input_types),
        credit_rate=model.rate,
    )


def _line(model: Model) -> Line | None:
    """Which of Anthropic's lines the model belongs to; None for models of others."""
    return _LINES.get(place(own_key(model.current_id)).family)


_NO, _YES = Support(supported=False), Support(supported=True)


def _capabilities(model: Model) -> Capabilities:
    return Capabilities(
        batch=_NO,
        citations=_NO,
        code_execution=_NO,
        compaction=Compaction(supported=True, summarize=_YES),
        context_management=ContextManagement(
            supported=True,
            clear_thinking_20251015=_YES,
            clear_tool_uses_20250919=_YES,
            compact_20260112=_YES,
        ),
        effort=_efforts(model),
        image_input=Support("image" in model.input_types),
        pdf_input=Support(_line(model) is not None),  # no list says so; seen to work with Claude
        server_tools=ServerTools(supported=True, code_execution=_NO, web_search=_YES),
        structured_outputs=_NO,  # asked for in words, which a model may not follow
        thinking=_thinking(model),
    )


def _efforts(model: Model) -> Efforts:
    listed = model.fields.efforts
    return Efforts(
        supported=bool(listed),
        low=Support("low" in listed),
        medium=Support("medium" in listed),
        high=Support("high" in listed),
        xhigh=Support("xhigh" in listed),
        max=Support("max" in listed),
    )


def _thinking(model: Model) -> ThinkingSupport:
    """``enabled`` with a budget is sent as ``adaptive``."""
    listed = model.fields.thinking
    adaptive = Support("adaptive" in listed)
    return ThinkingSupport(
        supported=bool(listed) or model.fields.effort_field == "reasoning",
        types=ThinkingTypes(
            adaptive=adaptive,
            between_tools=Support("between_tools" in listed),
            disabled=Support("disabled" in listed or not listed),
            enabled=adaptive,
        ),
    )
