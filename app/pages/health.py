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
    stuck_workers: Callable[[], int],
    accounts: Callable[[], Iterable[Mapping[str, Any]] | None],
) -> Blueprint:
    """``/health`` and what is below it, ``/`` and ``/api/hello``; HEAD comes with GET.

    ``problems()`` are those that the owner should repair although requests still work.
    ``why_unready()`` is the kind of the reason for which no request that calls a model can be
    answered, "" if one may be. ``stuck_workers()`` is how many workers are stuck, beside the one
    that answers. ``accounts()`` is what the owner may know of each account, None if somebody else
    asks.
    """
    routes = Blueprint("health", __name__)

    @routes.get("/health")
    def health() -> Response:
        """``OK`` as text; JSON if a client prefers it, ``degraded`` if something is wrong."""
        accepted = request.accept_mimetypes
        if accepted.best_match(["text/plain", "application/json"]) == "application/json":
            wrong = _what_is_wrong(len(problems()), stuck_workers())
            return jsonify(status="degraded" if wrong else "ok", version=version, **wrong)
        return Response("OK", mimetype="text/plain")

    @routes.get("/health/ready")
    def ready() -> Response:
        """Whether a request that calls a model may be answered: at least one account is not known
        to be of no use. The settings are valid, or the server would not run. Workers that are
        stuck are told of; new requests go to the others.
        """
        told: dict[str, Any] = {"status": "ready"}
        if why := why_unready():
            told = {"status": "not ready", "reason": why}
        if count := stuck_workers():
            told["stuck_workers"] = count
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


def _what_is_wrong(problems: int, stuck_workers: int) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if problems:
        told["credentials"] = f"{problems} problem(s): see the log"
    if stuck_workers:
        told["stuck_workers"] = stuck_workers
    return told


def _index(version: str) -> BaseResponse:
    """A browser is led to the page for people."""
    if request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html":
        return redirect(PAGE, 303)
    return jsonify(name="kiro2api", version=version)
