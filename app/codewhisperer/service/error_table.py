"""What the upstream's refusals mean: one table, from its statuses, types, reasons and words.

Source: the service models and the retry rules of the AWS language servers and the Amazon Q CLI, and
published reports of live answers where no official client names a value.
"""

from collections.abc import Container
from typing import NamedTuple

from app.errors import UNKNOWN_OPERATION, Kind

UNREACHABLE = "unreachable"
OLDER_HOST = frozenset({UNREACHABLE, UNKNOWN_OPERATION})
"""The ``code`` of an error that an older generation of hosts may not make: no connection comes
about, or the host does not know the operation.
"""


class ParsedError(NamedTuple):
    """An upstream error, taken apart. ``status`` is 0 inside a stream; ``types`` are its names."""

    status: int
    types: tuple[str, ...]
    reason: str
    message: str


class ErrorRule(NamedTuple):
    """A row of the table: matches a refusal that meets every condition which is set. ``text`` is
    looked for in the upstream's message, in lower case. ``words`` say why, and what to do.
    ``retry_after``, in seconds, is for refusals that do not tell it themselves.
    """

    kind: Kind
    words: str
    types: Container[str] = ()
    reasons: Container[str] = ()
    text: str = ""
    statuses: Container[int] = ()
    code: str = ""
    retry_after: float | None = None

    def matches(self, refusal: ParsedError) -> bool:
        """Whether the refusal meets every condition."""
        return (
            (not self.types or any(name in self.types for name in refusal.types))
            and (not self.reasons or refusal.reason in self.reasons)
            and self.text in refusal.message.lower()
            and (not self.statuses or refusal.status in self.statuses)
        )


_SUSPENDED = (
    "The upstream has suspended this account. The gateway cannot lift that: write to its support,"
    " or use another account."
)
_QUOTA = (
    "The account's quota is used up. Wait until it is renewed, allow overage, or use another"
    " account."
)
_TOO_LONG = (
    "The conversation is longer than the model's context window. Shorten it, or compact the"
    " history."
)
_BUSY = (
    "The upstream has no capacity for this model right now. Try again soon, or use another model."
)
_AWAY = "The upstream is unavailable for the moment. Try again soon."
_MODEL = "The upstream does not serve this model to this account. Choose another one."
_TOKEN = (
    "The upstream refused the access token. If this goes on, log in again, and check that the"
    " region and the profile are those of the account."
)
_DENIED = "The account may not do this. Check its plan and its permissions."
_KMS = "The account's encryption key cannot be used. Its administrator has to repair the KMS key."
_SLOW = "The upstream limits this account's rate. Wait before trying again."
_NEW = "The upstream does not continue this conversation. Start a new one."
_OPERATION = "The upstream host does not know this operation. Check KIRO_API_URL and KIRO_REGION."
_BAD_REQUEST = (
    "The upstream rejected the request as it was translated. Change what its message names; if it"
    " names nothing, please report it."
)
_BROKEN = "The upstream failed. Try again; if this goes on, look at the service's status."

RULES: tuple[ErrorRule, ...] = (
    ErrorRule(Kind.SUSPENDED, _SUSPENDED, reasons=("TEMPORARILY_SUSPENDED",)),
    ErrorRule(Kind.SUSPENDED, _SUSPENDED, types=("AccountSuspendedException",)),
    ErrorRule(Kind.SUSPENDED, _SUSPENDED, statuses=(423,)),
    ErrorRule(Kind.SUSPENDED, _SUSPENDED, text="temporarily is suspended"),
    ErrorRule(Kind.SUSPENDED, _SUSPENDED, text="locked your account"),
    ErrorRule(
        Kind.THROTTLED,
        "The upstream limits this account, finding its activity suspicious. Leave it alone for a"
        " while, or use another account.",
        text="suspicious activity",
        retry_after=3600,  # it does not say for how long; far too long to be waited for here
    ),
    ErrorRule(Kind.CAPACITY, _BUSY, reasons=("INSUFFICIENT_MODEL_CAPACITY",)),
    ErrorRule(Kind.CAPACITY, _BUSY, text="experiencing high traffic"),
    ErrorRule(Kind.UNAVAILABLE, _AWAY, reasons=("MODEL_TEMPORARILY_UNAVAILABLE",)),
    ErrorRule(Kind.UNAVAILABLE, _AWAY, text="unexpectedly high load"),
    ErrorRule(
        Kind.QUOTA,
        _QUOTA,
        reasons=("MONTHLY_REQUEST_COUNT", "DAILY_REQUEST_COUNT", "OVERAGE_REQUEST_LIMIT_EXCEEDED"),
    ),
    ErrorRule(
        Kind.REJECTED, _NEW, reasons=("CONVERSATION_LIMIT_EXCEEDED", "INVALID_CONVERSATION_ID")
    ),
    ErrorRule(Kind.QUOTA, _QUOTA, types=("ServiceQuotaExceededException",)),
    ErrorRule(Kind.QUOTA, _QUOTA, statuses=(402,)),
    ErrorRule(Kind.CONTEXT_TOO_LONG, _TOO_LONG, reasons=("CONTENT_LENGTH_EXCEEDS_THRESHOLD",)),
    ErrorRule(Kind.CONTEXT_TOO_LONG, _TOO_LONG, types=("ContentLengthExceededException",)),
    ErrorRule(Kind.CONTEXT_TOO_LONG, _TOO_LONG, text="input is too long"),
    ErrorRule(Kind.INVALID_MODEL, _MODEL, reasons=("INVALID_MODEL_ID",)),
    ErrorRule(Kind.INVALID_MODEL, _MODEL, text="invalid model"),
    ErrorRule(
        Kind.REJECTED,
        "The upstream wants the account's profile named. Log in again, or set profileArn in"
        " KIRO_AUTH_TOKEN.",
        text="profilearn is required",
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
        "The upstream does not find what the request names. Check the region and the profile.",
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
        _SLOW,
        reasons=("USER_REQUEST_RATE_EXCEEDED", "SERVICE_REQUEST_RATE_EXCEEDED"),
    ),
    ErrorRule(Kind.THROTTLED, _SLOW, types=("ThrottlingException", "TooManyRequestsException")),
    ErrorRule(Kind.THROTTLED, _SLOW, statuses=(429,)),
    ErrorRule(
        Kind.REFUSED_TOKEN, _TOKEN, types=("ExpiredTokenException", "UnrecognizedClientException")
    ),
    ErrorRule(Kind.REFUSED_TOKEN, _TOKEN, types=("AccessDeniedException",)),
    ErrorRule(Kind.REFUSED_TOKEN, _TOKEN, statuses=(401,)),
    ErrorRule(Kind.REFUSED_TOKEN, _TOKEN, statuses=(403,), text="token"),
    ErrorRule(Kind.REFUSED_TOKEN, _TOKEN, statuses=(403,), text="not authorized"),
    ErrorRule(
        Kind.FORBIDDEN,
        "The upstream refused the request without a word on the account. A firewall, a proxy or the"
        " region may be the cause.",
        statuses=(403,),
    ),
    ErrorRule(
        Kind.REQUEST_TOO_LARGE,
        "The request has more bytes than the upstream takes. Send less, or smaller images.",
        statuses=(413,),
    ),
    ErrorRule(Kind.UNAVAILABLE, _AWAY, types=("ServiceUnavailableException",)),
    ErrorRule(Kind.UNAVAILABLE, _AWAY, statuses=(503, 504, 524)),
    ErrorRule(Kind.UPSTREAM_ERROR, _BROKEN, types=("InternalServerException",)),
    ErrorRule(Kind.REJECTED, _BAD_REQUEST, types=("ValidationException", "SerializationException")),
    ErrorRule(Kind.REJECTED, _BAD_REQUEST, statuses=range(400, 500)),
    ErrorRule(Kind.UPSTREAM_ERROR, _BROKEN),
)
"""The first row that matches decides: what names an account's state stands before the types and
statuses that only tell the sort of error, and the last row takes what nothing else does."""
