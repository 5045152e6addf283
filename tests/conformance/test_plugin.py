"""The plugin for the SDKs' suites, tested on a small suite."""

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

pytest_plugins = ["pytester"]

SUITE = """
import pytest

class Refused(Exception):
    def __init__(self, status):
        self.status_code = status

def test_create(): pass
def test_create_with_all_params(): raise Refused(400)
def test_update_with_all_params(): pass
def test_crash_with_all_params(): raise Refused(500)
def test_absent_with_all_params(): raise Refused(404)
def test_wrong_with_all_params(): assert False, "not that type"
def test_refused(): raise Refused(400)
def test_delete(): raise AssertionError("never run")
@pytest.mark.skip(reason="not today")
def test_skipped(): pass
@pytest.fixture
def broken(): raise ValueError("no fixture")
def test_set_up(broken): pass
@pytest.fixture
def leaking():
    yield
    raise ValueError("left open")
def test_left_open(leaking): pass
"""


STAND_INS = """
import pytest

class TestThing:
    @pytest.mark.parametrize("n", [1, 2])
    def test_one(self, n):
        thing = "a_placeholder"
        assert thing == "thing-7"
    def test_none(self):
        thing = "another"
        assert thing == "another"

def test_both():
    thing = "a_placeholder"
    item = "the_item"
    assert thing == "thing-7"
    assert item == "item-of-thing-7"
"""


class Service(BaseHTTPRequestHandler):
    """Makes things, and lists their items."""

    def do_POST(self) -> None:
        assert self.headers["Authorization"] == "Bearer the key"
        self._answer({"id": "thing-7"})

    def do_GET(self) -> None:
        assert self.path == "/v1/things/thing-7/items"
        self._answer({"data": [{"id": "item-of-thing-7"}]})

    def _answer(self, answer: object) -> None:
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_what_a_test_expects_to_be_there_is_made_for_it(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = pytester.path / "tests" / "api_resources" / "test_thing.py"
    path.parent.mkdir(parents=True)
    path.write_text(STAND_INS)
    stand_ins = [
        {"placeholder": "a_placeholder", "path": "/things", "member": "id", "body": {}},
        {
            "placeholder": "the_item",
            "path": "/things/{0}/items",
            "member": "data.0.id",
            "body": None,
        },
    ]
    plan, results = pytester.path / "plan.json", pytester.path / "results.json"
    plan.write_text(
        json.dumps({"rules": [], "tolerant": "no", "stand_ins": stand_ins, "key": "the key"})
    )
    server = HTTPServer(("127.0.0.1", 0), Service)
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("CONFORMANCE_PLAN", str(plan))
    monkeypatch.setenv("CONFORMANCE_RESULTS", str(results))
    monkeypatch.setenv("TEST_API_BASE_URL", f"http://127.0.0.1:{server.server_port}/v1")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2] / "conformance"))
    pytester.run(sys.executable, "-m", "pytest", "--assert=plain", "-p", "plugin", "tests")
    server.shutdown()
    server.server_close()
    outcomes = {name.rpartition("::")[2]: rest for name, *rest in json.loads(results.read_text())}
    names = ("test_one[1]", "test_one[2]", "test_none", "test_both")
    assert outcomes == {name: ["passed", ""] for name in names}


@pytest.fixture
def outcomes(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Return what the plugin writes about the suite above."""
    for name, text in {"test_thing.py": SUITE, "test_broken.py": "import no_such_module"}.items():
        path = pytester.path / "tests" / "api_resources" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    plan, results = pytester.path / "plan.json", pytester.path / "results.json"
    plan.write_text(json.dumps({"rules": [["_delete", "not here"]], "tolerant": "with_all_params"}))
    monkeypatch.setenv("CONFORMANCE_PLAN", str(plan))
    monkeypatch.setenv("CONFORMANCE_RESULTS", str(results))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2] / "conformance"))
    pytester.run(
        sys.executable, "-m", "pytest", "-p", "plugin", "--continue-on-collection-errors", "tests"
    )
    return {
        name.partition("::")[2] or name: rest for name, *rest in json.loads(results.read_text())
    }


def test_outcomes(outcomes: dict[str, list[str]]) -> None:
    assert {name: outcome for name, (outcome, _) in outcomes.items()} == {
        "test_create": "passed",
        "test_create_with_all_params": "refused",
        "test_update_with_all_params": "passed",
        "test_crash_with_all_params": "failed",
        "test_absent_with_all_params": "failed",
        "test_wrong_with_all_params": "failed",
        "test_refused": "failed",
        "test_delete": "excluded",
        "test_skipped": "excluded",
        "test_set_up": "failed",
        "test_left_open": "failed",
        "test_broken.py": "failed",
    }


def test_reasons(outcomes: dict[str, list[str]]) -> None:
    assert outcomes["test_delete"][1] == "not here"
    assert outcomes["test_skipped"][1] == "not today"
    assert "not that type" in outcomes["test_wrong_with_all_params"][1]
    assert "left open" in outcomes["test_left_open"][1]
    assert "no_such_module" in outcomes["test_broken.py"][1]
