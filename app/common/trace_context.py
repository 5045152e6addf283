"""Which trace a request belongs to, as its client says in ``traceparent`` (W3C Trace Context).

https://www.w3.org/TR/trace-context/: ``00-<trace id>-<parent id>-<flags>``, all in lower-case
hexadecimal. A client's ``tracestate`` is not passed on: it is data of the client's own services,
and the upstream is somebody else's.
"""

import re
from contextvars import ContextVar
from secrets import token_hex
from typing import NamedTuple

SAMPLED = 1
"""The flag of a trace that its client records."""

_PARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


class TraceParent(NamedTuple):
    """A place in a trace: the trace, the span in it, and whether the trace is recorded."""

    trace_id: str
    span_id: str
    sampled: bool

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{int(self.sampled):02x}"


parent: ContextVar[TraceParent | None] = ContextVar("trace_parent", default=None)
"""What a call to the upstream gives as its parent: set when a request arrives, reset after it, and
None outside of one or without a trace."""


def child_of(above: TraceParent | None) -> TraceParent:
    """The place of a new span: below that of the client, or in a trace of its own."""
    span_id = token_hex(8)
    if above is None:
        return TraceParent(token_hex(16), span_id, True)
    return TraceParent(above.trace_id, span_id, above.sampled)


def parse(header: str | None) -> TraceParent | None:
    """The place that a header names; None for one that the standard says to ignore."""
    found = _PARENT.fullmatch(header.strip()) if header else None
    if found is None:
        return None
    version, trace_id, span_id, flags, rest = found.groups()
    if version == "ff" or (version == "00" and rest):
        return None
    if not trace_id.strip("0") or not span_id.strip("0"):
        return None
    return TraceParent(trace_id, span_id, bool(int(flags, 16) & SAMPLED))
