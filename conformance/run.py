"""Runs one suite against one gateway."""

import json
import os
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from app.simulator import Simulator
from app.simulator.service.request_log import LoggedRequest
from conformance import workshop
from conformance.suites import TOLERANT, Suite
from tests.live.servers import Gateway

SUITE_SECONDS = 900


@dataclass
class FileResult:
    """The outcomes of one file's tests. ``excluded`` counts tests by reason."""

    passed: int = 0
    refused: int = 0
    failed: int = 0
    excluded: Counter[str] = field(default_factory=Counter)


@dataclass
class Result:
    """The outcome of a suite. ``problems`` has a text for each failure."""

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
    """Run the suite's own tests; return the rows of the plugin."""
    plan, results = work / "plan.json", work / "results.json"
    rules = [[rule.pattern, rule.reason] for rule in suite.rules]
    stand_ins = [asdict(one) for one in suite.stand_ins]
    plan.write_text(
        json.dumps(
            {"rules": rules, "tolerant": TOLERANT, "stand_ins": stand_ins, "key": suite.key}
        ),
        encoding="utf-8",
    )
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(work),
        "PYTHONPATH": str(workshop.ROOT / "conformance"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TEST_API_BASE_URL": base_url,
        "CONFORMANCE_PLAN": str(plan),
        "CONFORMANCE_RESULTS": str(results),
    }
    plugin_options = (
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
        [workshop.python(), "-m", "pytest", *plugin_options, *suite.options, "tests/api_resources"],
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
    """Return the 5xx answers: always defects of the gateway, also where no test notices."""
    return [
        f"{line['method']} {line['path']} was answered by {line['status']}"
        for line in log
        if line["status"] >= 500
    ]


def _rejections(requests: Iterable[LoggedRequest]) -> list[str]:
    """Return the violations of the requests that the gateway sent upstream."""
    return [
        f"the upstream rejected a request: {violation.rule}: {violation.message}"
        for request in requests
        for violation in request.violations
    ]
