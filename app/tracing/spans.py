"""Makes a span of each request that is over, with one below it for each attempt upstream.

Spans are made once, when everything is known: nothing is done for an event. They are put in a queue
of bounded length, from which a greenlet of the SDK's sends them every few seconds; what does not
fit is dropped, so a collector that is away holds up nobody.
"""

from typing import Any

import gevent
from opentelemetry.context import Context
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from app.common.finished import Finished, Try

from . import attributes

PAGES = ("/health", "/metrics")
"""Paths whose requests are no spans, unless they are of a client's trace."""

CLOSING = 3.0
"""Seconds that a worker waits for the collector when it ends."""


class _Ids(IdGenerator):
    """Gives a request the ids that the upstream was told already, and any other span new ones."""

    def __init__(self) -> None:
        self._random = RandomIdGenerator()
        self.own: tuple[int, int] | None = None

    def generate_trace_id(self) -> int:
        return self.own[0] if self.own else self._random.generate_trace_id()

    def generate_span_id(self) -> int:
        own, self.own = self.own, None
        return own[1] if own else self._random.generate_span_id()


class Spans:
    """An observer of requests (:data:`app.common.finished.Observer`). ``processor`` takes the
    spans, ``resource`` describes this process."""

    def __init__(self, processor: SpanProcessor, resource: Any, version: str) -> None:
        self._ids = _Ids()
        self._provider = TracerProvider(
            resource=resource, id_generator=self._ids, shutdown_on_exit=False
        )
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("kiro2api", version)

    def __call__(self, finished: Finished) -> None:
        if not finished.parent_span_id and finished.path.startswith(PAGES):
            return
        # the wall clock may have been set meanwhile, the end is the moment that the log names
        arrived = finished.time - finished.total
        self._ids.own = int(finished.trace_id, 16), int(finished.span_id, 16)
        span = self._tracer.start_span(
            attributes.name(finished),
            context=_above(finished),
            kind=SpanKind.SERVER,
            attributes=attributes.of_request(finished),
            start_time=_nanoseconds(arrived),
        )
        self._ids.own = None
        if not span.is_recording():
            return
        if finished.error and (finished.status >= 500 or finished.status < 400):
            span.set_status(Status(StatusCode.ERROR))
        below = set_span_in_context(span)
        for one in finished.tries:
            self._make_try(one, below, arrived - finished.started, finished)
        span.end(_nanoseconds(finished.time))

    def close(self) -> None:
        """Send what is left, unless that takes long."""
        gevent.spawn(self._provider.shutdown).join(CLOSING)

    def _make_try(self, one: Try, below: Any, offset: float, finished: Finished) -> None:
        span = self._tracer.start_span(
            f"chat {one.model}",
            context=below,
            kind=SpanKind.CLIENT,
            attributes=attributes.of_try(one),
            start_time=_nanoseconds(one.started + offset),
        )
        if one.error:
            span.set_status(Status(StatusCode.ERROR))
        span.end(_nanoseconds(one.ended + offset if one.ended else finished.time))


def _above(finished: Finished) -> Any:
    """The context with the client's span; an empty one for a trace that begins here."""
    if not finished.parent_span_id:
        return Context()
    flags = TraceFlags(TraceFlags.SAMPLED if finished.sampled else TraceFlags.DEFAULT)
    parent = SpanContext(int(finished.trace_id, 16), int(finished.parent_span_id, 16), True, flags)
    return set_span_in_context(NonRecordingSpan(parent))


def _nanoseconds(moment: float) -> int:
    return int(moment * 1e9)
