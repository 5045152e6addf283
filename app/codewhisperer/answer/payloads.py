"""The payloads of the events that are read, and a decoder for each."""

import msgspec
from msgspec import Struct

from .tool_calls import ToolUse


class _Text(Struct, rename="camel", gc=False):
    content: str
    model_id: str | None = None


class _Reasoning(Struct, rename="camel", gc=False):
    text: str | None = None
    signature: str | None = None
    redacted_content: str | None = None


class _Metering(Struct, gc=False):
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


class _Metadata(Struct, rename="camel", gc=False):
    token_usage: _TokenUsage | None = None
    stop_reason: str | None = None


read_text = msgspec.json.Decoder(_Text).decode
read_reasoning = msgspec.json.Decoder(_Reasoning).decode
read_tool_use = msgspec.json.Decoder(ToolUse).decode
read_metering = msgspec.json.Decoder(_Metering).decode
read_context_usage = msgspec.json.Decoder(_ContextUsage).decode
read_metadata = msgspec.json.Decoder(_Metadata).decode
