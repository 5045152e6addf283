"""The application: what it leaves out of Flask is not missed, and what it adds is there."""

from typing import Any

import pytest
from flask import session

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
