"""What is made from the table of metrics, and what names its metrics."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from app.metrics.table import METRICS
from tests.metrics import render

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy" / "prometheus" / "alerts.yml"
NAME = re.compile(r"\b(?:kiro2api|gen_ai)_[a-z0-9_]+")


def exposed() -> set[str]:
    """Every name that a query can use."""
    names = {metric.exposed for metric in METRICS}
    histograms = [metric.name for metric in METRICS if metric.kind == "histogram"]
    return names | {
        f"{name}{suffix}" for name in histograms for suffix in ("_bucket", "_sum", "_count")
    }


@pytest.mark.parametrize(
    ("path", "made"),
    [("docs/metrics.md", render.markdown), ("deploy/grafana/kiro2api.json", render.dashboard)],
)
def test_generated_files_are_up_to_date(path: str, made: Callable[[], str]) -> None:
    assert (ROOT / path).read_text(encoding="utf-8") == made(), "run `make docs`"


def test_the_dashboard_asks_for_metrics_that_there_are() -> None:
    panels = json.loads(render.dashboard())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) > 15
    for panel in panels:
        for target in panel["targets"]:
            # the labels of a grouping have such names, too
            query = re.sub(r"by \([^)]*\)", "", target["expr"])
            assert set(NAME.findall(query)) <= exposed(), panel["title"]


def test_the_rules_ask_for_metrics_that_there_are() -> None:
    rules = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    assert len(rules) > 5
    for rule in rules:
        assert rule["annotations"].keys() == {"summary", "description"}
        used = set(NAME.findall(rule["expr"]))
        assert used, rule["alert"]
        assert used <= exposed(), rule["alert"]


def test_every_rule_of_refreshes_and_errors_names_values_that_there_are() -> None:
    from app.common.errors import Kind

    text = RULES.read_text()
    named = set(re.findall(r'error_type(?:!~|=)"([a-z_|]+)"', text))
    assert {kind for one in named for kind in one.split("|")} <= {*Kind, "none"}


@pytest.mark.skipif(not shutil.which("promtool"), reason="needs promtool (Debian: prometheus)")
@pytest.mark.parametrize(
    "check", [["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]]
)
def test_promtool_finds_no_fault(check: list[str]) -> None:
    done = subprocess.run(
        ["promtool", *check], cwd=RULES.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not shutil.which("promtool"), reason="needs promtool (Debian: prometheus)")
def test_promtool_takes_what_is_exposed(tmp_path: Path) -> None:
    from app.metrics.exposition import exposition
    from app.metrics.requests import RequestFigures
    from app.metrics.store import Store
    from tests.metrics.test_figures import ANSWERED, finished

    RequestFigures(Store(tmp_path, 0), lambda model: True)(finished(**ANSWERED))
    done = subprocess.run(
        ["promtool", "check", "metrics"],
        input=exposition(tmp_path),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
