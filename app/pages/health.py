"""Whether the service is up, and whether it can answer. Load balancers, containers and clients ask
without a key: the answer says that something is wrong and where to read more, but names no file and
no account.
"""

from collections.abc import Callable, Iterable, Mapping, Sized
from typing import Any

from flask import Blueprint, Response, jsonify, redirect, request
from werkzeug.wrappers import Response as BaseResponse

PAGE = "/dashboard"
NO_STORE = {"Cache-Control": "no-store"}


def blueprint(
    version: str,
    problems: Callable[[], Sized],
    *,
    why_unready: Callable[[], str],
    accounts: Callable[[], Iterable[Mapping[str, Any]] | None],
) -> Blueprint:
    """``/health`` and what is below it, ``/`` and ``/api/hello``; HEAD comes with GET.

    ``problems()`` are those that the owner should repair although requests still work.
    ``why_unready()`` is the kind of the reason for which no request that calls a model can be
    answered, "" if one may be. ``accounts()`` is what the owner may know of each account, None if
    somebody else asks.
    """
    routes = Blueprint("health", __name__)

    @routes.get("/health")
    def health() -> Response:
        """``OK`` as text, or a JSON object for a client that prefers it: ``status`` is ``degraded``
        while there are problems.
        """
        accepted = request.accept_mimetypes
        if accepted.best_match(["text/plain", "application/json"]) == "application/json":
            count = len(problems())
            if not count:
                return jsonify(status="ok", version=version)
            where = f"{count} problem(s): see the log"
            return jsonify(status="degraded", version=version, credentials=where)
        return Response("OK", mimetype="text/plain")

    @routes.get("/health/ready")
    def ready() -> Response:
        """Whether a request that calls a model may be answered: at least one account is not known
        to be of no use. The settings are valid, or the server would not run.
        """
        told: dict[str, Any] = {"status": "ready"}
        if why := why_unready():
            told = {"status": "not ready", "reason": why}
        if (details := accounts()) is not None:
            told["accounts"] = list(details)
        answer = jsonify(told)
        answer.status_code = 503 if why else 200
        answer.headers.update(NO_STORE)
        return answer

    @routes.get("/health/version")
    def running_version() -> Response:
        return jsonify(name="kiro2api", version=version)

    @routes.get("/")
    def index() -> BaseResponse:
        return _index(version)

    @routes.get("/api/hello")
    def hello() -> Response:
        """Claude Code asks this of Anthropic's API when it starts, to see whether it answers."""
        return jsonify(message="hello")

    return routes


def _index(version: str) -> BaseResponse:
    """A browser is led to the page for people."""
    if request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html":
        return redirect(PAGE, 303)
    return jsonify(name="kiro2api", version=version)
