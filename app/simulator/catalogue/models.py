"""Which models an account is offered, and which model a request names.

Sources: see `rows`; the Amazon Q clients for the ids in upper case.
"""

from dataclasses import dataclass
from typing import Any

from app.simulator.wire.bindings import Binding

from . import rows
from .model import SimulatedModel

DEFAULT_MODEL = "claude-sonnet-4.5"
"""The model of a request that names none."""

AUTO = "auto"
AUTO_PICKS = "claude-sonnet-4.6"

_RETIRED = SimulatedModel(
    {"modelId": "claude-3.7-sonnet", "tokenLimits": {"maxInputTokens": 200_000}}
)
_UPPER_CASE_IDS: dict[str, str] = {
    "CLAUDE_3_5_SONNET_20241022_V2_0": _RETIRED.id,
    "CLAUDE_3_7_SONNET_20250219_V1_0": _RETIRED.id,
    "CLAUDE_SONNET_4_20250514_V1_0": "claude-sonnet-4",
    "CLAUDE_SONNET_4_5_20250929_V1_0": "claude-sonnet-4.5",
}
"""Model ids of the 2025 clients. Only the REST hosts accept them."""


@dataclass(frozen=True, slots=True)
class ModelList:
    """The models that an account may call, in the order of ListAvailableModels."""

    models: dict[str, SimulatedModel]

    def find(self, model_id: str | None, binding: Binding) -> SimulatedModel | None:
        """Return the model that a wire id names on this binding, None if it names no model.

        A missing id means the default model. The model that no list has any more is still served.
        """
        if model_id is None:
            return self.models.get(DEFAULT_MODEL) or _DEFAULT
        if binding == "rest":
            model_id = _UPPER_CASE_IDS.get(model_id, model_id)
        return _RETIRED if model_id == _RETIRED.id else self.models.get(model_id)


def _of_rows(found: list[rows.Row]) -> ModelList:
    return ModelList({row["modelId"]: SimulatedModel(row) for row in found})


_DEFAULT = SimulatedModel(rows.NOVEMBER[DEFAULT_MODEL])
LISTS: dict[str, ModelList] = {
    "2026-11": _of_rows(list(rows.NOVEMBER.values())),
    "2026-07": _of_rows(list(rows.JULY.values())),
    "free": _of_rows(list(rows.FREE.values())),
    "enterprise": _of_rows(list(rows.ENTERPRISE.values())),
}
"""The named lists. The first is offered where nothing else was asked for."""

CURRENT = LISTS["2026-11"]


def model_list(value: Any) -> ModelList:
    """Return the list with this name, or made of these ids and rows.

    An id stands for its row of November; a row is any object with a `modelId`. Raises ValueError.
    """
    if isinstance(value, str) and value in LISTS:
        return LISTS[value]
    if not isinstance(value, list):
        raise ValueError(f"a list of models is one of {', '.join(LISTS)}, or ids and rows")
    return _of_rows([_row(each) for each in value])


def _row(value: Any) -> rows.Row:
    if isinstance(value, dict) and isinstance(value.get("modelId"), str):
        return value
    if isinstance(value, str) and value in rows.ENTERPRISE:
        return rows.ENTERPRISE[value]
    raise ValueError("a model is the id of a known one, or an object with a modelId")


def answering(model: SimulatedModel) -> SimulatedModel:
    """Return the model that answers a request for `model`: for `auto`, the model it picks."""
    return CURRENT.models[AUTO_PICKS] if model.id == AUTO else model
