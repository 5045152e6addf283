"""The application: what it leaves out of Flask is not missed, and what it adds is there."""

from functools import partial
from typing import Any

import pytest
from flask import Blueprint, Response, g, session

from app.server.connections.addresses import ConnectionLimit
from app.server.connections.refusals import Refusals
from app.server.framework import Application
from app.server.lifecycle import Lifecycle
from app.server.paths import CanonicalPaths


@pytest.fixture
def app() -> Application:
    made = Application(
        "app",
        lifecycle=Lifecycle(client_stall=1),
        refusals=Refusals(lambda error, request_id: pytest.fail("called")),
        connections=ConnectionLimit(0, ()),
        on_exit=lambda: pytest.fail("called"),
    )
    made.get("/v1/models/<path:name>", endpoint="model")(lambda name: name)
    made.get("/v1/responses", websocket=True, endpoint="socket")(lambda: "a socket")
    made.post("/v1/responses", endpoint="responses")(lambda: "plain")
    return made


def test_routes_need_no_host(app: Application) -> None:
    answer = app.test_client().get("/v1/models/a/b", headers={"Host": "["})
    assert (answer.status_code, answer.text) == (200, "a/b")


def test_a_wrong_path_is_not_redirected(app: Application) -> None:
    app.wsgi_app = CanonicalPaths(app.wsgi_app)  # type: ignore[method-assign]
    assert app.test_client().get("/models//a/").text == "a"


@pytest.mark.parametrize(
    ("method", "headers", "expected"),
    [
        ("GET", {"Upgrade": "websocket"}, "a socket"),
        ("GET", {"Upgrade": "WebSocket"}, "a socket"),
        ("POST", {}, "plain"),
    ],
)
def test_a_websocket_has_routes_of_its_own(
    app: Application, method: str, headers: dict[str, str], expected: str
) -> None:
    answer = app.test_client().open("/v1/responses", method=method, headers=headers)
    assert answer.text == expected


def test_there_is_no_session(app: Application) -> None:
    def change() -> Any:
        session["a"] = 1

    app.testing = True
    app.get("/change", endpoint="change")(change)
    with pytest.raises(RuntimeError, match="session is unavailable"):
        app.test_client().get("/change")


def test_hooks_of_the_application_are_called_around_its_views(app: Application) -> None:
    seen: list[str] = []
    for name in ("a", "b"):
        app.before_request(partial(seen.append, f"before {name}"))
        app.after_request(partial(noted, seen, f"after {name}"))
    assert app.test_client().post("/v1/responses").text == "plain"
    assert seen == ["before a", "before b", "after b", "after a"]


def noted(seen: list[str], name: str, response: Response) -> Response:
    seen.append(name)
    return response


def test_a_hook_may_answer_in_place_of_the_view(app: Application) -> None:
    app.before_request(lambda: "from the hook")
    assert app.test_client().post("/v1/responses").text == "from the hook"


def test_what_hooks_and_views_raise_is_handled(app: Application) -> None:
    app.errorhandler(Exception)(lambda error: (f"handled {error}", 418))

    def fail() -> str:
        raise ValueError("here")

    app.get("/fails", endpoint="fails")(fail)
    client = app.test_client()
    assert client.get("/fails").text == "handled here"
    assert client.get("/nowhere").status_code == 418
    assert client.get("/v1/responses").status_code == 418  # a POST, or a WebSocket


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
def test_a_route_is_found_again_by_its_method(app: Application, method: str) -> None:
    app.get("/one", endpoint="get")(lambda: "got")
    app.post("/one", endpoint="post")(lambda: "posted")
    client = app.test_client()
    first, second = [client.open("/one", method=method) for _ in range(2)]
    expected = {"GET": "got", "POST": "posted"}.get(method, "")
    assert (first.text, second.text) == (expected, expected)
    assert first.headers == second.headers
    if method == "OPTIONS":
        assert set(first.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}


def test_a_path_with_arguments_is_read_each_time(app: Application) -> None:
    client = app.test_client()
    assert [client.get(f"/v1/models/{name}").text for name in "aba"] == ["a", "b", "a"]


def test_what_is_known_of_a_request_is_its_own(app: Application) -> None:
    def first() -> str:
        g.mark = "its own"
        return str(g.mark)

    app.get("/first", endpoint="first")(first)
    app.get("/second", endpoint="second")(lambda: str(getattr(g, "mark", "nothing")))
    client = app.test_client()
    assert client.get("/first").text == "its own"
    assert client.get("/second").text == "nothing"


def test_a_hook_that_would_not_be_called_is_refused(app: Application) -> None:
    area = Blueprint("area", __name__)
    area.before_request(lambda: None)
    app.register_blueprint(area)
    with pytest.raises(RuntimeError, match="hooks of blueprints are not called: area"):
        _ = app.hooks


def test_a_function_for_the_end_of_a_context_is_refused(app: Application) -> None:
    app.teardown_request(lambda error: None)
    with pytest.raises(RuntimeError, match="never calls"):
        _ = app.hooks
