"""When a request that failed is sent once more.

Once a content event was delivered, nothing is retried, since that would repeat text and cost.
Before that, a request gets at most :data:`MAX_ATTEMPTS` attempts inside its first-event timeout:

- token refused: one retry with a fresh token, if the credentials have one;
- quota, throttling, suspension: an immediate retry with another account, if there is one;
- failures that the upstream can avoid another way, such as by an older host or without a member of
  the request: an immediate retry, once for each way;
- a model refused that the account's list has, or whose list was not read: one retry, of the model
  that is chosen when the list was read again;
- failures that :data:`app.common.errors.POLICY` marks ``retry``: a retry after a growing, jittered
  pause, or after the upstream's Retry-After if that is short;
- all others: no retry; the error goes to the client. Among them are a lack of capacity and a
  throttle that names a longer time than a client would wait, which no quick retry can help.
"""

import random
from collections.abc import Sequence

from app.common.errors import NO_RETRY, POLICY, GatewayError
from app.core.events import CONTENT_EVENTS, Event, Finish
from app.models.model import Model

MAX_ATTEMPTS = 3
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 8.0
"""Seconds between attempts. The pause doubles each time; 50 to 100 % of it, at random, is slept."""

LIST_PAUSE = 1.0
"""Seconds in which an account's list of models is read again after the refusal of a model."""


def pause_after(error: GatewayError, attempts: int) -> float | None:
    """Seconds to wait before the same request is sent again; None if that cannot help, or after the
    last of ``attempts``.
    """
    hopeless = error.code in NO_RETRY or not POLICY[error.kind].retry
    if hopeless or attempts >= MAX_ATTEMPTS:
        return None
    pause = min(FIRST_PAUSE * 2 ** (attempts - 1), LONGEST_PAUSE)
    pause *= random.uniform(0.5, 1.0)  # nosec B311 # not used for a secret
    pause = max(pause, error.retry_after or 0.0)
    return pause if pause <= LONGEST_PAUSE else None


def after_refusal(answer: Sequence[Event], model: Model) -> str:
    """The name of the model to ask instead, if the answer is a refusal without content; "" if it is
    none, or if nobody names a model for that.
    """
    end = answer[-1] if answer else None
    if not isinstance(end, Finish) or end.reason != "refusal":
        return ""
    if any(type(event) in CONTENT_EVENTS for event in answer):
        return ""
    return model.refusal_fallback or (end.refusal.model if end.refusal else "")
