"""A pytest plugin for the suites: excludes tests, distinguishes refusals from failures, counts.

Tests that ask for a thing which the service is expected to have get one that exists: the constants
in their code that stand for it are replaced.

It runs in the process of the suite and imports nothing of this project. The environment names
two JSON files: ``CONFORMANCE_PLAN`` is ``{"rules": [[pattern, reason], ...], "tolerant": pattern,
"stand_ins": [{"placeholder", "path", "member", "body"}, ...], "key": key}``, the last two optional;
``CONFORMANCE_RESULTS`` is written with a list of ``[id, outcome, detail]``, where the outcome is
passed, refused (by a 400), failed or excluded, and the detail the reason of the last two.
"""

import json
import os
import re
import types
import urllib.request
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

_ROOT = "tests/api_resources/"
_REFUSED = "refused"


class Conformance:
    """One run of one suite."""

    def __init__(self, plan: dict[str, Any], results: Path) -> None:
        self._rules = [(re.compile(pattern), reason) for pattern, reason in plan["rules"]]
        self._tolerant = re.compile(plan["tolerant"])
        self._stand_ins: list[dict[str, Any]] = plan.get("stand_ins", [])
        self._key: str = plan.get("key", "")
        self._results = results
        self._outcomes: dict[str, tuple[str, str]] = {}

    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Deselect the tests that a rule excludes, and record the reason."""
        kept: list[pytest.Item] = []
        excluded: list[pytest.Item] = []
        for item in items:
            reason = self._excluded(_id(item.nodeid))
            (excluded if reason else kept).append(item)
            if reason:
                self._outcomes[_id(item.nodeid)] = ("excluded", reason)
        config.hook.pytest_deselected(items=excluded)
        items[:] = kept

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Make what the test expects to be there, and put it into the test's code."""
        if isinstance(item, pytest.Function):
            method: Any = item.obj
            function = getattr(method, "__func__", method)
            constants = function.__code__.co_consts
            if made := self._made(constants):
                item.obj = _with_constants(method, [made.get(one, one) for one in constants])

    def _made(self, constants: tuple[Any, ...]) -> dict[Any, str]:
        """The stand-ins by placeholder, for those placeholders that are among the constants."""
        made: dict[Any, str] = {}
        values = [""] * len(self._stand_ins)
        for index, stand_in in enumerate(self._stand_ins):
            if stand_in["placeholder"] in constants:
                path = stand_in["path"].format(*values)
                answer = self._ask(path, stand_in["body"])
                for step in stand_in["member"].split("."):
                    answer = answer[int(step) if step.isdigit() else step]
                made[stand_in["placeholder"]] = values[index] = answer
        return made

    def _ask(self, path: str, body: Any) -> Any:
        asked = urllib.request.Request(
            os.environ["TEST_API_BASE_URL"] + path,
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return json.load(answer)

    @pytest.hookimpl(wrapper=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> Generator[None, object, object]:
        """Treat a 400 as a pass in tests that send every parameter."""
        try:
            return (yield)
        except Exception as error:
            refused = getattr(error, "status_code", None) == 400
            if not refused or not self._tolerant.search(_id(pyfuncitem.nodeid)):
                raise
            pyfuncitem.user_properties.append((_REFUSED, True))
            return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record the worst outcome of a test's set-up, call and teardown."""
        known = self._outcomes.get(_id(report.nodeid))
        if report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else "skipped"
            self._outcomes[_id(report.nodeid)] = ("excluded", reason.removeprefix("Skipped: "))
        elif report.failed:
            self._outcomes[_id(report.nodeid)] = ("failed", report.longreprtext)
        elif known is None and report.when == "call":
            outcome = "refused" if dict(report.user_properties).get(_REFUSED) else "passed"
            self._outcomes[_id(report.nodeid)] = (outcome, "")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Record a file that cannot be collected as a failure."""
        if report.failed:
            self._outcomes[_id(report.nodeid)] = ("failed", report.longreprtext)

    def pytest_sessionfinish(self) -> None:
        """Write the results."""
        rows = [[name, *outcome] for name, outcome in sorted(self._outcomes.items())]
        self._results.write_text(json.dumps(rows), encoding="utf-8")

    def _excluded(self, name: str) -> str:
        return next((reason for pattern, reason in self._rules if pattern.search(name)), "")


def _with_constants(method: Any, constants: list[Any]) -> Any:
    """The same test, bound to its object if it was, with other constants in its code."""
    function = getattr(method, "__func__", method)
    code = function.__code__.replace(co_consts=tuple(constants))
    changed = types.FunctionType(
        code, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    changed.__dict__.update(function.__dict__)
    return types.MethodType(changed, method.__self__) if method is not function else changed


def _id(nodeid: str) -> str:
    return nodeid.partition(_ROOT)[2] or nodeid


def pytest_configure(config: pytest.Config) -> None:
    """Register the plugin with the plan from the environment."""
    plan = json.loads(Path(os.environ["CONFORMANCE_PLAN"]).read_text(encoding="utf-8"))
    results = Path(os.environ["CONFORMANCE_RESULTS"])
    config.pluginmanager.register(Conformance(plan, results), "conformance-run")
