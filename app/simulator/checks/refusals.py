"""The ValidationException with which the service refuses a request, by the rule that it violates.

Sources: the model of the service for the reasons; published refusals for the texts. Where no source
has the text, it is the one that the service has for most bodies that it does not accept.
"""

from collections.abc import Iterable
from typing import Protocol

_IMPROPERLY_FORMED = "Improperly formed request."
_TOO_LONG = ("Input is too long.", "CONTENT_LENGTH_EXCEEDS_THRESHOLD")
_NO_TOOLS = (
    "The toolConfig field must be defined when using toolUse and toolResult content blocks",
    "TOOL_CONFIG_MISSING",
)
_NAMES = (
    "Names must be 1-200 characters containing only alphanumeric characters, whitespace, hyphens, "
    "underscores, parentheses, or square brackets, with no consecutive whitespace."
)
_MODEL = ("Invalid model. Please select a different model to continue.", "INVALID_MODEL_ID")

_REFUSALS: dict[str, tuple[str | None, str | None]] = {
    "json": (_IMPROPERLY_FORMED, "REQUEST_BODY_INVALID_JSON"),
    "region": (_IMPROPERLY_FORMED, None),
    "model-unknown": _MODEL,
    "model-fields": (None, "REQUEST_BODY_INVALID"),
    "weight": _TOO_LONG,
    "context-window": _TOO_LONG,
    "profile-arn": (_IMPROPERLY_FORMED, "REQUEST_BODY_INVALID"),
    "conversation-id": (_IMPROPERLY_FORMED, "INVALID_CONVERSATION_ID"),
    "signature": (_IMPROPERLY_FORMED, "THINKING_SIGNATURE_INVALID"),
    "tool-schema": ("Invalid tool use format.", "TOOL_SCHEMA_INVALID"),
    "tool-names-unique": (_IMPROPERLY_FORMED, "TOOL_DUPLICATE"),
    "tools-missing": _NO_TOOLS,
    "tool-pairing": (_IMPROPERLY_FORMED, "TOOL_USE_RESULT_MISMATCH"),
    "image-format": (_IMPROPERLY_FORMED, "IMAGE_FORMAT_UNSUPPORTED"),
    "image-magic": (_IMPROPERLY_FORMED, "IMAGE_MIME_MISMATCH"),
    "image-bytes": (_IMPROPERLY_FORMED, "IMAGE_SIZE_EXCEEDED"),
    "image-dimensions": (_IMPROPERLY_FORMED, "IMAGE_DIMENSION_EXCEEDED"),
    "image-count": (_IMPROPERLY_FORMED, "IMAGE_COUNT_EXCEEDED"),
    "document-format": (_IMPROPERLY_FORMED, "DISALLOWED_FILE_TYPE"),
    "document-name": (_NAMES, "INVALID_DOCUMENT_NAME"),
    "document-names-unique": (_IMPROPERLY_FORMED, "DOCUMENT_DUPLICATE_NAME"),
    "document-count": (_IMPROPERLY_FORMED, "DOCUMENT_COUNT_EXCEEDED"),
    "document-bytes": (_IMPROPERLY_FORMED, "DOCUMENT_SIZE_EXCEEDED"),
    "document-pages": (_IMPROPERLY_FORMED, "DOCUMENT_MAXIMUM_PAGES_EXCEEDED"),
    "document-password": (_IMPROPERLY_FORMED, "DOCUMENT_PASSWORD_PROTECTED"),
    "document-model": (_IMPROPERLY_FORMED, "DOCUMENT_MODEL_NOT_SUPPORTED"),
}
"""Message and reason by rule, the most specific first. A message of None is the violation's own."""


class _Violation(Protocol):
    @property
    def rule(self) -> str: ...
    @property
    def message(self) -> str: ...


def refusal(found: Iterable[_Violation]) -> tuple[str, str | None]:
    """Return message and reason of the ValidationException; the most specific rule decides."""
    by_rule: dict[str, str] = {}
    for violation in found:
        by_rule.setdefault(violation.rule, violation.message)
    for rule, (message, reason) in _REFUSALS.items():
        if rule in by_rule:
            return by_rule[rule] if message is None else message, reason
    return _IMPROPERLY_FORMED, None
