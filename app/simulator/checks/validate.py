"""The rules of a GenerateAssistantResponse request, and the service's answer to violations.

Contract: `violations` is pure, never raises for a JSON value, and reports every violated rule that
it can detect. Its messages name the place, never the content. Sources: the AWS service models
(shapes, lengths, enums), the invariants that the Amazon Q CLI enforces before it sends (order and
pairing), and rejections reported by two or more independent clients (tool schemas, empty content).
Modelled limits that live clients exceed (history entries, results and tool uses per message) are
not rules on purpose.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.simulator.catalogue import models
from app.simulator.catalogue.model import SimulatedModel
from app.simulator.wire.bindings import CONTENT_TYPES, Binding

from . import conversation, model_fields, sizes
from .body import current_user
from .request_shape import PROFILE_ARN, REQUEST
from .shapes import ReportViolation, string

RULES: dict[str, str] = {
    "depth": "the body is not nested so deeply that it cannot be serialised",
    "type": "every member has the type of the service model, which never allows null",
    "missing-member": "all required members are present",
    "unknown-member": "the service model has every member",
    "union": "a union has exactly one member",
    "enum": "enumerated strings are spelled as modelled",
    "length": "strings, lists and numbers are within the modelled bounds",
    "pattern": "strings match the modelled pattern",
    "content-type": "the content type is that of the binding",
    "trigger-type": "chatTriggerType is MANUAL, DIAGNOSTIC or INLINE_CHAT",
    "conversation-id": "conversationId has 1 to 128 characters",
    "origin": "origin is one of the modelled origins",
    "profile-arn": "a profile ARN, in body or header, has the modelled form",
    "model-id": "modelId is 1 to 1024 letters, digits and _ : . -",
    "model-unknown": "the current message names a model that the account is offered",
    "model-fields": "additionalModelRequestFields matches the model's schema, if it has one",
    "content-length": "a user's content has at most 600000 characters, an assistant's 100000",
    "empty-content": "a user's content is empty only if there are tool results",
    "weight": "the body weighs at most 1300000: 1 for an ASCII character, 8 for any other",
    "context-window": "the request's estimated tokens fit the model's window",
    "image-format": "images are png, jpeg, gif or webp",
    "image-bytes": "an image is base64 of 1 to 2800000 bytes",
    "image-count": "a message has at most 10 images",
    "current-message": "currentMessage is a userInputMessage",
    "history-order": "history alternates, starting with the user, ending with the assistant",
    "first-user-tool-results": "the first entry of history has no toolResults",
    "tool-pairing": "toolResults pair one to one with the toolUses of the preceding message",
    "tool-use-id": "toolUseId is 1 to 64 letters, digits and _ -",
    "tool-use-ids-unique": "no two toolUses have the same id",
    "tool-input": "a toolUse's input is an object",
    "status": "a tool result's status is success or error",
    "tools-only-current": "only currentMessage offers tools",
    "tool-name": "a tool name is a letter, then up to 63 letters, digits and _ -",
    "tool-names-unique": "tool names are unique, ignoring letter case",
    "tool-offered": "currentMessage offers every tool used in history",
    "tool-description": "a tool description has 1 to 10240 characters",
    "tool-schema": "the service accepts the input schema, see tool_schema",
    "cache-point-in-tools": "the tools include no cachePoint",
}
"""Every rule by name. The header `x-sim-violation` contains the name."""

_TOO_LONG = ("Input is too long.", "CONTENT_LENGTH_EXCEEDS_THRESHOLD")
_IMPROPERLY_FORMED = ("Improperly formed request.", None)
_REFUSALS: dict[str, tuple[str | None, str | None]] = {
    "model-unknown": (
        "Invalid model. Please select a different model to continue.",
        "INVALID_MODEL_ID",
    ),
    "model-fields": (None, "REQUEST_BODY_INVALID"),
    "weight": _TOO_LONG,
    "context-window": _TOO_LONG,
    "profile-arn": ("Improperly formed request.", "REQUEST_BODY_INVALID"),
    "tool-schema": ("Invalid tool use format.", None),
}
"""Message and reason by rule, the most specific first. A message of None is the violation's own."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One violated rule. `message` names the place in the body."""

    rule: str
    message: str


def violations(
    body: dict[str, Any],
    *,
    headers: Mapping[str, str] | None = None,
    binding: Binding,
    offered: models.ModelList = models.CURRENT,
) -> list[Violation]:
    """Return every rule that a chat request violates; an empty list if the service would accept it.

    `headers` are checked only if given. Their names are case-insensitive. `offered` are the models
    that the account may call.
    """
    found: list[Violation] = []

    def report(rule: str, message: str) -> None:
        found.append(Violation(rule, message))

    if headers:
        _check_headers({name.lower(): value for name, value in headers.items()}, binding, report)
    REQUEST(body, "", report)
    if isinstance(body, dict):
        conversation.check(body.get("conversationState"), report)
        try:
            _check_model(body, offered.find, binding, report)
            _check_weight(body, report)
        except RecursionError:
            report("depth", "the body is nested too deeply")
    return found


def refusal(found: list[Violation]) -> tuple[str, str | None]:
    """Return message and reason of the ValidationException; the most specific rule decides."""
    for rule, (message, reason) in _REFUSALS.items():
        for violation in found:
            if violation.rule == rule:
                return violation.message if message is None else message, reason
    return _IMPROPERLY_FORMED


def _check_headers(headers: dict[str, str], binding: Binding, report: ReportViolation) -> None:
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != CONTENT_TYPES[binding]:
        report("content-type", f"content-type must be {CONTENT_TYPES[binding]}")
    if "x-amzn-kiro-profile-arn" in headers:
        check = string(0, 950, PROFILE_ARN, rule="profile-arn")
        check(headers["x-amzn-kiro-profile-arn"], "header x-amzn-kiro-profile-arn", report)


def _check_weight(body: dict[str, Any], report: ReportViolation) -> None:
    weight = sizes.weight(body)
    if weight > sizes.WEIGHT_MAX:
        report("weight", f"the body weighs {weight}; allowed are {sizes.WEIGHT_MAX}")


def _check_model(
    body: dict[str, Any],
    find: Callable[[str | None, Binding], SimulatedModel | None],
    binding: Binding,
    report: ReportViolation,
) -> None:
    model_id = current_user(body).get("modelId")
    if model_id is not None and not isinstance(model_id, str):
        return
    model = find(model_id, binding)
    if model is None:
        report("model-unknown", "the account is not offered the model of currentMessage")
        return
    if "additionalModelRequestFields" in body:
        fields = body["additionalModelRequestFields"]
        for problem in model_fields.problems(fields, model.fields_schema):
            report("model-fields", problem)
    if sizes.estimate_tokens(body) > model.window:
        report("context-window", f"the request exceeds the {model.window} tokens of {model.id}")
