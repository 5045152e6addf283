"""Explains what would be done with a conversation: the gateway's own call for it is made by the
code that makes every call, looked at instead of started, and dropped.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

from app.core.conversation import Conversation
from app.core.explanation import ChosenModel, Explanation, Repair
from app.core.repairs import meaning
from app.gateway import Gateway, GatewayCall
from app.models.names import By, Resolution

Open: TypeAlias = Callable[[Conversation, Any], Any]

WHY: dict[By, str] = {
    "name": "The name is one of this model's.",
    "alias": "KIRO_MODELS gives this model the name.",
    "default": "The name is that of KIRO_DEFAULT_MODEL.",
    "nearest": "No account has a model of this name; this is the nearest one of its family, or of"
    " its maker.",
    "unlisted": "No list has a model of this name; the service is sent the name as it is.",
    "fallback": "No account has a model of this name, or one near it; this is the default.",
}
"""By how the model was found."""


class Explainer:
    """``around`` puts around what opens calls whatever stands there for every request (such as the
    loop of hosted tools): of several calls that one answer can need, the first is explained.
    """

    def __init__(self, gateway: Gateway, around: Callable[[Open], Open]) -> None:
        self._gateway = gateway
        self._around = around

    def __call__(self, conversation: Conversation) -> Explanation:
        """Raises GatewayError where the request would be refused before it is sent."""
        made: list[GatewayCall] = []

        def prepare(asked: Conversation, tap: Any) -> GatewayCall:
            made.append(self._gateway.prepare(asked, tap))
            return made[-1]

        self._around(prepare)(conversation, None)
        return _explanation(made[0])


def _explanation(call: GatewayCall) -> Explanation:
    prepared = call.prepared()
    token, sent = prepared or (None, None)
    known = {repair.name: repair for repair in (sent.repairs if sent else ())}
    names = dict.fromkeys(call.repairs)
    return Explanation(
        model=_model(call.resolution, sent.model if sent else None),
        account=token.account if token else None,
        host=sent.host if sent else None,
        input_tokens=call.meter.input_estimate,
        limits=call.limits.described(bounded=sent.bounds_output if sent else False),
        repairs=[known.get(name) or _as_read(name) for name in names],
        ignored=list(dict.fromkeys(call.ignored)),
        request=sent.request if sent else None,
    )


def _model(found: Resolution, upstream_id: str | None) -> ChosenModel:
    model = found.model
    return ChosenModel(
        asked=found.name,
        id=model.id,
        upstream_id=upstream_id or model.current_id,
        why=WHY[found.by],
        context_window=model.context_window,
        effort=found.effort,
        thinking=found.thinking,
    )


def _as_read(name: str) -> Repair:
    """What was rewritten before there was a conversation that could be compared."""
    return Repair(name=name, what=meaning(name), changes=[], more=0)
