"""The known failures of the upstream by name, and their form in each binding.

Status, type, reason and message come from official clients' tests and from published reports of
live responses. Chat faults come first, then those of the proxies in front of the service, then
those of the sign-in services.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.simulator.wire.bindings import Binding
from app.simulator.wire.http import HttpResponse, json_response

NAMESPACE = "com.amazon.aws.codewhisperer"
RUNTIME = "com.amazon.kiro.runtimeservice"
CONTROL_PLANE = "com.amazon.kiro.controlplane"


@dataclass(frozen=True, slots=True)
class Fault:
    """An AWS error.

    A `reason` of None is null in the body. `retry_after_milliseconds` is a member of the body, if
    set. `body`, if set, replaces the AWS body.
    """

    status: int
    type: str = ""
    message: str = ""
    reason: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    retry_after_milliseconds: int | None = None


def _html(status: int, title: str) -> Fault:
    page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\r\n"
    return Fault(status, headers={"content-type": "text/html"}, body=page)


def _oauth(status: int, error: str, description: str) -> Fault:
    body = {"error": error, "error_description": description}
    return Fault(status, headers={"content-type": "application/json"}, body=json.dumps(body))


_TRAFFIC = "I am experiencing high traffic, please try again shortly."
_MONTHLY = "You have reached the limit."
_BEARER = "The bearer token included in the request is invalid."
_SUSPENDED = (
    "Your User ID temporarily is suspended. We detected unusual activity and locked your account "
    "as a security precaution. Please contact our support team."
)
_SUSPICIOUS = (
    "Suspicious activity was detected on your account; temporary limits are in place. "
    "Please try again later."
)
_SIGN_IN_DEAD = json.dumps({"message": "Invalid refresh token provided"})

NAMED: dict[str, Fault] = {
    "throttled": Fault(
        429, "ThrottlingException", "Too many requests, please wait before trying again."
    ),
    "insufficient_capacity": Fault(
        429, "ThrottlingException", _TRAFFIC, "INSUFFICIENT_MODEL_CAPACITY"
    ),
    "monthly_quota": Fault(429, "ThrottlingException", _MONTHLY, "MONTHLY_REQUEST_COUNT"),
    "monthly_quota_400": Fault(400, "ThrottlingException", _MONTHLY, "MONTHLY_REQUEST_COUNT"),
    "daily_quota": Fault(429, "ThrottlingException", _MONTHLY, "DAILY_REQUEST_COUNT"),
    "user_rate": Fault(429, "ThrottlingException", "Rate exceeded.", "USER_REQUEST_RATE_EXCEEDED"),
    "service_rate": Fault(
        429, "ThrottlingException", "Rate exceeded.", "SERVICE_REQUEST_RATE_EXCEEDED"
    ),
    "suspicious_activity": Fault(429, "ThrottlingException", _SUSPICIOUS),
    "service_quota_402": Fault(
        402, "ServiceQuotaExceededException", _MONTHLY, "MONTHLY_REQUEST_COUNT"
    ),
    "overage_limit_402": Fault(
        402, "ServiceQuotaExceededException", _MONTHLY, "OVERAGE_REQUEST_LIMIT_EXCEEDED"
    ),
    "conversation_limit_402": Fault(
        402, "ServiceQuotaExceededException", _MONTHLY, "CONVERSATION_LIMIT_EXCEEDED"
    ),
    "too_long": Fault(
        400, "ValidationException", "Input is too long.", "CONTENT_LENGTH_EXCEEDS_THRESHOLD"
    ),
    "invalid_model": Fault(
        400,
        "ValidationException",
        "Invalid model. Please select a different model to continue.",
        "INVALID_MODEL_ID",
    ),
    "invalid_conversation": Fault(
        400, "ValidationException", "Invalid conversation id.", "INVALID_CONVERSATION_ID"
    ),
    "invalid_kms_grant": Fault(
        400, "ValidationException", "Invalid KMS grant.", "INVALID_KMS_GRANT"
    ),
    "improperly_formed": Fault(400, "ValidationException", "Improperly formed request."),
    "body_invalid": Fault(
        400, "ValidationException", "Improperly formed request.", "REQUEST_BODY_INVALID"
    ),
    "tool_mismatch": Fault(
        400, "ValidationException", "Improperly formed request.", "TOOL_USE_RESULT_MISMATCH"
    ),
    "tool_schema_invalid": Fault(
        400, "ValidationException", "Invalid tool use format.", "TOOL_SCHEMA_INVALID"
    ),
    "profile_arn_required": Fault(
        400, "ValidationException", "profileArn is required for this request."
    ),
    "profile_arn_invalid": Fault(400, "ValidationException", "Invalid profileArn."),
    "application_not_supported": Fault(
        403,
        "AccessDeniedException",
        "Your subscription does not support this application. Please contact your administrator.",
    ),
    "unreadable_200": Fault(
        200, headers={"content-type": "application/json"}, body='{"models": [{"modelId"'
    ),
    "bearer_invalid": Fault(403, "AccessDeniedException", _BEARER),
    "not_authorized": Fault(
        403, "AccessDeniedException", "User is not authorized to make this call."
    ),
    "suspended": Fault(403, "AccessDeniedException", _SUSPENDED, "TEMPORARILY_SUSPENDED"),
    "suspended_text": Fault(403, "AccessDeniedException", _SUSPENDED),
    "suspended_423": Fault(423, "AccountSuspendedException", _SUSPENDED),
    "feature_not_supported": Fault(
        403, "AccessDeniedException", "Feature is not supported.", "FEATURE_NOT_SUPPORTED"
    ),
    "customization_denied": Fault(
        403,
        "AccessDeniedException",
        "User is not authorized to use this customization.",
        "UNAUTHORIZED_CUSTOMIZATION_RESOURCE_ACCESS",
    ),
    "expired_token_401": Fault(
        401, "ExpiredTokenException", "The security token included in the request is expired"
    ),
    "unrecognized_client_401": Fault(
        401,
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    ),
    "internal": Fault(
        500, "InternalServerException", "Encountered an unexpected error, please try again."
    ),
    "model_unavailable": Fault(
        500,
        "InternalServerException",
        "The model is temporarily unavailable.",
        "MODEL_TEMPORARILY_UNAVAILABLE",
    ),
    "high_load": Fault(
        500,
        "InternalServerException",
        "Encountered unexpectedly high load when processing the request, please try again.",
    ),
    "unavailable_500": Fault(500, "ServiceUnavailableException", "Service unavailable."),
    "unavailable_503": Fault(503, "ServiceUnavailableException", "Service unavailable."),
    "kms_conflict": Fault(
        409, "ConflictException", "The KMS key is disabled.", "CUSTOMER_KMS_KEY_DISABLED"
    ),
    "resource_not_found": Fault(404, "ResourceNotFoundException", "Resource not found."),
    "unknown_operation": Fault(404, "UnknownOperationException"),
    "too_large_413": _html(413, "413 Request Entity Too Large"),
    "html_502": _html(502, "502 Bad Gateway"),
    "html_503": _html(503, "503 Service Temporarily Unavailable"),
    "html_504": _html(504, "504 Gateway Time-out"),
    "html_524": _html(524, "524: A timeout occurred"),
    "html_403": _html(403, "403 ERROR: The request could not be satisfied. CloudFront"),
    "social_dead_401": Fault(401, headers={"content-type": "application/json"}, body=_SIGN_IN_DEAD),
    "social_throttled_429": Fault(
        429,
        headers={"content-type": "application/json"},
        body=json.dumps({"message": "Too Many Requests"}),
    ),
    "oauth_invalid_grant": _oauth(400, "invalid_grant", "Invalid refresh token provided"),
    "oauth_invalid_client": _oauth(401, "invalid_client", "Invalid client provided"),
    "oauth_invalid_request": _oauth(400, "invalid_request", "Invalid request"),
    "oauth_unsupported_grant": _oauth(
        400, "unsupported_grant_type", "Unsupported grant type provided"
    ),
    "oauth_pending": _oauth(400, "authorization_pending", "Authorization pending"),
    "oauth_slow_down": _oauth(400, "slow_down", "Slow down"),
    "oauth_access_denied": _oauth(400, "access_denied", "Access denied"),
    "oauth_expired": _oauth(400, "expired_token", "Invalid device code provided"),
    "oauth_internal": _oauth(500, "server_error", "Internal server error"),
}


def fault_response(
    fault: Fault,
    binding: Binding,
    headers: Mapping[str, str] | None = None,
    *,
    namespace: str = NAMESPACE,
) -> HttpResponse:
    """Return the HTTP response of a fault.

    The REST binding puts the type into a header, the JSON-RPC binding into `__type`, behind the
    namespace of the service.
    """
    extra = {**fault.headers, **(headers or {})}
    if fault.body is not None:
        return HttpResponse(fault.status, fault.body.encode(), extra)
    body: dict[str, Any] = {}
    if binding == "json-rpc":
        namespace = "com.amazon.coral.service" if _is_generic(fault) else namespace
        body["__type"] = f"{namespace}#{fault.type}"
    else:
        extra = {"x-amzn-errortype": f"{fault.type}:http://internal.amazon.com/coral/", **extra}
    if fault.message:
        body |= {"message": fault.message, "reason": fault.reason}
    if fault.retry_after_milliseconds is not None:
        body["retryAfterMilliseconds"] = fault.retry_after_milliseconds
    return json_response(fault.status, body, extra, binding=binding)


def _is_generic(fault: Fault) -> bool:
    return fault.type in {"UnknownOperationException", "SerializationException"}
