"""The record of one request that is over.

``app.web.hooks`` makes one for each request, when the answer is out and everything the request held
was given back, and calls every :data:`Observer` with it: the log line, the usage that is kept, the
metrics. No prompt, no answer, no token and no key is in it.
"""

from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from types import MappingProxyType
from typing import Any, TypeAlias

from msgspec import Struct

NO_FACTS: Mapping[str, Any] = MappingProxyType({})


class Try(Struct, gc=False):
    """One attempt upstream. Times of the monotonic clock; ``ended`` 0 while it is under way.
    ``error`` is the kind of its failure, "" if it did not fail before its first content.
    """

    account: str
    model: str
    started: float
    ended: float = 0.0
    error: str = ""


class Tries:
    """The attempts of one call, noted as they happen."""

    __slots__ = ("made",)

    def __init__(self) -> None:
        self.made: list[Try] = []

    def begin(self, account: str, model: str) -> None:
        """A request is about to be sent."""
        self.end()
        self.made.append(Try(account, model, monotonic()))

    def end(self, error: str = "") -> None:
        """The last one is over, if it was not."""
        if self.made and not self.made[-1].ended:
            self.made[-1].ended = monotonic()
            self.made[-1].error = error


class Finished(Struct, frozen=True, kw_only=True, gc=False):
    """One request. Durations in seconds from its arrival; "" and None for what there was not.

    ``time``: when it ended, in seconds since the epoch. ``path`` as the client sent it, ``route``
    the pattern that it matched (``/v1/responses/<response_id>``), of which there are few; "" if it
    matched none. ``dialect``: ``anthropic``, ``openai_chat``, ``openai_responses``, or "" for what
    belongs to none. ``status``: the HTTP status; a stream that fails after it began has 200 and an
    ``error``.

    ``key``: the name of the client's key. ``client``: its address, which a trusted proxy may have
    named. ``trace_id``: of the W3C trace that it belongs to; if spans are made, ``span_id`` is its
    own, ``parent_span_id`` that of its client, and ``sampled`` says whether the client records.

    A request that calls a model has a ``streamed`` and a ``model_asked`` (the client's spelling, of
    any length); ``model`` is the id of the one that answered and ``account`` the account it
    answered for, once they were chosen. ``input_tokens`` are those neither read from the cache nor
    written to it. ``credits`` are those of all attempts, None if the service named none.
    ``first_event``: when the first content came. ``longest_gap``: the longest time between two
    writes of content, of a stream. ``end``: the reason of the answer's end
    (:data:`app.core.events.StopReason`), "" if it did not come to one. ``cancelled``: the client
    left.

    ``repairs`` and ``ignored`` are the names that the client got, too. ``error`` is the kind
    (:class:`app.common.errors.Kind`) of the last failure, ``message`` what the client was told,
    ``error_code`` and ``upstream_id`` the service's code and its id of the request.
    ``facts``: what else the upstream knows of its call. ``tries``: the attempts upstream.
    ``started``: its arrival on the monotonic clock, as the times of the tries are.
    """

    time: float
    request_id: str
    method: str
    path: str
    status: int
    total: float
    route: str = ""
    dialect: str = ""
    key: str = ""
    client: str = ""
    trace_id: str = ""
    span_id: str = ""
    parent_span_id: str = ""
    sampled: bool = True
    streamed: bool | None = None
    model_asked: str = ""
    model: str = ""
    account: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    credits: float | None = None
    first_event: float | None = None
    longest_gap: float | None = None
    attempts: int = 0
    end: str = ""
    cancelled: bool = False
    repairs: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    error: str = ""
    message: str = ""
    error_code: str = ""
    upstream_id: str = ""
    facts: Mapping[str, Any] = NO_FACTS
    tries: Sequence[Try] = ()
    started: float = 0.0

    @property
    def called_model(self) -> bool:
        """Whether it got as far as a call of the upstream."""
        return bool(self.model)


Observer: TypeAlias = Callable[[Finished], object]
"""Is called with each request that is over, in the greenlet of its connection: it must not wait,
and what it raises is only logged."""
