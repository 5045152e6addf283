"""The control endpoint: what tests and people steer a running simulator with.

`POST /__sim/script` takes one answer or a list, `POST /__sim/tokens` the members of
`Tokens.configure`, `POST /__sim/reset` nothing, `POST /__sim/close_idle` nothing;
`GET /__sim/requests` and `GET /__sim/stats` tell what happened. It is open to whoever can reach the
port.
"""

from collections.abc import Callable
from typing import Any, Protocol

from app.simulator.service.decisions import parse_json
from app.simulator.wire.http import Reply, Request, json_reply

PREFIX = "/__sim/"


class Steerable(Protocol):
    """What can be steered; each method raises ValueError for what it cannot understand."""

    def script(self, answers: list[Any]) -> int: ...
    def configure_tokens(self, members: dict[str, Any]) -> None: ...
    def reset(self) -> None: ...
    def close_idle(self) -> int: ...
    def requests(self) -> list[dict[str, Any]]: ...
    def stats(self) -> dict[str, int]: ...


def answer(target: Steerable, request: Request) -> Reply:
    """Carry out one control request."""
    form = parse_json(request.body)
    actions: dict[tuple[str, str], Callable[[], Any]] = {
        ("POST", "script"): lambda: {
            "queued": target.script(form if isinstance(form, list) else [form])
        },
        ("POST", "tokens"): lambda: target.configure_tokens(form),
        ("POST", "reset"): target.reset,
        ("POST", "close_idle"): lambda: {"closed": target.close_idle()},
        ("GET", "requests"): target.requests,
        ("GET", "stats"): target.stats,
    }
    action = actions.get((request.method, request.path.removeprefix(PREFIX)))
    if action is None:
        return json_reply(404, {"message": "no such control"})
    try:
        told = action()
    except ValueError as problem:
        return json_reply(400, {"message": str(problem)})
    return json_reply(200, {} if told is None else told)
