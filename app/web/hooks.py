"""What happens to every request before its route and after it: all of Flask's hooks, in order.

Parts rely on this order:

- The context is begun first: it cannot fail, and each later step notes its failure there.
- A stopping worker refuses before it checks the key, so that every client may ask the next worker.
- The record is made last, and the log line is written after the other observers had it. It has the
  figures of the upstream call, which change until the call is closed, and the line is the sign that
  nothing of the request is left.
"""

import logging
from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol

from flask import Request, Response, request

from app.common.finished import Finished, Observer
from app.core.headers import Headers
from app.keys import budgets
from app.keys.key_file import ClientKey
from app.recording.recorder import Recorder
from app.server.connections.addresses import ClientAddresses
from app.server.framework import Application, served
from app.server.lifecycle import Lifecycle

from . import access_log, failures
from .context import RequestContext, begin, current
from .side_door import SideDoor

log = logging.getLogger("kiro2api.web")

FORWARDED = "HTTP_X_FORWARDED_FOR"


class Doorkeeper(Protocol):
    """Knows who may come in."""

    def check(self, headers: Headers) -> ClientKey:
        """The key of a request. Raises GatewayError unless it may come in."""


def install(
    app: Application,
    authenticator: Doorkeeper,
    *,
    open_paths: frozenset[str],
    form_of: Callable[[str, Headers], failures.ErrorForm],
    recorder: Recorder | None = None,
    dialects: Collection[str] = (),
    addresses: ClientAddresses | None = None,
    observers: Sequence[Observer] = (),
    side_door: SideDoor | None = None,
    makes_spans: bool = False,
) -> None:
    """Put the hooks around the routes of ``app``.

    ``open_paths`` need no key, and neither does a browser's preflight. ``form_of(path, headers)``
    gives the error form of the request's dialect, and ``dialects`` are the blueprints of dialects.
    ``addresses`` says which client asks through a proxy. ``observers`` are called with the record
    of each request, before its log line is written. What comes through ``side_door`` needs no key.
    ``makes_spans``: an observer makes a span of each request.
    """
    lifecycle = app.lifecycle
    address_of = (addresses or ClientAddresses(())).of
    observers = (*observers, access_log.write)

    @app.before_request
    def arrive() -> None:
        arrived: Any = served().request
        environ = arrived.environ
        address = address_of(environ.get("REMOTE_ADDR", ""), environ.get(FORWARDED))
        context = begin(arrived, address, makes_spans=makes_spans)
        _place(context, arrived, dialects)
        lifecycle.enter(context.connection)
        by_side_door = side_door is not None and side_door.leads(context)
        if not by_side_door and context.method != "OPTIONS" and context.path not in open_paths:
            context.key = authenticator.check(arrived.headers)
            if recorder is not None and context.method == "POST":
                context.exchange = recorder.begin("POST", context.path, arrived.headers)

    @app.errorhandler(Exception)
    def fail(error: Exception) -> Response:
        form = form_of(request.path, request.headers)
        return failures.response(error, current(), form)

    @app.after_request
    def answer(response: Response) -> Response:
        context, headers = current(), response.headers
        context.status = response.status_code
        if context.exchange is not None:
            context.exchange.responded_with(response.status_code, _refusal(response))
        if (rate := context.rate) is not None:
            rate_headers = form_of(request.path, request.headers).rate_headers
            headers.extend(rate_headers(rate.limit, rate.remaining, rate.reset))
        if context.budgets:
            headers.update(budgets.headers(context.budgets))
        headers.add("request-id", context.request_id)
        headers.add("x-request-id", context.request_id)
        response.call_on_close(lambda: _finish(context, lifecycle, recorder, observers))
        return response


def _place(context: RequestContext, arrived: Request, dialects: Collection[str]) -> None:
    """Note which route a request matched, and whose it is."""
    if (rule := arrived.url_rule) is not None:
        context.route = rule.rule
        if (area := rule.endpoint.partition(".")[0]) in dialects:
            context.dialect = area


def _refusal(response: Response) -> bytes:
    """The body of an error; answers are shown to the exchange piece by piece."""
    return response.get_data() if response.status_code >= 400 else b""


def _finish(
    context: RequestContext,
    lifecycle: Lifecycle,
    recorder: Recorder | None,
    observers: Sequence[Observer],
) -> None:
    """Called by the server when the answer is out or was given up."""
    try:
        context.release()
    finally:
        lifecycle.leave(context.connection)
        finished = context.finished()
        _tell(observers, finished)
        if recorder is not None and context.exchange is not None:
            failure = context.failure.kind if context.failure else None
            recorder.finish(context.exchange, failure, access_log.fields(finished))


def _tell(observers: Sequence[Observer], finished: Finished) -> None:
    for observe in observers:
        try:
            observe(finished)
        except Exception:  # a defect; the others must learn of the request all the same
            log.exception("a request could not be counted or logged")
