"""What is known about one request, from its arrival to its line in the log.

Whatever the response headers or the log line need is a member of :class:`RequestContext`; the order
in which its members get their values is in :mod:`.hooks`. No prompt and no key is among them.
"""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any, NamedTuple
from uuid import uuid4

from flask import Request, g

from app.errors import GatewayError, Kind
from app.keys.key_file import ClientKey
from app.keys.limits import RateExceeded, RateStatus
from app.recording.exchange import Exchange
from app.server.lifecycle import Live
from app.server.logs import request_id

from .gateway_call import GatewayCall
from .headers import fitting

log = logging.getLogger("kiro2api.access")

SANE_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class Failure(NamedTuple):
    """What the log line says of a GatewayError. The exception itself is not kept: its traceback
    refers to the context, and the cycle would keep the request in memory until a collection."""

    kind: Kind
    message: str
    code: str
    upstream_id: str


def _hold_nothing() -> None:
    """The ``release`` of a request that has taken nothing."""


@dataclass(slots=True, eq=False)
class RequestContext:
    """One request. ``connection`` is the client's socket, None if gunicorn is not the server.

    Set on the way, by the part that learns it: ``key``, who asks (None on open paths); ``rate``,
    how many requests the key has left; ``streamed`` (None unless a model is asked); ``live`` and
    ``call``, the answer under way; ``exchange``, if it may be recorded; ``failure``, the last one;
    ``status``, of the response.
    ``release`` gives back what the answer holds: it is called once, when the answer is over.
    """

    request_id: str
    method: str
    path: str
    connection: Any
    started: float
    key: ClientKey | None = None
    rate: RateStatus | None = None
    streamed: bool | None = None
    live: Live | None = None
    call: GatewayCall | None = None
    exchange: Exchange | None = None
    failure: Failure | None = None
    status: int = 0
    release: Callable[[], object] = _hold_nothing

    @property
    def client(self) -> ClientKey:
        """The key of an authenticated request. Raises LookupError on a path that needs no key."""
        if self.key is None:
            raise LookupError(f"{self.path} is served without a key")
        return self.key

    def fail(self, error: GatewayError) -> None:
        """Note a failure; a later one replaces it."""
        self.failure = Failure(error.kind, error.message, error.code, error.upstream_id)
        if isinstance(error, RateExceeded):
            self.rate = error.rate

    def fields(self) -> dict[str, Any]:
        """The members of the log line in their order, complete once ``release`` was called."""
        fields: dict[str, Any] = {
            "request_id": self.request_id,
            "method": self.method,
            "path": self.path,
            "status": self.status,
        }
        if self.key is not None:
            fields["key"] = self.key.name
        if self.streamed is not None:
            fields["streamed"] = self.streamed
        if self.failure is not None:
            fields |= _failure_fields(self.failure)
        if self.call is not None:
            fields |= self._call_fields(self.call)
        fields["total_ms"] = self._milliseconds(monotonic())
        return fields

    def _call_fields(self, call: GatewayCall) -> dict[str, Any]:
        counts, facts = call.meter.counts(), call.facts()
        first_event_at = facts.pop("first_event_at", None)
        fields = {
            "input_tokens": counts.input_tokens,
            "output_tokens": counts.output_tokens,
            "credits": counts.credits,
            "repairs": fitting(call.repairs),
            "ignored": fitting(call.ignored),
            "cancelled": self.live is not None and self.live.client_left,
            **facts,
        }
        if first_event_at is not None:
            fields["first_event_ms"] = self._milliseconds(first_event_at)
        return fields

    def _milliseconds(self, moment: float) -> float:
        return round((moment - self.started) * 1000, 1)

    def write(self) -> dict[str, Any]:
        """Write the log line, whose members are returned; a failure's message takes the place of
        "request".
        """
        fields = self.fields()
        log.info("request", extra={"fields": fields})
        return fields


def _failure_fields(failure: Failure) -> dict[str, str]:
    fields = {"error": failure.kind.value, "message": failure.message}
    if failure.code:
        fields["error_code"] = failure.code
    if failure.upstream_id:
        fields["upstream_id"] = failure.upstream_id
    return fields


def begin(request: Request) -> RequestContext:
    """Make the context of a request that has just arrived, under the client's own id if that is
    sane. It is the only thing kept on ``flask.g``, and its id is on every log line from here on.
    """
    given = request.headers.get("X-Request-ID", "")
    identity = given if SANE_ID.fullmatch(given) else f"req_{uuid4().hex}"
    request_id.set(identity)
    context: RequestContext
    context = g.context = RequestContext(
        identity,
        request.method,
        request.path,
        request.environ.get("gunicorn.socket"),
        monotonic(),
    )
    return context


def current() -> RequestContext:
    """The context of the request being served."""
    context: RequestContext = g.context
    return context
