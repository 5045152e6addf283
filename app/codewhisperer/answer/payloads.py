"""The payloads of the events that are read, and a decoder for each.

Members without a use here are left out: ``modelTag`` of a text, for instance, which is opaque.
"""

from typing import Any

import msgspec
from msgspec import Struct

from app.core.events import Refusal

from .tool_calls import ToolUse


class _Text(Struct, rename="camel", gc=False):
    content: str
    model_id: str | None = None


class _Reasoning(Struct, rename="camel", gc=False):
    text: str | None = None
    signature: str | None = None
    redacted_content: str | None = None


class Metering(Struct, gc=False):
    usage: float | None = None
    unit: str | None = None


class _ContextUsage(Struct, rename="camel", gc=False):
    context_usage_percentage: float | None = None


class _TokenUsage(Struct, rename="camel", gc=False):
    uncached_input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_write_input_tokens: int | None = None
    context_usage_percentage: float | None = None


class Metadata(Struct, rename="camel", gc=False):
    """``stop_details`` may be anything: it explains an end, and must not prevent one."""

    token_usage: _TokenUsage | None = None
    stop_reason: str | None = None
    stop_details: Any = None


def refusal_in(details: Any) -> Refusal:
    """What the ``stopDetails`` of a refusal say of it: ``{refusal: {category, explanation,
    recommendedModel}}``, all of which may be missing.
    """
    inner = details.get("refusal") if isinstance(details, dict) else None
    said = inner if isinstance(inner, dict) else {}
    category, explanation, model = (
        value if isinstance(value := said.get(name), str) else ""
        for name in ("category", "explanation", "recommendedModel")
    )
    return Refusal(category.lower(), explanation, model)


read_text = msgspec.json.Decoder(_Text).decode
read_reasoning = msgspec.json.Decoder(_Reasoning).decode
read_tool_use = msgspec.json.Decoder(ToolUse).decode
read_metering = msgspec.json.Decoder(Metering).decode
read_context_usage = msgspec.json.Decoder(_ContextUsage).decode
read_metadata = msgspec.json.Decoder(Metadata).decode
