"""What happens to every request before its route and after it: all of Flask's hooks, in order.

Parts rely on this order:

- The context is begun first: it cannot fail, and each later step notes its failure there.
- A stopping worker refuses before it checks the key, so that every client may ask the next worker.
- The log line is written last. It reads the figures of the upstream call, which change until the
  call is closed, and it is the sign that nothing of the request is left.
"""

from collections.abc import Callable

from flask import Response, request

from app.core.headers import Headers
from app.keys.authentication import Authenticator
from app.recording.recorder import Recorder
from app.server.framework import Application
from app.server.lifecycle import Lifecycle

from . import failures
from .context import RequestContext, begin, current


def install(
    app: Application,
    authenticator: Authenticator,
    *,
    open_paths: frozenset[str],
    form_of: Callable[[str, Headers], failures.ErrorForm],
    recorder: Recorder | None = None,
) -> None:
    """Put the hooks around the routes of ``app``.

    ``open_paths`` need no key, and neither does a browser's preflight. ``form_of(path, headers)``
    gives the error form of the request's dialect.
    """
    lifecycle = app.lifecycle

    @app.before_request
    def arrive() -> None:
        arrived = request._get_current_object()  # type: ignore[attr-defined] # resolved once
        context = begin(arrived)
        lifecycle.enter(context.connection)
        if context.method != "OPTIONS" and context.path not in open_paths:
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
            headers.update(rate_headers(rate.limit, rate.remaining, rate.reset))
        headers.add("request-id", context.request_id)
        headers.add("x-request-id", context.request_id)
        response.call_on_close(lambda: _finish(context, lifecycle, recorder))
        return response


def _refusal(response: Response) -> bytes:
    """The body of an error; answers are shown to the exchange piece by piece."""
    return response.get_data() if response.status_code >= 400 else b""


def _finish(context: RequestContext, lifecycle: Lifecycle, recorder: Recorder | None) -> None:
    """Called by the server when the answer is out or was given up."""
    try:
        context.release()
    finally:
        lifecycle.leave(context.connection)
        fields = context.write()
        if recorder is not None and context.exchange is not None:
            failure = context.failure.kind if context.failure else None
            recorder.finish(context.exchange, failure, fields)
