"""One suite against one gateway, and what came of it."""

import json
import os
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.simulator import Simulator
from app.simulator.service.request_log import LoggedRequest
from conformance import workshop
from conformance.suites import ALL_PARAMETERS, Suite
from tests.live.servers import Gateway

SUITE_SECONDS = 900


@dataclass
class FileResult:
    """What became of one file's tests; ``excluded`` counts them by reason."""

    passed: int = 0
    refused: int = 0
    failed: int = 0
    excluded: Counter[str] = field(default_factory=Counter)


@dataclass
class Result:
    """What became of a suite. ``problems`` say why it is not passed, one text each."""

    package: str
    version: str
    files: dict[str, FileResult]
    problems: list[str]


def run(suite: Suite) -> Result:
    """Run a suite against two workers of the gateway and the simulated upstream."""
    with tempfile.TemporaryDirectory(prefix="conformance-") as name, Simulator() as sim:
        settings = {"KIRO_CLIENT_TOKEN": suite.key} | suite.settings
        gateway = Gateway(sim.url, Path(name), **settings)
        try:
            rows = _pytest(suite, gateway.url + suite.base_path, Path(name))
        finally:
            gateway.stop()
        problems = [f"{test}\n{detail}" for test, outcome, detail in rows if outcome == "failed"]
        problems += _server_errors(gateway.log_lines()) + _rejections(sim.requests)
    return Result(suite.package, workshop.pinned(suite.package), _by_file(rows), problems)


def _pytest(suite: Suite, base_url: str, work: Path) -> list[list[str]]:
    """Run the suite's own tests; returns the plugin's rows."""
    plan, results = work / "plan.json", work / "results.json"
    rules = [[rule.pattern, rule.reason] for rule in suite.rules]
    plan.write_text(json.dumps({"rules": rules, "tolerant": ALL_PARAMETERS}), encoding="utf-8")
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(work),
        "PYTHONPATH": str(workshop.ROOT / "conformance"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TEST_API_BASE_URL": base_url,
        "CONFORMANCE_PLAN": str(plan),
        "CONFORMANCE_RESULTS": str(results),
    }
    ours = (
        "-o",
        "addopts=",
        "-p",
        "no:cacheprovider",
        "-p",
        "plugin",
        "-q",
        "--tb=short",
        "--continue-on-collection-errors",
    )
    done = subprocess.run(
        [workshop.python(), "-m", "pytest", *ours, *suite.options, "tests/api_resources"],
        cwd=workshop.sources(suite.package),
        env=environ,
        capture_output=True,
        text=True,
        timeout=SUITE_SECONDS,
    )
    if not results.exists():
        raise SystemExit(f"the suite of {suite.package} did not run:\n{done.stdout}{done.stderr}")
    rows: list[list[str]] = json.loads(results.read_text(encoding="utf-8"))
    return rows


def _by_file(rows: Iterable[list[str]]) -> dict[str, FileResult]:
    files: dict[str, FileResult] = {}
    for test, outcome, detail in rows:
        result = files.setdefault(test.partition("::")[0], FileResult())
        if outcome == "excluded":
            result.excluded[detail] += 1
        else:
            setattr(result, outcome, getattr(result, outcome) + 1)
    return files


def _server_errors(log: Iterable[Mapping[str, Any]]) -> list[str]:
    """A 5xx is the gateway's fault, whatever it was asked, and whether a test minds or not."""
    return [
        f"{line['method']} {line['path']} was answered by {line['status']}"
        for line in log
        if line["status"] >= 500
    ]


def _rejections(requests: Iterable[LoggedRequest]) -> list[str]:
    """What the gateway sent upstream must be what the upstream accepts."""
    return [
        f"the upstream rejected a request: {violation.rule}: {violation.message}"
        for request in requests
        for violation in request.violations
    ]
