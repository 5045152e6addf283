"""Whether the service is up, for a probe and for a client that wants details."""

import pytest
from flask import Flask, request
from flask.testing import FlaskClient

from app.pages import health

JSON = {"Accept": "application/json"}


@pytest.fixture
def problems() -> list[str]:
    return []


@pytest.fixture
def reasons() -> list[str]:
    """Why it is not ready."""
    return []


@pytest.fixture
def stuck() -> list[str]:
    """The workers that are."""
    return []


@pytest.fixture
def client(problems: list[str], reasons: list[str], stuck: list[str]) -> FlaskClient:
    app = Flask(__name__)
    app.register_blueprint(
        health.blueprint(
            "1.2.3",
            lambda: problems,
            why_unready=lambda: "".join(reasons),
            stuck_workers=lambda: len(stuck),
            accounts=lambda: [{"account": "a"}] if "x-api-key" in request.headers else None,
        )
    )
    return app.test_client()


@pytest.mark.parametrize("accept", ["", "*/*", "text/plain", "text/html", "*/*;q=x"])
def test_a_probe_gets_text(client: FlaskClient, accept: str) -> None:
    answer = client.get("/health", headers={"Accept": accept} if accept else {})
    assert (answer.status_code, answer.text, answer.mimetype) == (200, "OK", "text/plain")


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_claude_code_sees_that_the_service_answers(client: FlaskClient, method: str) -> None:
    answer = client.open("/api/hello", method=method)
    assert answer.status_code == 200
    assert answer.json == {"message": "hello"} if method == "GET" else not answer.data


def test_a_client_may_prefer_json(client: FlaskClient) -> None:
    assert client.get("/health", headers=JSON).json == {"status": "ok", "version": "1.2.3"}


def test_a_problem_is_counted_and_not_told(client: FlaskClient, problems: list[str]) -> None:
    """Who asks need not have a key."""
    problems.append("the file of account alice cannot be read")
    answer = client.get("/health", headers=JSON)
    assert answer.status_code == 200, "requests still work"
    assert answer.json == {
        "status": "degraded",
        "version": "1.2.3",
        "credentials": "1 problem(s): see the log",
    }


def test_the_root(client: FlaskClient) -> None:
    assert client.get("/").json == {"name": "kiro2api", "version": "1.2.3"}
    assert client.head("/").status_code == 200


def test_ready(client: FlaskClient) -> None:
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json) == (200, {"status": "ready"})
    assert answer.headers["Cache-Control"] == "no-store"
    assert client.head("/health/ready").status_code == 200


def test_not_ready(client: FlaskClient, reasons: list[str]) -> None:
    reasons.append("login over")
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json == {"status": "not ready", "reason": "login over"}
    assert client.get("/health").status_code == 200, "it is alive"


def test_a_stuck_worker_is_told_of_while_the_others_serve(
    client: FlaskClient, stuck: list[str]
) -> None:
    stuck.append("the second")
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json) == (200, {"status": "ready", "stuck_workers": 1})
    told = {"status": "degraded", "version": "1.2.3", "stuck_workers": 1}
    assert client.get("/health", headers=JSON).json == told


def test_the_owner_sees_the_accounts(client: FlaskClient) -> None:
    assert client.get("/health/ready", headers={"x-api-key": "k"}).json == {
        "status": "ready",
        "accounts": [{"account": "a"}],
    }


def test_the_version(client: FlaskClient) -> None:
    assert client.get("/health/version").json == {"name": "kiro2api", "version": "1.2.3"}
