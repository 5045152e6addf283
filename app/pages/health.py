"""Whether the service is up. Load balancers, containers and clients ask without a key: the answer
says that something is wrong and where to read more, but names no file and no account.
"""

from collections.abc import Callable, Sized

from flask import Blueprint, Response, jsonify, request


def blueprint(version: str, problems: Callable[[], Sized]) -> Blueprint:
    """``/health``, ``/`` and ``/api/hello``; HEAD comes with GET.

    ``problems()`` are those that the owner should repair although requests still work.
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

    @routes.get("/")
    def index() -> Response:
        return jsonify(name="kiro2api", version=version)

    @routes.get("/api/hello")
    def hello() -> Response:
        """Claude Code asks this of Anthropic's API when it starts, to see whether it answers."""
        return jsonify(message="hello")

    return routes
