"""Is the service there? Asked without a key by load balancers, containers and clients."""

from flask import Blueprint, Response, jsonify, request


def blueprint(version: str) -> Blueprint:
    """``/health`` and ``/``; HEAD comes with GET."""
    routes = Blueprint("health", __name__)

    @routes.get("/health")
    def health() -> Response:
        """``OK`` as text, or a JSON object for a client that prefers it."""
        accepted = request.accept_mimetypes
        if accepted.best_match(["text/plain", "application/json"]) == "application/json":
            return jsonify(status="ok", version=version)
        return Response("OK", mimetype="text/plain")

    @routes.get("/")
    def index() -> Response:
        return jsonify(name="kiro2api", version=version)

    return routes
