"""The checks of a GenerateAssistantResponse request against all rules.

Contract: `violations` is pure, never raises for a JSON value, and reports every violated rule that
it can detect. Its messages name the place, never the content. Sources: the AWS service models
(shapes, lengths, enums), the invariants that the Amazon Q CLI enforces before it sends (order and
pairing), and rejections reported by two or more independent clients (tool schemas, empty content).
Modelled limits that live clients exceed (history entries, results and tool uses per message) are
not rules on purpose.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.simulator.catalogue import models
from app.simulator.catalogue.model import SimulatedModel
from app.simulator.catalogue.signatures import is_signed_for
from app.simulator.wire.bindings import CONTENT_TYPES, Binding

from . import attachments, conversation, model_fields, sizes
from .body import as_dict, current_user, history_of
from .request_shape import PROFILE_ARN, REQUEST
from .rules import Settings
from .shapes import ReportViolation, string


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
    settings: Settings | None = None,
    region: str | None = None,
) -> list[Violation]:
    """Return every rule that a chat request violates; an empty list if the service would accept it.

    `headers` are checked only if given. Their names are case-insensitive. `offered` are the models
    that the account may call. `region` is the region of the host, None if not known.
    """
    found: list[Violation] = []

    def report(rule: str, message: str) -> None:
        found.append(Violation(rule, message))

    if headers:
        lower = {name.lower(): value for name, value in headers.items()}
        _check_headers(lower, binding, report)
        _check_region(body, lower, region, report)
    REQUEST(body, "", report)
    if isinstance(body, dict):
        conversation.check(body.get("conversationState"), report)
        try:
            _check_model(body, offered, binding, settings or Settings(), report)
            _check_weight(body, report)
        except RecursionError:
            report("depth", "the body is nested too deeply")
    return found


def _check_headers(headers: dict[str, str], binding: Binding, report: ReportViolation) -> None:
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != CONTENT_TYPES[binding]:
        report("content-type", f"content-type must be {CONTENT_TYPES[binding]}")
    if "x-amzn-kiro-profile-arn" in headers:
        check = string(0, 950, PROFILE_ARN, rule="profile-arn")
        check(headers["x-amzn-kiro-profile-arn"], "header x-amzn-kiro-profile-arn", report)


def _check_region(
    body: Any, headers: dict[str, str], region: str | None, report: ReportViolation
) -> None:
    arn = as_dict(body).get("profileArn") or headers.get("x-amzn-kiro-profile-arn")
    of_profile = str(arn).split(":")[3:4]
    if region and of_profile and of_profile != [region]:
        report("region", f"the profile is of another region than the host, {region}")


def _check_weight(body: dict[str, Any], report: ReportViolation) -> None:
    weight = sizes.weight(body)
    if weight > sizes.WEIGHT_MAX:
        report("weight", f"the body weighs {weight}; allowed are {sizes.WEIGHT_MAX}")


def _check_model(
    body: dict[str, Any],
    offered: models.ModelList,
    binding: Binding,
    settings: Settings,
    report: ReportViolation,
) -> None:
    model_id = current_user(body).get("modelId")
    if model_id is not None and not isinstance(model_id, str):
        return
    model = offered.find(model_id, binding)
    attachments.check(body, model, settings, report)
    if model is None:
        report("model-unknown", "the account is not offered the model of currentMessage")
        return
    if "additionalModelRequestFields" in body:
        fields = body["additionalModelRequestFields"]
        for problem in model_fields.problems(fields, model.fields_schema):
            report("model-fields", problem)
    if settings.signatures:
        _check_signatures(body, model, report)
    if sizes.estimate_tokens(body) > model.window:
        report("context-window", f"the request exceeds the {model.window} tokens of {model.id}")


def _check_signatures(body: dict[str, Any], model: SimulatedModel, report: ReportViolation) -> None:
    if model.family not in ("claude", models.AUTO):
        return  # other families were seen to take any
    reader = models.answering(model)
    for entry in history_of(body):
        thinking = as_dict(as_dict(entry.get("assistantResponseMessage")).get("reasoningContent"))
        text = thinking.get("reasoningText")
        if text is not None and not is_signed_for(reader, as_dict(text).get("signature")):
            report("signature", f"thinking in history is not signed for a {reader.family} model")
