"""The table of models, one row per model: what is known of them where the service's own list of an
account cannot be read. To add a model, add a row to :data:`MODELS`.

Older generations of the service's hosts know some models by another id, so a row has two ids.

Sources: responses of ListAvailableModels (a capture of kiro-cli 2.13.1 of July 2026, published
answers of October 2026), Kiro's changelog of models (October and November 2026), ids from the
Amazon Q CLI and the AWS language servers, lifecycles from the Anthropic SDK's table of deprecated
models. Figures of the newest models that only other open gateways give are marked.
"""

from typing import Any

from app.core.conversation import Effort

from .model import FieldSchema, InputType, Model, ThinkingType

_TO_HIGH: tuple[Effort, ...] = ("low", "medium", "high", "max")
_TO_XHIGH: tuple[Effort, ...] = ("low", "medium", "high", "xhigh", "max")
_FROM_NONE: tuple[Effort, ...] = ("none", *_TO_XHIGH)
_1M = 1_000_000


def _claude(
    most: int,
    *,
    thinking: tuple[ThinkingType, ...] = ("adaptive", "disabled"),
    **fields: Any,
) -> FieldSchema:
    """The fields of a Claude model, which may write up to ``most`` tokens."""
    given = {"efforts": _TO_XHIGH, "default_effort": "high", **fields}
    return FieldSchema(
        thinking=thinking, display=("summarized", "omitted"), max_tokens=(1024, most), **given
    )


_GPT = FieldSchema(efforts=_FROM_NONE, effort_field="reasoning", default_effort="high")
_TEXT: tuple[InputType, ...] = ("text",)

# fmt: off
MODELS: tuple[Model, ...] = (
    Model("claude-opus-5-5", "Claude Opus 5.5", "claude-opus-5.5",  # max_tokens as for Opus 5
          context_window=_1M, max_output=128_000, rate=2.0, refusal_fallback="claude-opus-4.8",
          fields=_claude(128_000, thinking=("adaptive",), default_effort="medium")),
    Model("claude-sonnet-5-5", "Claude Sonnet 5.5", "claude-sonnet-5.5",
          context_window=_1M, max_output=128_000, rate=1.3, refusal_fallback="claude-sonnet-5",
          fields=_claude(128_000, thinking=("adaptive", "between_tools"))),
    # no source has the fields of these two; the rates are those that other gateways show
    Model("claude-haiku-5-5", "Claude Haiku 5.5", "claude-haiku-5.5",
          context_window=_1M, rate=0.06),
    Model("claude-fable-5-1", "Claude Fable 5.1", "claude-fable-5.1",
          context_window=_1M, max_output=128_000, rate=6),
    Model("claude-opus-5", "Claude Opus 5", "claude-opus-5",
          context_window=_1M, max_output=128_000, rate=2.2, refusal_fallback="claude-opus-4.8",
          fields=_claude(128_000)),
    # its list says 64,000 for the output and 128,000 for the field; clients are told the former
    Model("claude-sonnet-5", "Claude Sonnet 5", "claude-sonnet-5",
          context_window=_1M, max_output=64_000, rate=1.3, cache_minimum=1024,
          fields=_claude(128_000)),
    Model("claude-opus-4-8", "Claude Opus 4.8", "claude-opus-4.8",
          context_window=_1M, max_output=128_000, rate=2.2, cache_minimum=1024,
          fields=_claude(128_000)),
    Model("claude-opus-4-7", "Claude Opus 4.7", "claude-opus-4.7",
          context_window=_1M, max_output=128_000, rate=2.2, cache_minimum=4096,
          fields=_claude(128_000, default_effort="xhigh")),
    Model("claude-opus-4-6", "Claude Opus 4.6", "claude-opus-4.6",
          context_window=_1M, max_output=64_000, rate=2.2, cache_minimum=4096,
          fields=_claude(64_000, efforts=_TO_HIGH)),
    Model("claude-sonnet-4-6", "Claude Sonnet 4.6", "claude-sonnet-4.6",
          context_window=_1M, max_output=64_000, rate=1.3, cache_minimum=1024,
          fields=_claude(64_000, efforts=_TO_HIGH)),
    Model("claude-opus-4-5-20251101", "Claude Opus 4.5", "claude-opus-4.5",
          context_window=200_000, max_output=64_000, rate=2.2, cache_minimum=4096),
    Model("claude-haiku-4-5-20251001", "Claude Haiku 4.5", "claude-haiku-4.5",
          context_window=200_000, max_output=64_000, rate=0.4, cache_minimum=4096),
    Model("claude-sonnet-4-5-20250929", "Claude Sonnet 4.5", "claude-sonnet-4.5",
          "CLAUDE_SONNET_4_5_20250929_V1_0",
          context_window=200_000, max_output=64_000, rate=1.3, cache_minimum=1024,
          lifecycle="deprecated"),
    Model("claude-sonnet-4-20250514", "Claude Sonnet 4", "claude-sonnet-4",
          "CLAUDE_SONNET_4_20250514_V1_0",
          context_window=200_000, max_output=64_000, rate=1.3, cache_minimum=1024,
          lifecycle="deprecated"),
    Model("claude-3-7-sonnet-20250219", "Claude Sonnet 3.7", "claude-3.7-sonnet",
          "CLAUDE_3_7_SONNET_20250219_V1_0", context_window=200_000, lifecycle="retired"),
    # the service never had a Haiku 3.5: older hosts get the model that the Go kiro2api sent for it,
    # the newest host gets its own Haiku
    Model("claude-3-5-haiku-20241022", "Claude Haiku 3.5", "claude-haiku-4.5",
          "CLAUDE_3_7_SONNET_20250219_V1_0", context_window=200_000, lifecycle="deprecated"),
    Model("auto", "Auto (the service chooses)", "auto",
          context_window=_1M, max_output=64_000, rate=1, cache_minimum=1024),
    # 1M is given to accounts one by one since September 2026, and a longer prompt costs twice
    Model("gpt-5.6-sol", "GPT-5.6 Sol", "gpt-5.6-sol",
          context_window=_1M, max_output=128_000, rate=4.4, cache_minimum=1024, fields=_GPT),
    Model("gpt-5.6-terra", "GPT-5.6 Terra", "gpt-5.6-terra",
          context_window=_1M, max_output=128_000, rate=2.2, cache_minimum=1024, fields=_GPT),
    Model("gpt-5.6-luna", "GPT-5.6 Luna", "gpt-5.6-luna",
          context_window=_1M, max_output=128_000, rate=1.1, cache_minimum=1024, fields=_GPT),
    Model("kimi-k3", "Kimi K3", "kimi-k3", input_types=_TEXT),
    Model("deepseek-3.2", "DeepSeek 3.2", "deepseek-3.2",
          context_window=164_000, max_output=64_000, rate=0.25, input_types=_TEXT),
    Model("minimax-m2.5", "MiniMax M2.5", "minimax-m2.5",
          context_window=196_000, max_output=64_000, rate=0.25, input_types=_TEXT),
    Model("minimax-m2.1", "MiniMax M2.1", "minimax-m2.1",
          context_window=196_000, max_output=64_000, rate=0.15, input_types=_TEXT),
    Model("glm-5", "GLM-5", "glm-5",
          context_window=200_000, max_output=64_000, rate=0.5, input_types=_TEXT),
    Model("qwen3-coder-next", "Qwen3 Coder Next", "qwen3-coder-next",
          context_window=256_000, max_output=64_000, rate=0.05, input_types=_TEXT),
)
# fmt: on

_WINDOWS = {
    upstream: model.context_window
    for model in reversed(MODELS)
    for upstream in (model.legacy_id, model.current_id)
    if upstream
}


def context_window(upstream_id: str | None) -> int | None:
    """The context window, in tokens, of the model with this upstream id; None if not known."""
    return _WINDOWS.get(upstream_id or "")
