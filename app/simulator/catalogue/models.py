"""The table of models of the simulated upstream, and lookups in it.

Sources: ListAvailableModels answers and captures published by kiro-cli and Kiro IDE users for
windows, caps and `additionalModelRequestFieldsSchema`; the Amazon Q clients for the older ids.
"""

from dataclasses import dataclass
from typing import Any

from app.simulator.wire.bindings import Binding

DEFAULT_MODEL = "claude-sonnet-4.5"
AUTO = "auto"
AUTO_PICKS = "claude-sonnet-4.6"

_FULL = ("low", "medium", "high", "xhigh", "max")
_NO_XHIGH = ("low", "medium", "high", "max")


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedModel:
    """One model: context window and output limit in tokens, and the extra request fields it takes.

    An empty `efforts` means that `additionalModelRequestFields` must not be sent for this model.
    """

    id: str
    window: int
    max_output: int = 64_000
    efforts: tuple[str, ...] = ()
    reasoning: bool = False
    rate: float = 1.0

    def fields_schema(self) -> dict[str, Any] | None:
        """Return the closed JSON Schema of `additionalModelRequestFields`.

        None if the model takes no such fields.
        """
        if not self.efforts:
            return None
        effort = _closed({"effort": {"type": "string", "enum": list(self.efforts)}})
        if self.reasoning:
            return _closed({"reasoning": effort})
        return _closed(
            {
                "thinking": _closed(
                    {
                        "type": {"type": "string", "enum": ["adaptive", "disabled"]},
                        "display": {"type": "string", "enum": ["summarized", "omitted"]},
                    }
                ),
                "output_config": effort,
                "max_tokens": {"type": "integer", "minimum": 1024, "maximum": self.max_output},
            }
        )

    def listing(self) -> dict[str, Any]:
        """Return the entry of this model in a ListAvailableModels response."""
        entry: dict[str, Any] = {
            "modelId": self.id,
            "modelName": self.id,
            "description": f"{self.id}, as answered by the simulator",
            "rateMultiplier": self.rate,
            "rateUnit": "Credit",
            "tokenLimits": {"maxInputTokens": self.window, "maxOutputTokens": self.max_output},
            "supportedInputTypes": ["TEXT", "IMAGE"],
        }
        if schema := self.fields_schema():
            entry["additionalModelRequestFieldsSchema"] = schema
        return entry


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


_CLAUDE_1M: dict[str, Any] = {"window": 1_000_000, "max_output": 128_000, "efforts": _FULL}
_GPT: dict[str, Any] = {"window": 272_000, "efforts": ("none", *_FULL), "reasoning": True}

MODELS: dict[str, SimulatedModel] = {
    model.id: model
    for model in (
        SimulatedModel(id=AUTO, window=1_000_000),
        SimulatedModel(id="claude-3.7-sonnet", window=200_000),
        SimulatedModel(id="claude-sonnet-4", window=200_000, rate=1.3),
        SimulatedModel(id="claude-sonnet-4.5", window=200_000, rate=1.3),
        SimulatedModel(id="claude-haiku-4.5", window=200_000, rate=0.4),
        SimulatedModel(id="claude-opus-4.5", window=200_000, rate=2.2),
        SimulatedModel(id="claude-sonnet-4.6", window=1_000_000, efforts=_NO_XHIGH, rate=1.3),
        SimulatedModel(id="claude-opus-4.6", window=1_000_000, efforts=_NO_XHIGH, rate=2.2),
        SimulatedModel(id="claude-opus-4.7", rate=2.2, **_CLAUDE_1M),
        SimulatedModel(id="claude-opus-4.8", rate=2.2, **_CLAUDE_1M),
        SimulatedModel(id="claude-sonnet-5", rate=1.3, **_CLAUDE_1M),
        SimulatedModel(id="claude-opus-5", rate=2.2, **_CLAUDE_1M),
        SimulatedModel(id="gpt-5.6-sol", **_GPT),
        SimulatedModel(id="gpt-5.6-terra", **_GPT),
        SimulatedModel(id="gpt-5.6-luna", **_GPT),
        SimulatedModel(id="deepseek-3.2", window=128_000, rate=0.25),
        SimulatedModel(id="minimax-m2.1", window=200_000, rate=0.15),
        SimulatedModel(id="minimax-m2.5", window=200_000, rate=0.25),
        SimulatedModel(id="glm-5", window=200_000, rate=0.5),
        SimulatedModel(id="qwen3-coder-next", window=256_000, rate=0.05),
    )
}

UPPER_CASE_IDS: dict[str, str] = {
    "CLAUDE_3_5_SONNET_20241022_V2_0": "claude-3.7-sonnet",
    "CLAUDE_3_7_SONNET_20250219_V1_0": "claude-3.7-sonnet",
    "CLAUDE_SONNET_4_20250514_V1_0": "claude-sonnet-4",
    "CLAUDE_SONNET_4_5_20250929_V1_0": "claude-sonnet-4.5",
}
"""Model ids of the 2025 clients. Only the REST hosts accept them."""


def find(model_id: str | None, binding: Binding) -> SimulatedModel | None:
    """Return the model that a wire id names on this binding, or None if it names no model.

    A missing id means the default model.
    """
    if model_id is None:
        return MODELS[DEFAULT_MODEL]
    if binding == "rest" and model_id in UPPER_CASE_IDS:
        return MODELS[UPPER_CASE_IDS[model_id]]
    return MODELS.get(model_id)


def answering(model: SimulatedModel) -> SimulatedModel:
    """Return the model that answers a request for `model`: for `auto`, the model it picks."""
    return MODELS[AUTO_PICKS] if model.id == AUTO else model
