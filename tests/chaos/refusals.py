"""Refusals of the upstream, over HTTP and inside a stream, and faults that pass after retries."""

from collections.abc import Iterator, Mapping

from app.common.errors import Kind
from app.simulator.catalogue.faults import NAMED
from tests.chaos.row import GOOD, TRIES, FaultRow, answered, both, breaks, refused

REFUSALS: Mapping[str, tuple[Kind, int]] = {
    "throttled": (Kind.THROTTLED, TRIES),
    "insufficient_capacity": (Kind.CAPACITY, 1),
    "model_unavailable": (Kind.CAPACITY, 1),
    "high_load": (Kind.CAPACITY, 1),
    "unavailable_500": (Kind.UNAVAILABLE, TRIES),
    "unavailable_503": (Kind.UNAVAILABLE, TRIES),
    "html_503": (Kind.UNAVAILABLE, TRIES),
    "html_504": (Kind.UNAVAILABLE, TRIES),
    "html_524": (Kind.UNAVAILABLE, TRIES),
    "internal": (Kind.UPSTREAM_ERROR, TRIES),
    "html_502": (Kind.UPSTREAM_ERROR, TRIES),
    "unknown_operation": (Kind.UPSTREAM_ERROR, 1),
    "too_long": (Kind.CONTEXT_TOO_LONG, 1),
    "invalid_model": (Kind.INVALID_MODEL, 2),
    "invalid_conversation": (Kind.REJECTED, 1),
    "conversation_limit_402": (Kind.REJECTED, 1),
    "improperly_formed": (Kind.REJECTED, 1),
    "body_invalid": (Kind.REJECTED, 1),
    "tool_mismatch": (Kind.REJECTED, 1),
    "tool_schema_invalid": (Kind.REJECTED, 1),
    "resource_not_found": (Kind.REJECTED, 1),
    "too_large_413": (Kind.REQUEST_TOO_LARGE, 1),
    "feature_not_supported": (Kind.FORBIDDEN, 1),
    "customization_denied": (Kind.FORBIDDEN, 1),
    "html_403": (Kind.FORBIDDEN, 1),
    "invalid_kms_grant": (Kind.FORBIDDEN, 1),
    "kms_conflict": (Kind.FORBIDDEN, 1),
}
"""The kind of each HTTP refusal, and the number of requests upstream, by the simulator's name for
it. Refusals that end the use of an account are in :data:`ACCOUNT_REFUSALS`."""

ACCOUNT_REFUSALS: Mapping[str, tuple[Kind, int]] = {
    "monthly_quota": (Kind.QUOTA, 1),
    "monthly_quota_400": (Kind.QUOTA, 1),
    "daily_quota": (Kind.QUOTA, 1),
    "service_quota_402": (Kind.QUOTA, 1),
    "overage_limit_402": (Kind.QUOTA, 1),
    "suspended": (Kind.SUSPENDED, 1),
    "suspended_text": (Kind.SUSPENDED, 1),
    "suspended_423": (Kind.SUSPENDED, 1),
    "bearer_invalid": (Kind.REFUSED_TOKEN, 2),
    "not_authorized": (Kind.REFUSED_TOKEN, 2),
    "expired_token_401": (Kind.REFUSED_TOKEN, 2),
    "unrecognized_client_401": (Kind.REFUSED_TOKEN, 2),
    "profile_arn_required": (Kind.REJECTED, 2),
}
"""Refusals that affect the health of the account; each test uses its own account. After a refused
token, the gateway refreshes it and tries once more; where a profile is required, with another."""

INSIDE = ("throttled", "insufficient_capacity", "internal", "model_unavailable", "too_long",
          "improperly_formed", "feature_not_supported")  # fmt: skip
"""Refusals that are also tested as exceptions inside a stream."""


def refusal(name: str, *, inside: bool = False) -> str:
    """Return a description of a refusal, given the simulator's name for it."""
    fault = NAMED[name]
    facts = [*([] if inside else [f"HTTP {fault.status}"]), fault.type, fault.reason or ""]
    words = ", ".join(filter(None, facts))
    return f"{words}: “{fault.message}”" if fault.message else f"{words} ({name})"


def refusals() -> Iterator[FaultRow]:
    """Yield every HTTP refusal of the upstream."""
    for name, (kind, requests) in REFUSALS.items():
        yield both(
            f"http-{name}",
            refusal(name),
            refused(kind),
            requests,
            answers=({"fail": name},),
        )


def account_refusals() -> Iterator[FaultRow]:
    """Yield every refusal that affects the health of the account."""
    seen: set[Kind] = set()
    for name, (kind, requests) in ACCOUNT_REFUSALS.items():
        yield both(
            f"account-{name}",
            refusal(name),
            refused(kind),
            requests,
            answers=({"fail": name},),
            heavy=kind in seen,
        )
        seen.add(kind)
    yield both(
        "retry-after",
        "throttled with Retry-After: 1, then a good answer",
        answered(waited=(1.0, 10.0)),
        2,
        answers=({"fail": {"fault": "throttled", "headers": {"retry-after": "1"}}}, GOOD),
    )
    yield both(
        "account-suspicious_activity",
        "the upstream reports suspicious activity of the account",
        refused(Kind.THROTTLED, retry_after="3600"),
        answers=({"fail": "suspicious_activity"},),
    )
    for name in ("user_rate", "service_rate"):
        yield both(
            f"account-{name}",
            f"{refusal(name)}, which lasts longer than the gateway waits",
            refused(Kind.THROTTLED, retry_after="10"),
            answers=({"fail": name},),
        )
    later = {"fault": "throttled", "headers": {"retry-after": "120"}}
    yield both(
        "retry-after-long",
        "throttled with Retry-After: 120, longer than the gateway waits",
        refused(Kind.THROTTLED, retry_after="120"),
        answers=({"fail": later},),
    )


def exceptions() -> Iterator[FaultRow]:
    """Yield refusals inside a stream with status 200, before and after content."""
    for name in INSIDE:
        kind, requests = REFUSALS[name]
        yield both(
            f"exception-{name}",
            f"{refusal(name, inside=True)} before any content",
            refused(kind),
            requests,
            answers=({"exception": name},),
        )
        yield breaks(
            f"late-exception-{name}",
            f"{refusal(name, inside=True)} after text",
            kind,
            "Hello",
            retried=requests > 1,
            answers=({"text": ["Hel", "lo"], "exception": name},),
        )


def recoveries() -> Iterator[FaultRow]:
    """Yield faults that end before the attempts are used up: the client notices nothing."""
    for name, trouble in {
        "throttled": {"fail": "throttled"},
        "internal": {"fail": "internal"},
        "internal-in-stream": {"exception": "internal"},
        "empty": {"empty": True},
        "reset": {"reset": "request"},
        "cut-before-content": {**GOOD, "cut": {"after": 1}},
        "damage-before-content": {**GOOD, "corrupt": {"frame": 0}},
    }.items():
        yield both(
            f"recovers-{name}",
            f"`{name}` twice, then a good answer",
            answered(),
            TRIES,
            answers=(trouble, trouble, GOOD),
            log={"attempts": TRIES},
        )
