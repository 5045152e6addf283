"""A parsed conversation in, an HTTP response out: what the routes of all dialects share."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Response
from msgspec.json import Encoder
from msgspec.structs import replace
from werkzeug.exceptions import HTTPException

from app.common.errors import GatewayError, Kind
from app.core.conversation import Conversation
from app.core.explanation import Explanation
from app.core.fold import Reply
from app.core.usage import Meter
from app.kept.keeper import Keeper
from app.keys.key_file import OWN
from app.keys.limits import KeyLimits
from app.recording.exchange import Exchange
from app.server import native
from app.server.admission import Admission
from app.server.lifecycle import Lifecycle, Live
from app.server.response import FinalChunk

from . import failures, relay
from .billing import settlement
from .context import RequestContext, current
from .gateway_call import GatewayCall
from .headers import STREAM_HEADERS, OwnHeaders, listing
from .request_body import body

JSON = "application/json"

_JSON = ("Content-Type", JSON)
_STREAM = [*STREAM_HEADERS.items(), ("Content-Type", "text/event-stream; charset=utf-8")]

encode = Encoder().encode

_T = TypeVar("_T")


class _Body:
    """What the server iterates over: the pieces themselves, without a wrapper around each."""

    def __init__(self, pieces: Any, close: Callable[[], None]) -> None:
        self._pieces = pieces
        self.close = close

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)


class _Answer(Response):
    """A response that is complete as it was made: its headers lack no length, its pieces are bytes,
    and it is no answer to HEAD.
    """

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Send the head; the pieces, and the function that ends them."""
        start_response(self.status, self.headers.to_wsgi_list())
        return _Body(self.response, self.close)


class StreamResponse(_Answer):
    """A stream of server-sent events."""

    def __init__(self, body: Iterable[bytes]) -> None:
        super().__init__(body, headers=OwnHeaders(_STREAM))


class WholeResponse(_Answer):
    """The JSON of a whole answer, in pieces of ``length`` bytes together."""

    def __init__(self, body: Iterable[bytes], length: int) -> None:
        super().__init__(body, headers=OwnHeaders([_JSON, ("Content-Length", str(length))]))


@dataclass(frozen=True)
class Serving:
    """Answers the conversations that the dialects' routes have parsed. Times in seconds;
    ``explained`` says what would be done with one; ``default_model`` gives the model for a request
    that names none; ``fetch`` puts the files in the place of their URLs, or refuses them;
    ``expected`` gives the tokens that a prompt is expected to have; ``keeper`` is None if no
    responses are kept.
    """

    fetch: Callable[[Conversation], Conversation]
    open: Callable[[Conversation, Exchange | None], GatewayCall]
    explained: Callable[[Conversation], Explanation]
    expected: Callable[[Conversation], int]
    lifecycle: Lifecycle
    admission: Admission
    limits: KeyLimits
    early_headers: float
    ping_interval: float
    default_model: Callable[[], str]
    keeper: Keeper | None = None

    def read(self, parse: Callable[..., _T], *arguments: Any, calls_model: bool = True) -> _T:
        """The request's body as ``parse(body, *arguments)`` reads it, in a native thread if it is
        large. Raises what ``parse`` and the reading of the body raise.

        A body that is refused counts like a request that calls a model, since it costs as much
        here. A key that has used up its minute is refused before its body is read.
        """
        context = current()
        if calls_model:
            self.limits.check(context.client)
        try:
            raw = body()
            if context.exchange is not None:
                context.exchange.received_body(raw)
        except (GatewayError, HTTPException):
            context.rate = self.limits.count(context.client)
            raise
        return self.parse(len(raw), parse, raw, *arguments)

    def parse(self, size: int, parse: Callable[..., _T], *arguments: Any) -> _T:
        """What ``parse`` makes of a body, or of what a body refers to, of ``size`` bytes: as in
        :meth:`read`."""
        context = current()
        try:
            return native.run(size, parse, *arguments)
        except GatewayError:
            context.rate = self.limits.count(context.client)
            raise

    def count(self, conversation: Conversation) -> int:
        """The tokens of a prompt, its files fetched. Raises GatewayError."""
        return self.expected(self.fetch(conversation))

    def respond(
        self,
        conversation: Conversation,
        *,
        streamed: bool,
        encoder: Callable[[Meter], relay.Encoder],
        whole: Callable[[Reply, Meter], bytes],
    ) -> Response:
        """The upstream's answer in the dialect's format. Raises GatewayError.

        The status waits for the first content event, so a refusal is a real 4xx or 5xx; a stream
        whose first event takes longer than ``early_headers`` begins without it.
        """
        context = current()
        context.streamed, context.model_asked = streamed, conversation.model
        try:
            live = self._admit(context, conversation.model)
            conversation = live.run(self.fetch, conversation)
            call = context.call = self.open(conversation, context.exchange)
            settle, close = settlement(self.limits, context.client, call)
            context.held += (close, call.close)
            if streamed:
                live.run(call.wait, self.early_headers)
                body: Any = self._stream(call, encoder(call.meter), live, context, settle)
                length = 0
            else:
                answer = whole(relay.collect(call, live), call.meter)
                body, length = relay.pieces(answer), len(answer)
                settle()
            if context.exchange is not None:
                body = context.exchange.watch(body)
            response = StreamResponse(body) if streamed else WholeResponse(body, length)
            _add_listings(response, call.repairs, call.ignored)
            return response
        except BaseException:
            context.release()
            raise

    def explain(self, conversation: Conversation) -> Response:
        """What :meth:`respond` would do, as JSON: nothing is sent to the upstream. Only the owner's
        key is told the account and the host. Raises GatewayError as :meth:`respond` does before it
        asks the upstream.
        """
        context = current()
        try:
            live = self._admit(context, conversation.model)
            told = self.explained(live.run(self.fetch, conversation))
        finally:
            context.release()
        if context.client.name != OWN:
            told = replace(told, account=None, host=None)
        response = Response(encode(told), mimetype=JSON)
        _add_listings(response, [repair.name for repair in told.repairs], told.ignored)
        return response

    def _admit(self, context: RequestContext, model: str) -> Live:
        """Let in a request that asks this model, until it is released. Raises GatewayError."""
        leave, context.rate, context.budgets = self.limits.enter(context.client, model)
        context.held.append(leave)
        live = context.live = self.lifecycle.watch(context.connection)
        context.held.append(live.close)
        live.show(context.started, context.client.name, model, context.dialect, context.address)
        context.held.append(self.admission.enter(live))
        return live

    def failed_stream(
        self, error: GatewayError, encoder: Callable[[Meter], relay.Encoder]
    ) -> Response:
        """A stream that holds nothing but the failure, which came before any event: for clients
        that do not act on its HTTP status.
        """
        context = current()
        failure = failures.as_failure(error, context)
        written = encoder(Meter(0, None, lambda _: None)).error(failure, context.request_id)
        return StreamResponse(iter((FinalChunk(written),)))

    def _stream(
        self,
        call: GatewayCall,
        encoder: relay.Encoder,
        live: Live,
        context: RequestContext,
        settle: Callable[[], object],
    ) -> Iterator[bytes]:
        def failed(error: Exception) -> bytes:
            failure = failures.as_failure(error, context)
            if failure.kind is Kind.CANCELLED:
                return b""
            return encoder.error(failure, context.request_id)

        return relay.stream(
            call,
            encoder,
            live,
            ping_interval=self.ping_interval,
            failed=failed,
            finishing=settle,
        )


def _add_listings(response: Response, repairs: Sequence[str], ignored: Sequence[str]) -> None:
    for name, values in (("x-kiro-ignored", ignored), ("x-kiro-repairs", repairs)):
        if values:
            response.headers.add(name, listing(values))
