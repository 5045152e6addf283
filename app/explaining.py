"""Explains what would be done with a conversation: the gateway's own call for it is made by the
code that makes every call, looked at instead of started, and dropped.
"""

from collections.abc import Callable, Iterator
from typing import Any

from app.core.compaction import SUMMED_UP
from app.core.conversation import Conversation
from app.core.demands.plan import plan
from app.core.differences import shown
from app.core.explanation import ChosenModel, Explanation, LimitInForce, Repair
from app.core.limits import Limits
from app.core.repairs import meaning
from app.credentials import Token
from app.gateway import Gateway, GatewayCall, Open
from app.models.names import By, Resolution
from app.upstream import Prepared

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

        whole = self._around(prepare)(conversation, None)
        prepared = made[0].prepared()
        return _explanation(conversation, whole, made[0], prepared or (None, None))


def _explanation(
    conversation: Conversation,
    whole: Any,
    call: GatewayCall,
    prepared: tuple[Token | None, Prepared | None],
) -> Explanation:
    """``whole`` is what the client would get the answer of, ``call`` the first one that it makes;
    it was ``prepared``.
    """
    token, sent = prepared
    known = {repair.name: repair for repair in (sent.repairs if sent else ())}
    bounded = sent is not None and sent.bounds_output
    wanted = conversation.compaction
    is_summary = wanted is not None and wanted.ends and SUMMED_UP in whole.repairs
    return Explanation(
        model=_model(call.resolution, sent.model if sent else None),
        account=token.account if token else None,
        host=sent.host if sent else None,
        input_tokens=call.meter.input_estimate,
        limits=[] if is_summary else _limits(conversation, bounded=bounded),
        repairs=[known.get(name) or _as_read(name) for name in dict.fromkeys(whole.repairs)],
        ignored=list(dict.fromkeys(whole.ignored)),
        request=sent.request if sent else None,
    )


def _limits(conversation: Conversation, *, bounded: bool) -> list[LimitInForce]:
    """Those of an answer that is more than a summary of the conversation."""
    return [
        *Limits(conversation).described(bounded=bounded),
        *_demands(conversation),
        *_searches(conversation),
    ]


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


def _demands(conversation: Conversation) -> Iterator[LimitInForce]:
    """What the answer is checked for."""
    found = plan(conversation)
    if found is None:
        return
    if found.forced:
        choice = conversation.tool_choice
        yield _demand("tool_choice", choice.name or choice.mode, _FORCED)
    if found.answer_tool:
        yield _demand("format", shown(conversation.json_schema), _BY_TOOL)
    if strict := [name for name in found.schemas if name != found.answer_tool]:
        yield _demand("strict", shown(strict), _STRICT)


def _searches(conversation: Conversation) -> Iterator[LimitInForce]:
    """How often the web may be searched."""
    for tool in conversation.hosted:
        if tool.web.max_uses is not None:
            yield _demand("web_searches", tool.web.max_uses, _SEARCHES)


def _demand(name: str, value: Any, how: str) -> LimitInForce:
    return LimitInForce(name=name, value=value, by="gateway", how=how)


_FORCED = "An answer without the call is asked for once more; without it again, it is an error."
_BY_TOOL = (
    "The model answers by calling a tool with this schema, whose input becomes the text. What does"
    " not keep the schema is asked for once more; what still does not is an error."
)
_STRICT = (
    "The input of these tools is checked before the client gets the call, and asked for once more;"
    " what still does not keep the schema is an error."
)

_SEARCHES = "A search beyond them is not made; the model is told so, and answers with what it has."


def _as_read(name: str) -> Repair:
    """What was rewritten before there was a conversation that could be compared."""
    return Repair(name=name, what=meaning(name), changes=[], more=0)
