"""Is the service there? Asked without a key by load balancers, containers and clients, so it tells
that something is wrong and where to read what, but names no file and no account.
"""

from flask import Blueprint, Response, current_app, jsonify, request


def blueprint(version: str) -> Blueprint:
    """``/health`` and ``/``; HEAD comes with GET."""
    routes = Blueprint("health", __name__)

    @routes.get("/health")
    def health() -> Response:
        """``OK`` as text, or a JSON object for a client that prefers it: ``status`` is ``degraded``
        while requests work and the owner should repair something.
        """
        accepted = request.accept_mimetypes
        if accepted.best_match(["text/plain", "application/json"]) == "application/json":
            wrong = len(current_app.extensions["credentials"].problems())
            if not wrong:
                return jsonify(status="ok", version=version)
            where = f"{wrong} problem(s): see the log"
            return jsonify(status="degraded", version=version, credentials=where)
        return Response("OK", mimetype="text/plain")

    @routes.get("/")
    def index() -> Response:
        return jsonify(name="kiro2api", version=version)

    return routes
