"""The rules a GenerateAssistantResponse request must keep, and what the service answers if not.

Contract: `violations` is pure, raises for no JSON value, reports every broken rule it can see, and
says where, never what was written there. Sources: the AWS service models (shapes, lengths, enums),
the invariants the Amazon Q CLI enforces before it sends (order and pairing), and rejections
reported by two or more independent clients (tool schemas, empty content). Model limits that live
clients are seen to exceed (history entries, results and tool uses per message) are deliberately not
rules.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.simulator.catalogue import models as catalogue
from app.simulator.catalogue.models import Binding

from . import conversation, sizes
from .request_shape import PROFILE_ARN, REQUEST
from .shapes import Report, string

RULES: dict[str, str] = {
    "depth": "the body is not nested too deeply to be serialised",
    "type": "every member has the type of the service model; null is none",
    "missing-member": "required members are there",
    "unknown-member": "no member that the service model does not have",
    "union": "a union has exactly one member",
    "enum": "enumerated strings are spelled as modelled",
    "length": "texts, lists and numbers keep the modelled bounds",
    "pattern": "texts match the modelled pattern",
    "content-type": "the content type is that of the binding",
    "trigger-type": "chatTriggerType is MANUAL, DIAGNOSTIC or INLINE_CHAT",
    "conversation-id": "conversationId has 1 to 128 characters",
    "origin": "origin is one of the modelled origins",
    "profile-arn": "a profile ARN, in body or header, has the modelled form",
    "model-id": "modelId is 1 to 1024 letters, digits and _ : . -",
    "model-unknown": "the current message names a model of this host generation",
    "model-fields": "additionalModelRequestFields fits the model's schema, JSON-RPC only",
    "content-length": "content: at most 600000 characters, an assistant's 100000",
    "empty-content": "a user's content is empty only beside tool results",
    "weight": "1 per ASCII and 8 per other character are at most 1300000 in all",
    "context-window": "the request's estimated tokens fit the model's window",
    "image-format": "images are png, jpeg, gif or webp",
    "image-bytes": "an image is base64 of 1 to 2800000 bytes",
    "image-count": "a message has at most 10 images",
    "current-message": "currentMessage is a userInputMessage",
    "history-order": "history alternates, starting with the user, ending with the assistant",
    "first-user-tool-results": "the first entry of history has no toolResults",
    "tool-pairing": "toolResults pair one to one with the toolUses of the message before",
    "tool-use-id": "toolUseId is 1 to 64 letters, digits and _ -",
    "tool-use-ids-unique": "no two toolUses share an id",
    "tool-input": "a toolUse's input is an object",
    "status": "a tool result's status is success or error",
    "tools-only-current": "only currentMessage offers tools",
    "tool-name": "a tool name is a letter, then up to 63 letters, digits and _ -",
    "tool-names-unique": "tool names differ in more than letter case",
    "tool-offered": "every tool used in history is offered in currentMessage",
    "tool-description": "a tool description has 1 to 10240 characters",
    "tool-schema": "an input schema is one the service takes, see tool_schema",
    "cache-point-in-tools": "no cachePoint stands among the tools",
}
"""Every rule by name. The name goes into the header `x-sim-violation`."""

CONTENT_TYPES: dict[Binding, str] = {
    "rest": "application/json",
    "json-rpc": "application/x-amz-json-1.0",
}

TOO_LONG = ("Input is too long.", "CONTENT_LENGTH_EXCEEDS_THRESHOLD")
_IMPROPERLY_FORMED = ("Improperly formed request.", None)
_ANSWERS: dict[str, tuple[str, str | None]] = {
    "model-unknown": (
        "Invalid model. Please select a different model to continue.",
        "INVALID_MODEL_ID",
    ),
    "weight": TOO_LONG,
    "context-window": TOO_LONG,
    "profile-arn": ("Improperly formed request.", "REQUEST_BODY_INVALID"),
    "tool-schema": ("Invalid tool use format.", None),
}


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule; `message` names the place in the body."""

    rule: str
    message: str


def violations(
    body: dict[str, Any], *, headers: Mapping[str, str] | None = None, binding: Binding
) -> list[Violation]:
    """Return every rule that a chat request breaks, an empty list if the service would take it.

    `headers` are looked at only if given, their names in any letter case.
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
            _check_model(body, binding, report)
            _check_weight(body, report)
        except RecursionError:
            report("depth", "the body is nested too deeply")
    return found


def answer_to(broken: list[Violation]) -> tuple[str, str | None]:
    """Return message and reason of the ValidationException; the most telling rule wins."""
    for rule, answer in _ANSWERS.items():
        if any(violation.rule == rule for violation in broken):
            return answer
    return _IMPROPERLY_FORMED


def _check_headers(headers: dict[str, str], binding: Binding, report: Report) -> None:
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != CONTENT_TYPES[binding]:
        report("content-type", f"content-type must be {CONTENT_TYPES[binding]}")
    if "x-amzn-kiro-profile-arn" in headers:
        check = string(0, 950, PROFILE_ARN, rule="profile-arn")
        check(headers["x-amzn-kiro-profile-arn"], "header x-amzn-kiro-profile-arn", report)


def _check_weight(body: dict[str, Any], report: Report) -> None:
    weight = sizes.weight(body)
    if weight > sizes.WEIGHT_MAX:
        report("weight", f"the body weighs {weight}, allowed are {sizes.WEIGHT_MAX}")


def _check_model(body: dict[str, Any], binding: Binding, report: Report) -> None:
    user = conversation.current_user(body)
    model_id = user.get("modelId")
    if model_id is not None and not isinstance(model_id, str):
        return
    model = catalogue.find(model_id, binding)
    if model is None:
        report("model-unknown", f"currentMessage names a model unknown to the {binding} binding")
        return
    if "additionalModelRequestFields" in body:
        _check_fields(body["additionalModelRequestFields"], model, binding, report)
    if sizes.estimate_tokens(body) > model.window:
        report("context-window", f"the request exceeds the {model.window} tokens of {model.id}")


def _check_fields(fields: Any, model: catalogue.Model, binding: Binding, report: Report) -> None:
    schema = model.fields_schema()
    if binding == "rest":
        report("model-fields", "additionalModelRequestFields is no member of the REST binding")
    elif schema is None:
        report("model-fields", f"{model.id} takes no additionalModelRequestFields")
    else:
        _match(fields, schema, "additionalModelRequestFields", report)


def _match(value: Any, schema: dict[str, Any], path: str, report: Report) -> None:
    """Check `value` against the subset of JSON Schema that the catalogue uses."""
    if schema["type"] == "object":
        if not isinstance(value, dict):
            report("model-fields", f"{path} must be an object")
            return
        for name, element in value.items():
            if name in schema["properties"]:
                _match(element, schema["properties"][name], f"{path}.{name}", report)
            else:
                report("model-fields", f"{path}.{name} is not allowed")
    elif schema["type"] == "integer":
        low, high = schema["minimum"], schema["maximum"]
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            report("model-fields", f"{path} must be an integer within {low}..{high}")
    elif value not in schema["enum"]:
        report("model-fields", f"{path} must be one of {', '.join(schema['enum'])}")
