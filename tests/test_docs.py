"""The documentation says only what is so: links lead somewhere, settings and paths exist, pages of
decisions have their form, and the files that other programs read can be read.
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import msgspec.yaml
import pytest

from app.settings import setting_fields, variable
from app.settings.historic import HISTORIC

ROOT = Path(__file__).parent.parent
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("0*.md"))
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / ".github").rglob("*.md")]
)
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
SECTIONS = ["Context", "Decision", "Consequences", "What would reverse it"]
OTHERS = {"HTTPS_PROXY", "HTTP_PROXY"} | {  # variables of other programs
    f"ANTHROPIC_{name}" for name in ("BASE_URL", "AUTH_TOKEN", "API_BASE", "API_KEY")
}


def of(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", paths, ids=lambda path: str(path.relative_to(ROOT)))


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def slug(heading: str) -> str:
    """The anchor that the repository host makes of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(path: Path) -> set[str]:
    return {slug(heading) for heading in re.findall(r"^#+ (.+)$", read(path), re.MULTILINE)}


def test_anchors_are_made_as_the_host_makes_them() -> None:
    assert slug("On paper: a second `x`") == "on-paper-a-second-x"


@of(DOCUMENTS)
def test_links_lead_somewhere(path: Path) -> None:
    for link, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)", read(path)):
        target = path.parent / link if link else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), f"{link}#{anchor}"


@of(DOCUMENTS)
def test_only_settings_that_exist_are_named(path: Path) -> None:
    known = {variable(item) for item in setting_fields()} | HISTORIC.keys() | OTHERS
    known |= {f"{variable(item)}_FILE" for item in setting_fields() if item.metadata["secret"]}
    named = set(re.findall(r"\b(?:KIRO|LOG|MAX|AWS|HTTPS?|ANTHROPIC)_[A-Z_]+", read(path)))
    assert named - known - {"MAX_ATTEMPTS", "MAX_TOKENS"} == set()  # of the code, of the service


PLANNED = ("app/bedrock", "app/dialects/gemini", "tests/bedrock", "tests/dialects/gemini")
"""What the pages describe as not there, on paper."""


@of([path for path in DOCUMENTS if path.name != "CHANGELOG.md"])
def test_only_files_that_exist_are_named(path: Path) -> None:
    named = re.findall(r"`((?:app|tests|docs|benchmarks|clients|fuzz)/[\w./-]*)[`:]", read(path))
    missing = {name for name in named if not (ROOT / name).exists()}
    assert {name for name in missing if not name.startswith(PLANNED)} == set()


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))


@of(DECISIONS)
def test_a_decision_has_its_form(path: Path) -> None:
    text = read(path)
    title, _, _ = text.partition("\n")
    assert re.fullmatch(rf"# {int(path.name[:4])}\. \S.+", title)
    decided = re.search(r"^- Date: (\S+)\n- Status: (accepted|replaced by )", text, re.MULTILINE)
    assert decided
    assert date.fromisoformat(decided[1])
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS


def test_the_readme_of_the_decisions_lists_each_by_its_title() -> None:
    page = ROOT / "docs" / "decisions" / "README.md"
    listed = re.findall(r"^- \[(.+)\]\((0.+\.md)\)$", read(page), re.MULTILINE)
    titles = [read(path).partition("\n")[0].removeprefix("# ") for path in DECISIONS]
    expected = zip(titles, [path.name for path in DECISIONS], strict=True)
    assert listed == [(title.replace("`", ""), name) for title, name in expected]


@of(DECISIONS)
def test_a_replaced_decision_and_its_successor_name_each_other(path: Path) -> None:
    status = re.search(r"^- Status: (.+(?:\n  .+)*)", read(path), re.MULTILINE)
    assert status
    for other in re.findall(r"\((0.+?\.md)\)", status[1]):
        assert path.name in read(path.parent / other).partition("## ")[0]


def load(name: str) -> Any:
    return msgspec.yaml.decode(read(ROOT / name))


def test_every_python_is_tested() -> None:
    workflow = load(".github/workflows/ci.yml")
    job = workflow["jobs"]["ci"]
    assert job["strategy"]["matrix"]["python"] == PYTHONS
    assert any(step.get("run") == ".ci/run" for step in job["steps"])
    assert workflow["permissions"] == {"contents": "read"}


@of(sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")))
def test_a_form_of_an_issue_can_be_filled_in(path: Path) -> None:
    form = msgspec.yaml.decode(read(path))
    if path.name == "config.yml":
        assert form["blank_issues_enabled"] is False
        return
    assert form["name"]
    assert form["description"]
    kinds = [item["type"] for item in form["body"]]
    assert set(kinds) <= {"markdown", "input", "textarea", "dropdown", "checkboxes"}
    fields = [item for item in form["body"] if item["type"] != "markdown"]
    assert len({item["id"] for item in fields}) == len(fields) > 0
    assert all(item["attributes"]["label"] for item in fields)


def test_dependabot_looks_after_what_there_is() -> None:
    config = load(".github/dependabot.yml")
    assert config["version"] == 2
    looked_after = {(item["package-ecosystem"], item["directory"]) for item in config["updates"]}
    assert looked_after == {("pip", "/"), ("github-actions", "/"), ("docker", "/")}
    assert all(item["schedule"]["interval"] for item in config["updates"])


def test_hooks_are_local_and_what_they_run_is_in_the_makefile() -> None:
    hooks = [hook for repo in load(".pre-commit-config.yaml")["repos"] for hook in repo["hooks"]]
    assert {repo["repo"] for repo in load(".pre-commit-config.yaml")["repos"]} == {"local"}
    assert {hook["id"] for hook in hooks} == {"ruff", "ruff-format", "mypy"}
    assert all(hook["language"] == "system" for hook in hooks)
    makefile = read(ROOT / "Makefile")
    for hook in hooks:
        program = re.match(r"\.venv/bin/(\w+)", hook["entry"])
        assert program
        assert f"$(BIN)/{program[1]} " in makefile or f"$(BIN)/{program[1]}\n" in makefile


def _code(page: str) -> set[str]:
    """What stands in backticks in a line of text."""
    text = re.sub(r"^```.*?^```$", "", (ROOT / page).read_text("utf-8"), flags=re.MULTILINE | re.S)
    return {" ".join(word.split()) for word in re.findall(r"`([^`]+)`", text)}


def test_both_readmes_name_the_same_settings_commands_and_endpoints() -> None:
    assert _code("README.md") ^ _code("README.zh-CN.md") == set()


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md"])
def test_the_defaults_in_a_readme_are_those_of_the_settings(page: str) -> None:
    """A default between backticks is a value; a word is for those that have none."""
    row = r"^\| `(\w+)` \| (?:`([^`|]*)`)?[^|]* \|"
    known = dict(re.findall(row, read(ROOT / "docs" / "settings.md"), re.MULTILINE))
    found = re.findall(r"^\| (`[A-Z_]+`.*?) \| (.+?) \|", read(ROOT / page), re.MULTILINE)
    rows = [(re.findall(r"`(\w+)`", names), told) for names, told in found]
    rows = [(names, told) for names, told in rows if set(names) <= set(known)]
    assert len(rows) >= 9
    for names, told in rows:
        defaults = [known[name] for name in names]
        assert re.findall(r"`([^`]*)`", told) == [one for one in defaults if one], names
