"""A pytest plugin for the suites: excludes tests, distinguishes refusals from failures, counts.

It runs in the process of the suite and imports nothing of this project. The environment names
two JSON files: ``CONFORMANCE_PLAN`` is ``{"rules": [[pattern, reason], ...], "tolerant": word}``;
``CONFORMANCE_RESULTS`` is written with a list of ``[id, outcome, detail]``, where the outcome is
passed, refused (by a 400), failed or excluded, and the detail the reason of the last two.
"""

import json
import os
import re
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
        self._tolerant: str = plan["tolerant"]
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

    @pytest.hookimpl(wrapper=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> Generator[None, object, object]:
        """Treat a 400 as a pass in tests that send every parameter."""
        try:
            return (yield)
        except Exception as error:
            refused = getattr(error, "status_code", None) == 400
            if not refused or self._tolerant not in pyfuncitem.name:
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


def _id(nodeid: str) -> str:
    return nodeid.partition(_ROOT)[2] or nodeid


def pytest_configure(config: pytest.Config) -> None:
    """Register the plugin with the plan from the environment."""
    plan = json.loads(Path(os.environ["CONFORMANCE_PLAN"]).read_text(encoding="utf-8"))
    results = Path(os.environ["CONFORMANCE_RESULTS"])
    config.pluginmanager.register(Conformance(plan, results), "conformance-run")
