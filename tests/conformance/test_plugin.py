"""The plugin for the SDKs' suites, tested on a small suite."""

import json
import sys
from pathlib import Path

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
