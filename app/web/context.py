"""What is known about one request, from its arrival to its record.

Whatever the response headers or the record need is a member of :class:`RequestContext`; the order
in which its members get their values is in :mod:`.hooks`. No prompt and no key is among them.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic, time
from typing import Any, NamedTuple

from flask import Request

from app.common import trace_context
from app.common.errors import GatewayError, Kind
from app.common.finished import Finished
from app.common.ids import random_id
from app.common.trace_context import TraceParent
from app.keys.budgets import Budget, BudgetExceeded
from app.keys.key_file import ClientKey
from app.keys.limits import RateExceeded, RateStatus
from app.recording.exchange import Exchange
from app.server.framework import served
from app.server.lifecycle import Live
from app.server.logs import request_id

from .gateway_call import GatewayCall

SANE_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class Failure(NamedTuple):
    """What the record says of a GatewayError. The exception itself is not kept: its traceback
    refers to the context, and the cycle would keep the request in memory until a collection."""

    kind: Kind
    message: str
    code: str
    upstream_id: str


NAMED_FACTS = ("model", "account", "attempts", "upstream_id", "tries")
"""Facts of a call that are members of the record."""


@dataclass(slots=True, eq=False)
class RequestContext:
    """One request. ``connection`` is the client's socket, None if gunicorn is not the server;
    ``address`` is the client's, ``trace`` what its ``traceparent`` says, or the request's own place
    below ``parent_span_id`` if spans are made.

    Set on the way, by the part that learns it: ``by_side_door``, whether it came there; ``route``
    and ``dialect``, as in the record; ``key``, who asks (None on open paths); ``rate``, how many
    requests the key has left; ``budgets``, the key's; ``streamed`` and ``model_asked`` (None and ""
    unless a model is asked); ``live`` and ``call``, the answer under way; ``exchange``, if it may
    be recorded; ``failure``, the last one; ``status``, of the response; ``held``, what gives back
    what the answer has taken.
    """

    request_id: str
    method: str
    path: str
    connection: Any
    started: float
    address: str = ""
    trace: TraceParent | None = None
    parent_span_id: str = ""
    route: str = ""
    dialect: str = ""
    by_side_door: bool = False
    key: ClientKey | None = None
    rate: RateStatus | None = None
    budgets: Sequence[Budget] = ()
    streamed: bool | None = None
    model_asked: str = ""
    live: Live | None = None
    call: GatewayCall | None = None
    exchange: Exchange | None = None
    failure: Failure | None = None
    status: int = 0
    held: list[Callable[[], object]] = field(default_factory=list)

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
        elif isinstance(error, BudgetExceeded):
            self.budgets = error.budgets

    def release(self) -> None:
        """Give back what the answer holds, the last first; all of it, also if one part fails."""
        while self.held:
            give_back = self.held.pop()
            try:
                give_back()
            except BaseException:
                self.release()
                raise

    def finished(self) -> Finished:
        """The record of the request, complete once ``release`` was called."""
        record: dict[str, Any] = {
            "time": time(),
            "request_id": self.request_id,
            "method": self.method,
            "path": self.path,
            "route": self.route,
            "dialect": self.dialect,
            "status": self.status,
            "total": monotonic() - self.started,
            "key": "" if self.key is None else self.key.name,
            "client": self.address,
            "started": self.started,
            "streamed": self.streamed,
            "model_asked": self.model_asked,
        }
        if (trace := self.trace) is not None:
            record["trace_id"], record["span_id"], record["sampled"] = trace
            record["parent_span_id"] = self.parent_span_id
        if (failure := self.failure) is not None:
            record["error"], record["message"] = failure.kind.value, failure.message
            record["error_code"], record["upstream_id"] = failure.code, failure.upstream_id
        if self.live is not None:
            record["cancelled"] = self.live.client_left
            record["end"] = self.live.answer_end
            record["longest_gap"] = self.live.longest_gap
        if self.call is not None:
            record |= self._of_call(self.call)
        return Finished(**record)

    def _of_call(self, call: GatewayCall) -> dict[str, Any]:
        counts, facts = call.meter.counts(), call.facts()
        first_event_at = facts.pop("first_event_at", None)
        named = {name: facts.pop(name) for name in NAMED_FACTS if name in facts}
        return {
            "input_tokens": counts.input_tokens,
            "output_tokens": counts.output_tokens,
            "cache_read_tokens": counts.cache_read_tokens,
            "cache_write_tokens": counts.cache_write_tokens,
            # a sum of several has binary fractions otherwise
            "credits": None if counts.credits is None else round(counts.credits, 6),
            "first_event": None if first_event_at is None else first_event_at - self.started,
            "repairs": call.repairs,
            "ignored": call.ignored,
            **named,
            "facts": facts,
        }


def begin(request: Request, address: str = "", *, makes_spans: bool = False) -> RequestContext:
    """Make the context of a request that has just arrived, under the client's own id if that is
    sane. Its id is on every log line from here on.
    ``address`` is the client's. ``makes_spans``: the request is a span of its trace.
    """
    given = request.headers.get("X-Request-ID", "")
    identity = given if SANE_ID.fullmatch(given) else f"req_{random_id()}"
    request_id.set(identity)
    above = trace_context.parse(request.headers.get("traceparent"))
    trace = trace_context.child_of(above) if makes_spans else above
    if trace is not None:
        trace_context.parent.set(trace)
    context = served().known = RequestContext(
        identity,
        request.method,
        request.path,
        request.environ.get("gunicorn.socket"),
        monotonic(),
        address,
        trace,
        above.span_id if above is not None and makes_spans else "",
    )
    return context


def current() -> RequestContext:
    """The context of the request being served."""
    context: RequestContext = served().known
    return context
