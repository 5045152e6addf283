"""The benchmarks themselves: what they count, what they refuse to count, and what they tell."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from time import process_time

import pytest
from werkzeug.datastructures import Headers

from app.codewhisperer.request.repair import Limits, rules
from app.simulator import Simulator
from benchmarks import end_to_end, figures, report, samples
from benchmarks.cases import FULL, KB, Case, cases
from benchmarks.dialects import DIALECTS, Dialect
from benchmarks.end_to_end import Measured, Run
from benchmarks.load import LoadFailed, MarkCounter, Result
from benchmarks.parts import ROOT, Part, read
from benchmarks.processes import Memory, cpu_seconds, memory

EVENTS, STREAMS = 4, 3
SMALL = Case(
    "streams",
    "3",
    STREAMS,
    samples.text_request(KB),
    EVENTS,
    connections=STREAMS,
    script={"text": samples.deltas(EVENTS), "delay": 0.02},
    paced=True,
)


@pytest.fixture(scope="module")
def upstream() -> Iterator[Simulator]:
    with Simulator(accept_any_token=True) as running:
        yield running


def test_a_case_is_measured_end_to_end(upstream: Simulator) -> None:
    run = end_to_end.run(SMALL, upstream, 0.0, alone=True)
    assert run.held
    assert run.alone
    for seen in (run.seen, run.alone):
        assert (len(seen.first), len(seen.gaps)) == (STREAMS, STREAMS * (EVENTS - 1))
        assert all(0 < time < 10 for time in seen.first)
        assert 0.01 < sorted(seen.gaps)[len(seen.gaps) // 2] < 10
    assert 0 <= run.cpu < 10
    assert 0 < run.held.pss <= run.held.rss


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"events": EVENTS + 1}, f"{EVENTS} events and 1 ends"),
        ({"script": {"text": samples.deltas(EVENTS), "cut": {"after": 3}}}, "was closed after"),
        ({"script": {"fail": "throttled"}}, "refused: b'HTTP/1.1 429"),
    ],
)
def test_what_is_not_answered_well_is_not_measured(
    upstream: Simulator, change: dict[str, object], told: str
) -> None:
    case = replace(SMALL, **change)  # type: ignore[arg-type]
    with pytest.raises(LoadFailed, match=told):
        end_to_end.load(case, end_to_end.plan_alone(case, upstream), upstream)


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_marks_are_counted_wherever_the_bytes_are_cut(size: int) -> None:
    count = MarkCounter(b"mark")
    data = b"marmark mamarkmark"
    assert sum(count.feed(piece) for piece in samples.pieces_of(data, size)) == 3
    assert count.total == 3


@pytest.mark.parametrize("case", cases(FULL), ids=lambda case: f"{case.group}, {case.label}")
def test_a_case_sends_what_its_label_says(case: Case) -> None:
    asked = case.dialect.parse(case.body, Headers(case.headers))
    assert asked.messages
    if call := case.script.get("tool"):
        assert call["name"] in {tool.name for tool in asked.tools}
    if case.group in ("text", "images"):
        assert len(case.body) == case.x


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_there_are_captured_requests_of_every_dialect(dialect: Dialect) -> None:
    assert len(samples.captured(dialect)) >= 30


def test_the_kernels_clock_of_a_process_is_its_own() -> None:
    before = process_time()
    assert before <= cpu_seconds(os.getpid()) <= process_time()
    assert 0 < memory(os.getpid()).pss <= memory(os.getpid()).rss


def test_a_high_percentile_needs_samples() -> None:
    assert figures.percentile([3.0, 1.0, 2.0], 50) == 2.0
    assert figures.percentile([1.0] * 99, 99) is None
    assert figures.percentile([float(number) for number in range(100)], 99) == 98.0
    assert figures.percentile([], 50) is None


def run(cpu: float) -> Run:
    seen = Result(first=[0.002] * 10, gaps=[0.1] * 30, failures=[])
    idle, held = Memory(0, 30 << 20), Memory(50 << 20, (30 << 20) + 4000 * KB)
    return Run(cpu, seen, idle, held, None)


def test_the_report_tells_what_was_measured() -> None:
    case = replace(SMALL, label="100", x=100, connections=100)
    measured = Measured(case, [run(0.4), run(0.2), run(0.8)])
    names = ("streams", "lengths of 1", "lengths of 8", "text", "images", "turns")
    setting = report.Setting("2026-01-02", "1.2.3", "a machine", "Python", "no PGO", 0.25)
    parts = [Part("frames", "text", "event", 0.5, 0.25)]
    text = report.markdown(
        setting, FULL, {name: [measured] for name in names}, parts, "## Rows\n", ""
    )
    assert "used 25% of" in text
    assert "Interpreter: no PGO\n" in text
    assert "\n## Rows\n" in text
    assert (
        "| 100 | 1,000 (500-2,000) | 4.00 (2.00-8.00) | 40.0 (40.0-40.0) | 33.9 (33.9-33.9) "
        "| 50.0 (50.0-50.0) |" in text
    )
    assert "| 100 | 2.00 | - | - | - | 100 | - | - | - |" in text
    assert "| frames | text | event | 0.50 | 0.25 |" in text


def test_what_people_have_written_stays_on_the_page() -> None:
    shortcuts = "## Shortcuts\n\n| Where | Gain |\n| --- | --: |\n| `a` | 3 % |\n"
    for page in (f"# Page\n\n{shortcuts}", f"{shortcuts}\n## Next\n\ntext\n"):
        assert report.by_hand(page) == shortcuts
    assert report.by_hand("# Page\n\n## Growth\n") == ""


def test_every_part_can_be_timed() -> None:
    """Each is called once, untimed."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "benchmarks",
        "--benchmark-disable",
        "-p",
        "no:xdist",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_page_has_no_repair_rule_that_is_gone() -> None:
    page = (ROOT / "docs/performance.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\| one repair rule \| ([a-z-]+):", page, re.MULTILINE)
    assert shown
    assert set(shown) <= {rule.name for rule in rules(Limits(1))}


def test_parts_are_told_by_their_unit() -> None:
    told = b"""{"benchmarks": [{"name": "x", "stats": {"median": 0.001, "iqr": 0.0001, "min": 0},
        "extra_info": {"part": "frames", "what": "text", "unit": "event", "count": 500}}]}"""
    assert read(told) == [Part("frames", "text", "event", 2.0, 0.2)]
