"""The control endpoint, with which tests and people steer a running simulator.

`POST /__sim/script` takes one answer or a list, `POST /__sim/tokens` the members of
`Tokens.configure`, `POST /__sim/models` those of `Catalogue.configure`, `POST /__sim/rules` those
of `rules.Settings`, `POST /__sim/quota` those of `operations.get_usage_limits`, `POST
/__sim/search` those of `operations.invoke_mcp`; `POST /__sim/reset` and `POST /__sim/close_idle`
take nothing. `GET /__sim/requests` and `GET /__sim/stats` return what happened. The endpoint has no
authentication.
"""

from collections.abc import Callable
from typing import Any, Protocol

from app.simulator.wire.http import HttpRequest, HttpResponse, json_response, parse_json

PREFIX = "/__sim/"


class ControlTarget(Protocol):
    """The actions of the control endpoint. Each raises ValueError for an invalid argument."""

    def script(self, answers: list[Any]) -> int: ...
    def configure_tokens(self, members: dict[str, Any]) -> None: ...
    def configure_models(self, members: dict[str, Any]) -> None: ...
    def configure_rules(self, members: dict[str, Any]) -> None: ...
    def configure_quota(self, members: dict[str, Any]) -> None: ...
    def configure_search(self, members: dict[str, Any]) -> None: ...
    def reset(self) -> None: ...
    def close_idle(self) -> int: ...
    def requests(self) -> list[dict[str, Any]]: ...
    def stats(self) -> dict[str, int]: ...


def answer(target: ControlTarget, request: HttpRequest) -> HttpResponse:
    """Carry out one control request."""
    form = parse_json(request.body)
    actions: dict[tuple[str, str], Callable[[], Any]] = {
        ("POST", "script"): lambda: {
            "queued": target.script(form if isinstance(form, list) else [form])
        },
        ("POST", "tokens"): lambda: target.configure_tokens(form),
        ("POST", "models"): lambda: target.configure_models(form),
        ("POST", "rules"): lambda: target.configure_rules(form),
        ("POST", "quota"): lambda: target.configure_quota(form),
        ("POST", "search"): lambda: target.configure_search(form),
        ("POST", "reset"): target.reset,
        ("POST", "close_idle"): lambda: {"closed": target.close_idle()},
        ("GET", "requests"): target.requests,
        ("GET", "stats"): target.stats,
    }
    action = actions.get((request.method, request.path.removeprefix(PREFIX)))
    if action is None:
        return json_response(404, {"message": "unknown control action"})
    try:
        result = action()
    except ValueError as problem:
        return json_response(400, {"message": str(problem)})
    return json_response(200, {} if result is None else result)
