"""How much to think, as the model-specific request fields.

Only hosts of the newest generation are known to accept such fields, and only for models whose
schema has them (traffic of kiro-cli, ListAvailableModels). Elsewhere the client's settings are
reported as ignored.
"""

from typing import Any, NamedTuple

from app.core.conversation import Effort, Reasoning
from app.models.model import Generation, Model

_SCALE: tuple[Effort, ...] = ("none", "low", "medium", "high", "xhigh", "max")


class RequestFields(NamedTuple):
    """``fields`` is None if none are to be sent. ``ignored``: the client's settings without effect.
    ``changed``: the effort is not the requested one.
    """

    fields: dict[str, Any] | None = None
    ignored: tuple[str, ...] = ()
    changed: bool = False


def request_fields(reasoning: Reasoning, model: Model, generation: Generation) -> RequestFields:
    """The ``additionalModelRequestFields`` for the client's reasoning settings."""
    if generation != "kiro" or not model.fields.efforts:
        requested = {
            "thinking": reasoning.enabled is not None,
            "effort": reasoning.effort is not None,
        }
        return RequestFields(ignored=tuple(name for name, given in requested.items() if given))
    if model.fields.effort_field == "reasoning":
        return _by_effort_alone(reasoning, model)
    return _with_thinking(reasoning, model)


def _by_effort_alone(reasoning: Reasoning, model: Model) -> RequestFields:
    """For models whose effort alone controls how much they think; ``none`` turns thinking off."""
    wanted = "none" if reasoning.enabled is False else reasoning.effort
    if wanted is None:
        return RequestFields()
    effort = _closest(wanted, model.fields.efforts)
    return RequestFields({"reasoning": {"effort": effort}}, changed=effort != wanted)


def _with_thinking(reasoning: Reasoning, model: Model) -> RequestFields:
    """For models with a switch for thinking beside the effort."""
    enabled, wanted = reasoning.enabled, reasoning.effort
    if wanted == "none" and "none" not in model.fields.efforts:
        enabled, wanted = bool(enabled), None
    fields: dict[str, Any] = {}
    if enabled is not None:
        display = "omitted" if reasoning.omit_text else "summarized"
        fields["thinking"] = (
            {"type": "adaptive", "display": display} if enabled else {"type": "disabled"}
        )
    effort = _closest(wanted, model.fields.efforts) if wanted else None
    if effort:
        fields["output_config"] = {"effort": effort}
    return RequestFields(fields or None, changed=effort != wanted)


def _closest(wanted: Effort, allowed: tuple[Effort, ...]) -> Effort:
    """The allowed effort nearest to ``wanted``; the lower one of two equally near."""
    level = _SCALE.index(wanted)
    return min(allowed, key=lambda effort: abs(_SCALE.index(effort) - level))
