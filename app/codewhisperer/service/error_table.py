"""What the upstream's errors mean: one table of rules on status, type, reason and message.

Source: the service models and the retry rules of the AWS language servers and the Amazon Q CLI, and
published reports of live answers where no official client names a value.
"""

from app.common.errors import UNKNOWN_OPERATION, Kind

from .content_rules import CONTENT_RULES
from .error_rule import ErrorRule

UNREACHABLE = "unreachable"
OLDER_HOST = frozenset({UNREACHABLE, UNKNOWN_OPERATION})
"""The ``code`` of errors that an older generation of hosts may avoid: the host cannot be reached,
or does not know the operation.
"""

WANTS_PROFILE = "profile"
"""The ``code`` of errors that another profile ARN in the request may avoid."""

IMPROPERLY_FORMED = "improperly_formed"
"""The ``code`` of the refusal that the service gives for many causes, also for a host in another
region than the account's profile.
"""

_SUSPENDED = (
    "The upstream has suspended this account. The gateway cannot lift that. Write to the service's"
    " support, or use another account."
)
_QUOTA = (
    "The account's quota is used up. Wait until it resets, enable overage, or use another account."
)
_TOO_LONG = (
    "The conversation is longer than the model's context window. Shorten it, or compact the"
    " history."
)
_BUSY = (
    "The upstream has no capacity for this model right now, which takes minutes and is the same for"
    " all accounts. Try again later, or use another model."
)
_UNAVAILABLE = "The upstream is temporarily unavailable. Try again soon."
_MODEL = "The upstream does not serve this model to this account. Choose another model."
_TOKEN = (
    "The upstream refused the access token. If it keeps doing so, log in again, and check that the"
    " region and the profile belong to the account."
)
_DENIED = "The account is not allowed to do this. Check its plan and its permissions."
_KMS = "The account's encryption key cannot be used. Its administrator has to repair the KMS key."
_RATE = "The upstream limits this account's request rate. Wait before trying again."
_NEW = "The upstream no longer continues this conversation. Start a new one."
_OPERATION = "The upstream host does not know this operation. Check KIRO_API_URL and KIRO_REGION."
_BAD_REQUEST = (
    "The upstream rejected the translated request. Change what its message names; if it names"
    " nothing, please report this error."
)
_FAILED = "The upstream failed. Try again; if this happens again, check the service's status."

RULES: tuple[ErrorRule, ...] = (
    ErrorRule(Kind.SUSPENDED, _SUSPENDED, reasons=("TEMPORARILY_SUSPENDED",)),
    ErrorRule(Kind.SUSPENDED, _SUSPENDED, types=("AccountSuspendedException",)),
    ErrorRule(Kind.SUSPENDED, _SUSPENDED, statuses=(423,)),
    ErrorRule(Kind.SUSPENDED, _SUSPENDED, text="temporarily is suspended"),
    ErrorRule(Kind.SUSPENDED, _SUSPENDED, text="locked your account"),
    ErrorRule(
        Kind.THROTTLED,
        "The upstream limits this account because of suspicious activity. Leave it unused for a"
        " while, or use another account.",
        text="suspicious activity",
        retry_after=3600,  # the upstream names no time; this one is too long to wait for here
    ),
    ErrorRule(
        Kind.CAPACITY,
        _BUSY,
        reasons=("INSUFFICIENT_MODEL_CAPACITY", "MODEL_TEMPORARILY_UNAVAILABLE"),
    ),
    ErrorRule(Kind.CAPACITY, _BUSY, text="experiencing high traffic"),
    ErrorRule(Kind.CAPACITY, _BUSY, text="unexpectedly high load"),
    ErrorRule(
        Kind.QUOTA,
        _QUOTA,
        reasons=("MONTHLY_REQUEST_COUNT", "USAGE_LIMIT_REACHED"),
    ),
    ErrorRule(
        Kind.QUOTA,
        "The account has used up what it may ask in an hour, a day or a week. Wait until that is"
        " over, or use another account.",
        reasons=("HOURLY_REQUEST_COUNT", "DAILY_REQUEST_COUNT", "WEEKLY_REQUEST_COUNT"),
    ),
    ErrorRule(
        Kind.QUOTA,
        "The account's limit for overage is reached. Raise it in the account's settings at the"
        " service, wait until the quota resets, or use another account.",
        reasons=("OVERAGE_REQUEST_LIMIT_EXCEEDED",),
    ),
    ErrorRule(
        Kind.REJECTED, _NEW, reasons=("CONVERSATION_LIMIT_EXCEEDED", "INVALID_CONVERSATION_ID")
    ),
    ErrorRule(Kind.QUOTA, _QUOTA, types=("ServiceQuotaExceededException",)),
    ErrorRule(Kind.QUOTA, _QUOTA, statuses=(402,)),
    ErrorRule(
        Kind.CONTEXT_TOO_LONG,
        _TOO_LONG,
        reasons=("CONTENT_LENGTH_EXCEEDS_THRESHOLD", "PROMPT_TOO_LONG"),
    ),
    ErrorRule(Kind.CONTEXT_TOO_LONG, _TOO_LONG, types=("ContentLengthExceededException",)),
    ErrorRule(Kind.CONTEXT_TOO_LONG, _TOO_LONG, text="input is too long"),
    ErrorRule(Kind.CONTEXT_TOO_LONG, _TOO_LONG, text="input content length exceeds threshold"),
    ErrorRule(Kind.CONTEXT_TOO_LONG, _TOO_LONG, text="context window is full"),
    *CONTENT_RULES,
    ErrorRule(Kind.INVALID_MODEL, _MODEL, reasons=("INVALID_MODEL_ID",)),
    ErrorRule(Kind.INVALID_MODEL, _MODEL, text="invalid model"),
    ErrorRule(
        Kind.REJECTED,
        "The upstream requires the account's profile. Log in again, or set profileArn in"
        " KIRO_AUTH_TOKEN.",
        text="profilearn is required",
        code=WANTS_PROFILE,
    ),
    ErrorRule(
        Kind.REJECTED,
        "The upstream does not know the account's profile. Log in again, or correct profileArn in"
        " KIRO_AUTH_TOKEN.",
        text="invalid profilearn",
        code=WANTS_PROFILE,
    ),
    ErrorRule(
        Kind.FORBIDDEN,
        "The account's subscription does not admit this gateway: its organisation names the"
        " applications that may use it. Ask its administrator, or use another account.",
        text="does not support this application",
        code="application_not_supported",
    ),
    ErrorRule(
        Kind.FORBIDDEN,
        _DENIED,
        reasons=(
            "FEATURE_NOT_SUPPORTED",
            "UNAUTHORIZED_CUSTOMIZATION_RESOURCE_ACCESS",
            "UNAUTHORIZED_WORKSPACE_CONTEXT_FEATURE_ACCESS",
        ),
    ),
    ErrorRule(Kind.FORBIDDEN, _KMS, reasons=("INVALID_KMS_GRANT",)),
    ErrorRule(Kind.FORBIDDEN, _KMS, types=("ConflictException",)),
    ErrorRule(
        Kind.REJECTED,
        "The upstream does not find a resource of the request. Check the region and the profile.",
        types=("ResourceNotFoundException",),
    ),
    ErrorRule(
        Kind.UPSTREAM_ERROR,
        _OPERATION,
        types=("UnknownOperationException",),
        code=UNKNOWN_OPERATION,
    ),
    ErrorRule(Kind.UPSTREAM_ERROR, _OPERATION, text="unknown operation", code=UNKNOWN_OPERATION),
    ErrorRule(Kind.UPSTREAM_ERROR, _OPERATION, statuses=(404, 405), code=UNKNOWN_OPERATION),
    ErrorRule(
        Kind.THROTTLED,
        "The account uses up its credits faster than the upstream allows. Wait as long as the"
        " answer says, use another account, or a model that costs less.",
        reasons=("CREDIT_CONSUMPTION_RATE_EXCEEDED",),
        retry_after=300,  # as the upstream itself said in published answers
    ),
    ErrorRule(
        Kind.THROTTLED,
        _RATE,
        reasons=("USER_REQUEST_RATE_EXCEEDED", "SERVICE_REQUEST_RATE_EXCEEDED"),
        retry_after=10,  # what other gateways found to be enough
    ),
    ErrorRule(Kind.THROTTLED, _RATE, types=("ThrottlingException", "TooManyRequestsException")),
    ErrorRule(Kind.THROTTLED, _RATE, statuses=(429,)),
    ErrorRule(
        Kind.REFUSED_TOKEN, _TOKEN, types=("ExpiredTokenException", "UnrecognizedClientException")
    ),
    ErrorRule(Kind.REFUSED_TOKEN, _TOKEN, types=("AccessDeniedException",)),
    ErrorRule(Kind.REFUSED_TOKEN, _TOKEN, statuses=(401,)),
    ErrorRule(Kind.REFUSED_TOKEN, _TOKEN, statuses=(403,), text="token"),
    ErrorRule(Kind.REFUSED_TOKEN, _TOKEN, statuses=(403,), text="not authorized"),
    ErrorRule(
        Kind.FORBIDDEN,
        "The upstream refused the request without naming the account. Check whether a firewall, a"
        " proxy or the region is the cause.",
        statuses=(403,),
    ),
    ErrorRule(
        Kind.REQUEST_TOO_LARGE,
        "The request has more bytes than the upstream accepts. Send less, or smaller images.",
        statuses=(413,),
    ),
    ErrorRule(Kind.UNAVAILABLE, _UNAVAILABLE, types=("ServiceUnavailableException",)),
    ErrorRule(Kind.UNAVAILABLE, _UNAVAILABLE, statuses=(503, 504, 524)),
    ErrorRule(Kind.UPSTREAM_ERROR, _FAILED, types=("InternalServerException",)),
    ErrorRule(
        Kind.REJECTED,
        "The upstream found the translated request malformed, and does not say why. Check that"
        " KIRO_REGION is the region of the account's profile; else please report this error.",
        text="improperly formed",
        code=IMPROPERLY_FORMED,
    ),
    ErrorRule(
        Kind.REJECTED,
        "The upstream could not read the translated request. Change what its message names; if it"
        " names nothing, this is a defect of the gateway: please report it.",
        reasons=("REQUEST_BODY_INVALID", "REQUEST_BODY_INVALID_JSON"),
    ),
    ErrorRule(Kind.REJECTED, _BAD_REQUEST, types=("ValidationException", "SerializationException")),
    ErrorRule(Kind.REJECTED, _BAD_REQUEST, statuses=range(400, 500)),
    ErrorRule(Kind.UPSTREAM_ERROR, _FAILED),
)
"""The first matching row applies. Rows that identify the state of an account come before those for
general types and statuses; the last row matches every error.
"""

REASONS = frozenset(reason for rule in RULES for reason in rule.reasons)
"""Every reason that a row names."""
