"""How much to think, in the request fields that a model has of its own.

Only hosts of the newest generation are known to take such fields, and only for models whose
schema has them (traffic of kiro-cli, ListAvailableModels); elsewhere the wish is told as ignored.
"""

from typing import Any, NamedTuple

from app.core.conversation import Effort, Reasoning
from app.models.table import Generation, Model

_SCALE: tuple[Effort, ...] = ("none", "low", "medium", "high", "xhigh", "max")


class RequestFields(NamedTuple):
    """``fields`` is None where none are to be sent. ``changed``: another effort than asked for."""

    fields: dict[str, Any] | None = None
    ignored: tuple[str, ...] = ()
    changed: bool = False


def request_fields(reasoning: Reasoning, model: Model, generation: Generation) -> RequestFields:
    """The ``additionalModelRequestFields`` for what the client asked."""
    if generation != "kiro" or not model.efforts:
        wishes = {
            "thinking": reasoning.enabled is not None,
            "effort": reasoning.effort is not None,
        }
        return RequestFields(ignored=tuple(name for name, said in wishes.items() if said))
    if model.effort_field == "reasoning":
        return _by_effort_alone(reasoning, model)
    return _with_thinking(reasoning, model)


def _by_effort_alone(reasoning: Reasoning, model: Model) -> RequestFields:
    """Models that think as much as their effort says, and not at all at ``none``."""
    wanted = "none" if reasoning.enabled is False else reasoning.effort
    if wanted is None:
        return RequestFields()
    effort = _closest(wanted, model.efforts)
    return RequestFields({"reasoning": {"effort": effort}}, changed=effort != wanted)


def _with_thinking(reasoning: Reasoning, model: Model) -> RequestFields:
    """Models that can be told to think, apart from the effort they put into it."""
    enabled, wanted = reasoning.enabled, reasoning.effort
    if wanted == "none" and "none" not in model.efforts:
        enabled, wanted = bool(enabled), None
    fields: dict[str, Any] = {}
    if enabled is not None:
        display = "omitted" if reasoning.omit_text else "summarized"
        fields["thinking"] = (
            {"type": "adaptive", "display": display} if enabled else {"type": "disabled"}
        )
    effort = _closest(wanted, model.efforts) if wanted else None
    if effort:
        fields["output_config"] = {"effort": effort}
    return RequestFields(fields or None, changed=effort != wanted)


def _closest(wanted: Effort, allowed: tuple[Effort, ...]) -> Effort:
    """The allowed effort nearest to the one wanted, the lower of two equally near."""
    place = _SCALE.index(wanted)
    return min(allowed, key=lambda effort: abs(_SCALE.index(effort) - place))
