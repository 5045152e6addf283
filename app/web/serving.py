"""A parsed conversation in, an HTTP response out: what the routes of all dialects share."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Protocol

from flask import Response, request

from app.core.conversation import Conversation
from app.core.fold import Reply
from app.core.usage import Meter
from app.errors import Kind
from app.keys import authentication
from app.keys.limits import KeyLimits
from app.server.admission import Admission
from app.server.lifecycle import Lifecycle, Live

from . import failures, relay
from .access import Record, record
from .headers import STREAM_HEADERS, fitting, listing


class Exchange(relay.Source, Protocol):
    """An upstream call under way, as the gateway gives it."""

    meter: Meter

    @property
    def repairs(self) -> tuple[str, ...]:
        """What was rewritten so that the upstream takes it."""

    @property
    def ignored(self) -> tuple[str, ...]:
        """What of the request has no effect."""

    def facts(self) -> dict[str, Any]:
        """What the log may say of the call."""

    def close(self) -> None:
        """End the call if it is still under way. Idempotent."""


JSON = "application/json"


class _Body:
    """What the server iterates over: the pieces themselves, with nothing around each."""

    def __init__(self, pieces: Any, close: Callable[[], None]) -> None:
        self._pieces = pieces
        self.close = close

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)


class StreamResponse(Response):
    """A stream of server-sent events."""

    def __init__(self, body: Iterator[bytes]) -> None:
        super().__init__(body, headers=STREAM_HEADERS, mimetype="text/event-stream")

    def get_wsgi_headers(self, environ: Any) -> Any:
        """Its headers themselves: there is no length to add and no redirect to complete."""
        return self.headers

    def get_app_iter(self, environ: Any) -> Any:
        """The pieces, which are bytes already, and what ends them."""
        return _Body(self.response, self.close)


@dataclass(frozen=True)
class Serving:
    """What a dialect's routes are given. Times in seconds; ``default_model`` is for a request that
    names none."""

    open: Callable[[Conversation], Exchange]
    lifecycle: Lifecycle
    admission: Admission
    limits: KeyLimits
    early_headers: float
    ping_interval: float
    default_model: str

    def respond(
        self,
        conversation: Conversation,
        *,
        streamed: bool,
        encoder: Callable[[Meter], relay.Encoder],
        whole: Callable[[Reply, Meter], bytes],
    ) -> Response:
        """The answer of the upstream in the dialect's words. Raises GatewayError.

        The status waits for the first content event, so a refusal is a real 4xx or 5xx; a stream
        whose first event takes longer than ``early_headers`` begins without it.
        """
        current = record()
        current.fields["streamed"] = streamed
        with ExitStack() as ending:
            ending.callback(self.limits.enter(authentication.client_key(), conversation.model))
            live = self.lifecycle.begin(request.environ)
            ending.callback(live.close)
            ending.callback(self.admission.enter(live))
            exchange = self.open(conversation)
            ending.callback(_note, current, exchange, live)
            ending.callback(exchange.close)
            if streamed:
                live.run(exchange.wait, self.early_headers)
                body: Any = self._stream(exchange, encoder(exchange.meter), live, current)
            else:
                body = relay.pieces(whole(relay.collect(exchange, live), exchange.meter))
            response = StreamResponse(body) if streamed else Response(body, mimetype=JSON)
            _list(response, exchange)
            response.call_on_close(ending.pop_all().close)
            return response

    def _stream(
        self, exchange: Exchange, encoder: relay.Encoder, live: Live, current: Record
    ) -> Iterator[bytes]:
        def failed(error: Exception) -> bytes:
            failure = failures.as_failure(error, current)
            if failure.kind is Kind.CANCELLED:
                return b""
            return encoder.error(failure, current.request_id)

        return relay.stream(
            exchange, encoder, live, ping_interval=self.ping_interval, failed=failed
        )


def _list(response: Response, exchange: Exchange) -> None:
    for name, values in (
        ("x-kiro-ignored", exchange.ignored),
        ("x-kiro-repairs", exchange.repairs),
    ):
        if values:
            response.headers.add(name, listing(values))


def _note(current: Record, exchange: Exchange, live: Live) -> None:
    counts = exchange.meter.counts()
    current.fields |= {
        "input_tokens": counts.input_tokens,
        "output_tokens": counts.output_tokens,
        "credits": counts.credits,
        "repairs": fitting(exchange.repairs),
        "ignored": fitting(exchange.ignored),
        "cancelled": live.client_left,
        **exchange.facts(),
    }
    first = current.fields.pop("first_event_at", None)
    if first is not None:
        current.fields["first_event_ms"] = round((first - current.started) * 1000, 1)
