"""The table of models, one row per model. To add a model, add a row to :data:`MODELS`.

Older generations of the service's hosts know some models by another id, so a row has two ids. A
figure that no source states is None and is not sent to clients. Nothing here asks the service which
models an account has.

Sources: ids and context windows from the Amazon Q CLI, the AWS language servers and responses of
ListAvailableModels; efforts from requests of kiro-cli; lifecycles from the Anthropic SDK's table of
deprecated models.
"""

import re
from typing import Literal, TypeAlias

from msgspec import Struct

from app.core.conversation import Effort

Generation: TypeAlias = Literal["codewhisperer", "q", "kiro"]
Lifecycle: TypeAlias = Literal["active", "deprecated"]
EffortField: TypeAlias = Literal["output_config", "reasoning"]

_UNKNOWN_DATE = "1970-01-01"
_TO_HIGH: tuple[Effort, ...] = ("low", "medium", "high", "max")
_TO_XHIGH: tuple[Effort, ...] = ("low", "medium", "high", "xhigh", "max")
_FROM_NONE: tuple[Effort, ...] = ("none", "low", "medium", "high", "xhigh", "max")


class Model(Struct, frozen=True):
    """One model.

    ``id`` is the id for clients, ``current_id`` the upstream's id, and ``legacy_id`` the id for its
    older hosts, "" if it is the same. ``context_window`` and ``max_output`` are in tokens,
    None if not known. ``efforts`` are the levels that a request may choose, lowest first, in the
    member ``effort_field`` of the model-specific request fields; a model without efforts accepts no
    such fields. ``deprecated``: its maker has retired the model, but the service still serves it.
    """

    id: str
    name: str
    current_id: str
    legacy_id: str = ""
    context_window: int | None = None
    max_output: int | None = None
    efforts: tuple[Effort, ...] = ()
    effort_field: EffortField = "output_config"
    lifecycle: Lifecycle = "active"

    def upstream_id(self, generation: Generation) -> str:
        """The ``modelId`` to send to a host of this generation."""
        return self.current_id if generation == "kiro" else self.legacy_id or self.current_id

    @property
    def created(self) -> str:
        """The date of the snapshot in the id, as ``YYYY-MM-DD``; the epoch if the id has none."""
        date = re.search(r"-(20\d{2})(\d{2})(\d{2})$", self.id)
        return "-".join(date.groups()) if date else _UNKNOWN_DATE


# fmt: off
MODELS: tuple[Model, ...] = (
    Model("claude-opus-5", "Claude Opus 5", "claude-opus-5", context_window=1_000_000),
    Model("claude-sonnet-5", "Claude Sonnet 5", "claude-sonnet-5", context_window=1_000_000),
    # 128,000 was accepted as max_tokens while one list of models said 64,000
    Model("claude-opus-4-8", "Claude Opus 4.8", "claude-opus-4.8",
          context_window=1_000_000, max_output=128_000, efforts=_TO_XHIGH),
    Model("claude-opus-4-7", "Claude Opus 4.7", "claude-opus-4.7",
          context_window=1_000_000, max_output=128_000, efforts=_TO_XHIGH),
    Model("claude-opus-4-6", "Claude Opus 4.6", "claude-opus-4.6",
          context_window=1_000_000, max_output=64_000, efforts=_TO_HIGH),
    Model("claude-sonnet-4-6", "Claude Sonnet 4.6", "claude-sonnet-4.6",
          context_window=1_000_000, max_output=64_000, efforts=_TO_HIGH),
    Model("claude-opus-4-5-20251101", "Claude Opus 4.5", "claude-opus-4.5",
          context_window=200_000),
    Model("claude-haiku-4-5-20251001", "Claude Haiku 4.5", "claude-haiku-4.5",
          context_window=200_000),
    Model("claude-sonnet-4-5-20250929", "Claude Sonnet 4.5", "claude-sonnet-4.5",
          "CLAUDE_SONNET_4_5_20250929_V1_0",
          context_window=200_000, max_output=64_000, lifecycle="deprecated"),
    Model("claude-sonnet-4-20250514", "Claude Sonnet 4", "claude-sonnet-4",
          "CLAUDE_SONNET_4_20250514_V1_0", context_window=200_000, lifecycle="deprecated"),
    Model("claude-3-7-sonnet-20250219", "Claude Sonnet 3.7", "claude-3.7-sonnet",
          "CLAUDE_3_7_SONNET_20250219_V1_0", context_window=200_000, lifecycle="deprecated"),
    # the service never had a Haiku 3.5: older hosts get the model that the Go kiro2api sent for it,
    # the newest host gets its own Haiku
    Model("claude-3-5-haiku-20241022", "Claude Haiku 3.5", "claude-haiku-4.5",
          "CLAUDE_3_7_SONNET_20250219_V1_0", context_window=200_000, lifecycle="deprecated"),
    Model("auto", "Auto (the service chooses)", "auto", max_output=64_000),
    Model("gpt-5.6-sol", "GPT-5.6 Sol", "gpt-5.6-sol",
          context_window=272_000, efforts=_FROM_NONE, effort_field="reasoning"),
    Model("gpt-5.6-terra", "GPT-5.6 Terra", "gpt-5.6-terra",
          context_window=272_000, efforts=_FROM_NONE, effort_field="reasoning"),
    Model("gpt-5.6-luna", "GPT-5.6 Luna", "gpt-5.6-luna",
          context_window=272_000, efforts=_FROM_NONE, effort_field="reasoning"),
    Model("deepseek-3.2", "DeepSeek 3.2", "deepseek-3.2", context_window=128_000),
    Model("minimax-m2.1", "MiniMax M2.1", "minimax-m2.1", context_window=200_000),
    Model("minimax-m2.5", "MiniMax M2.5", "minimax-m2.5", context_window=200_000),
    Model("glm-5", "GLM-5", "glm-5", context_window=200_000),
    Model("qwen3-coder-next", "Qwen3 Coder Next", "qwen3-coder-next", context_window=256_000),
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
