"""Every reason that the model of the service names, with the fault that it comes in.

Source: the published client of the service, which lists the reasons of each type. A fault of the
table in `faults` gives the text where a source has it. Some reasons come in more than one type.
"""

from .faults import NAMED, Fault

_STATUS = {
    "AccessDeniedException": 403,
    "ThrottlingException": 429,
    "ServiceQuotaExceededException": 402,
    "InternalServerException": 500,
    "ServiceUnavailableException": 503,
    "ValidationException": 400,
}
_TEXT = {
    "AccessDeniedException": "User is not authorized to make this call.",
    "ThrottlingException": "Too many requests, please wait before trying again.",
    "ServiceQuotaExceededException": "You have reached the limit.",
    "InternalServerException": (
        "Encountered an unexpected error when processing the request, please try again."
    ),
    "ServiceUnavailableException": "Service unavailable.",
    "ValidationException": "Improperly formed request.",
}

# fmt: off
REASONS: dict[str, tuple[str, ...]] = {
    "AccessDeniedException": (
        "FEATURE_NOT_SUPPORTED", "TEMPORARILY_SUSPENDED",
        "UNAUTHORIZED_CUSTOMIZATION_RESOURCE_ACCESS",
        "UNAUTHORIZED_WORKSPACE_CONTEXT_FEATURE_ACCESS",
    ),
    "ThrottlingException": (
        "CREDIT_CONSUMPTION_RATE_EXCEEDED", "DAILY_REQUEST_COUNT", "INSUFFICIENT_MODEL_CAPACITY",
        "MONTHLY_REQUEST_COUNT", "SERVICE_REQUEST_RATE_EXCEEDED", "USER_REQUEST_RATE_EXCEEDED",
        "HOURLY_REQUEST_COUNT", "WEEKLY_REQUEST_COUNT", "USAGE_LIMIT_REACHED",
    ),
    "ServiceQuotaExceededException": (
        "CONVERSATION_LIMIT_EXCEEDED", "MONTHLY_REQUEST_COUNT", "OVERAGE_REQUEST_LIMIT_EXCEEDED",
    ),
    "InternalServerException": ("MODEL_TEMPORARILY_UNAVAILABLE",),
    "ServiceUnavailableException": ("MODEL_TEMPORARILY_UNAVAILABLE",),
    "ValidationException": (
        "INVALID_CONVERSATION_ID", "CONTENT_LENGTH_EXCEEDS_THRESHOLD", "PROMPT_TOO_LONG",
        "INVALID_KMS_GRANT", "INVALID_MODEL_ID", "UNSUPPORTED_LANGUAGE",
        "THINKING_SIGNATURE_INVALID", "TOOL_SCHEMA_INVALID", "TOOL_DUPLICATE",
        "TOOL_CONFIG_MISSING", "TOOL_USE_RESULT_MISMATCH", "REQUEST_BODY_INVALID",
        "REQUEST_BODY_INVALID_JSON", "IMAGE_COUNT_EXCEEDED", "IMAGE_DIMENSION_EXCEEDED",
        "IMAGE_SIZE_EXCEEDED", "IMAGE_FORMAT_UNSUPPORTED", "IMAGE_MIME_MISMATCH",
        "DOCUMENT_MODEL_NOT_SUPPORTED", "DOCUMENT_PASSWORD_PROTECTED",
        "DOCUMENT_MAXIMUM_PAGES_EXCEEDED", "DOCUMENT_SIZE_EXCEEDED", "DOCUMENT_COUNT_EXCEEDED",
        "DOCUMENT_DUPLICATE_NAME", "INVALID_DOCUMENT_NAME", "DISALLOWED_FILE_TYPE",
    ),
}
# fmt: on
"""By type. Three of the throttles are known from the official client's own list alone."""

_RETRY_AFTER_MS = {"CREDIT_CONSUMPTION_RATE_EXCEEDED": 300_000}  # as captured


def fault_with_reason(reason: str, kind: str | None = None) -> Fault | None:
    """Return the fault with this reason, of the type `kind` if it comes in several.

    None if the service has no such reason.
    """
    for each, reasons in REASONS.items():
        if reason in reasons and kind in (None, each):
            return _fault(each, reason)
    return None


def _fault(kind: str, reason: str) -> Fault:
    for fault in NAMED.values():
        usual = fault.status == _STATUS[kind]
        if usual and (fault.type, fault.reason) == (kind, reason):
            return fault
    wait = _RETRY_AFTER_MS.get(reason)
    return Fault(_STATUS[kind], kind, _TEXT[kind], reason, retry_after_milliseconds=wait)
