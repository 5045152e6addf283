"""Every way a request can fail: its kind, its HTTP status, and whether a retry helps.

No wire format here: each dialect maps :class:`Kind` to its own error types. Exceptions of other
libraries are converted to :class:`GatewayError` where the library is called, and nowhere else.
"""

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What went wrong; the value is its name in the log."""

    # caused by the client
    INVALID_REQUEST = "invalid_request"
    AUTHENTICATION = "authentication"
    PERMISSION = "permission"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    REQUEST_TOO_LARGE = "request_too_large"
    UNSUPPORTED_CODING = "unsupported_coding"
    UNSUPPORTED_THREAD = "unsupported_thread"
    KEY_LIMITED = "key_limited"
    BUDGET = "budget"
    # reported by the upstream
    CONTEXT_TOO_LONG = "context_too_long"
    INVALID_MODEL = "invalid_model"
    REJECTED = "rejected"
    THROTTLED = "throttled"
    QUOTA = "quota"
    CAPACITY = "capacity"
    SUSPENDED = "suspended"
    REFUSED_TOKEN = "refused_token"
    FORBIDDEN = "forbidden"
    UNAVAILABLE = "unavailable"
    UPSTREAM_ERROR = "upstream_error"
    # in transport to or from the upstream
    CONNECTION = "connection"
    TLS = "tls"
    TIMEOUT = "timeout"
    TRUNCATED = "truncated"
    CORRUPT = "corrupt"
    EMPTY = "empty"
    # the answer lacks what the request demands of it
    NOT_FULFILLED = "not_fulfilled"
    # in the gateway itself
    NO_CREDENTIAL = "no_credential"
    LOGIN_OVER = "login_over"
    OVERLOADED = "overloaded"
    CANCELLED = "cancelled"
    SHUTTING_DOWN = "shutting_down"
    INTERNAL = "internal"


UNKNOWN_OPERATION = "unknown_operation"
"""The ``code`` of the error of an upstream that does not know the operation."""

BILLED = "billed"
"""The ``code`` of an answer that is of no use, and was billed all the same."""

NO_RETRY = frozenset({UNKNOWN_OPERATION, BILLED})
"""Codes of errors that are not retried, whatever their kind."""


class Policy(NamedTuple):
    """``status``: the HTTP status for the client. ``retry``: whether the gateway may retry before
    the first content event. ``client_retry``: the value of the header ``x-should-retry``; None
    leaves the decision to the client's own rule for the status.
    """

    status: int
    retry: bool
    client_retry: bool | None


POLICY: dict[Kind, Policy] = {
    Kind.INVALID_REQUEST: Policy(400, False, False),
    Kind.AUTHENTICATION: Policy(401, False, False),
    Kind.PERMISSION: Policy(403, False, False),
    Kind.NOT_FOUND: Policy(404, False, False),
    Kind.METHOD_NOT_ALLOWED: Policy(405, False, False),
    Kind.REQUEST_TOO_LARGE: Policy(413, False, False),
    Kind.UNSUPPORTED_CODING: Policy(415, False, False),
    Kind.UNSUPPORTED_THREAD: Policy(400, False, False),
    Kind.KEY_LIMITED: Policy(429, False, None),
    Kind.BUDGET: Policy(429, False, False),
    Kind.CONTEXT_TOO_LONG: Policy(400, False, False),
    Kind.INVALID_MODEL: Policy(404, False, False),
    Kind.REJECTED: Policy(400, False, False),
    Kind.THROTTLED: Policy(429, True, None),
    Kind.QUOTA: Policy(429, False, False),
    Kind.CAPACITY: Policy(529, False, None),
    Kind.SUSPENDED: Policy(403, False, False),
    Kind.REFUSED_TOKEN: Policy(403, False, False),
    Kind.FORBIDDEN: Policy(403, False, False),
    Kind.UNAVAILABLE: Policy(503, True, None),
    Kind.UPSTREAM_ERROR: Policy(502, True, None),
    Kind.CONNECTION: Policy(502, True, None),
    Kind.TLS: Policy(502, False, False),
    Kind.TIMEOUT: Policy(504, False, None),
    Kind.TRUNCATED: Policy(502, True, None),
    Kind.CORRUPT: Policy(502, True, None),
    Kind.EMPTY: Policy(502, True, None),
    Kind.NOT_FULFILLED: Policy(502, False, False),
    Kind.NO_CREDENTIAL: Policy(503, False, False),
    Kind.LOGIN_OVER: Policy(403, False, False),
    Kind.OVERLOADED: Policy(529, False, None),
    Kind.CANCELLED: Policy(499, False, False),
    Kind.SHUTTING_DOWN: Policy(503, False, None),
    Kind.INTERNAL: Policy(500, False, None),
}


CLIENT_WORDS: dict[Kind, str] = {
    Kind.KEY_LIMITED: "Rate limit",
    Kind.THROTTLED: "Rate limit",
    Kind.CAPACITY: "Overloaded",
    Kind.OVERLOADED: "Overloaded",
    Kind.UNAVAILABLE: "Service unavailable",
    Kind.SHUTTING_DOWN: "Service unavailable",
    Kind.UPSTREAM_ERROR: "Server error",
    Kind.CORRUPT: "Server error",
    Kind.EMPTY: "Server error",
    Kind.CONNECTION: "Connection lost",
    Kind.TRUNCATED: "Connection lost",
    Kind.TIMEOUT: "Request timed out",
    Kind.INTERNAL: "Internal error",
}
"""The words from which clients know that a retry can help, where they have only the message: inside
a stream there is no status any more. A kind is here if and only if its policy leaves the retry to
the client. docs/clients.md says which client looks for what; do not reword them.
"""

LONGEST_MESSAGE, LONGEST_NAME = 4096, 256
"""Characters. A message may quote names of any length, and goes into the answer and the log."""


def shortened(text: str, limit: int) -> str:
    """``text``, without its middle if it has more than ``limit`` characters."""
    if len(text) <= limit:
        return text
    half = limit // 2 - 20
    return f"{text[:half]}[... {len(text) - 2 * half} characters ...]{text[-half:]}"


class GatewayError(Exception):
    """One failure, described for the person who can fix it.

    ``message`` says what happened, why, and what to do, and holds no secrets; what is too long is
    shortened. ``field`` names the
    request field at fault. ``code`` is a machine-readable detail for the log and for callers.
    ``retry_after`` is in seconds. Two attributes are set after construction where they are known:
    ``overrun`` of a conversation that is too long, (its tokens, the tokens the model accepts), and
    ``upstream_id``, the upstream's id of the request it rejected.
    """

    def __init__(
        self,
        kind: Kind,
        message: str,
        *,
        field: str = "",
        code: str = "",
        retry_after: float | None = None,
    ) -> None:
        message = shortened(message, LONGEST_MESSAGE)
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.field = shortened(field, LONGEST_NAME)
        self.code = shortened(code, LONGEST_NAME)
        self.retry_after = retry_after
        self.overrun: tuple[int, int] | None = None
        self.upstream_id = ""

    def add(self, words: str, *, field: str = "") -> None:
        """Add a sentence, and the field at fault if it is known only now."""
        self.message = shortened(f"{self.message} {words}", LONGEST_MESSAGE)
        self.args = (self.message,)
        self.field = shortened(field, LONGEST_NAME) or self.field

    @property
    def told(self) -> str:
        """The message for the client, with the words of :data:`CLIENT_WORDS`."""
        words = CLIENT_WORDS.get(self.kind, "")
        if words.lower() in self.message.lower():
            return self.message
        return f"{words}: {self.message}"

    @property
    def status(self) -> int:
        """The HTTP status of the answer."""
        return POLICY[self.kind].status

    def __repr__(self) -> str:
        return f"GatewayError({self.kind.value}, {self.message!r})"


def stopped() -> GatewayError:
    """What a request learns if the process ends before its answer does."""
    return GatewayError(
        Kind.SHUTTING_DOWN, "The gateway was stopped before this answer was whole; try again."
    )
