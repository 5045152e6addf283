"""What the workflows run, run here: the parts of a release that need no service."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.version import __version__
from tests.live.servers import ROOT

WORKFLOWS = ROOT / ".github" / "workflows"
PATH = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
"""With a ``python``, as setup-python makes it."""


def step(job: str, begins: str) -> str:
    """The script of the release's step with that name."""
    told: dict[str, Any] = yaml.safe_load((WORKFLOWS / "release.yml").read_text())
    [script] = [
        step["run"]
        for step in told["jobs"][job]["steps"]
        if step.get("name", "").startswith(begins)
    ]
    return str(script)


def run(script: str, place: Path, tag: str) -> "subprocess.CompletedProcess[str]":
    """Run it as the runners do."""
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", script],
        cwd=place, capture_output=True, text=True, timeout=60, check=False,
        env={"PATH": PATH, "GITHUB_REF_NAME": tag},
    )  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A checkout of the release, with two earlier ones in its changelog."""
    (tmp_path / "app").symlink_to(ROOT / "app")
    text = (ROOT / "CHANGELOG.md").read_text().replace(" - unreleased\n", " - 2027-01-02\n", 1)
    (tmp_path / "CHANGELOG.md").write_text(f"{text}\n## 0.1.1 - 2020-01-01\n\nOlder.\n")
    return tmp_path


def test_the_notes_are_those_of_the_version(place):
    done = run(step("release", "The notes"), place, f"v{__version__}")
    assert done.returncode == 0, done.stderr
    notes = (place / "notes.md").read_text()
    assert notes.count("\n") > 10
    assert notes in (place / "CHANGELOG.md").read_text()
    assert "\n## " not in notes
    assert "Older." not in notes


@pytest.mark.parametrize("tag", ["v99.0.0", "v0.1", "v0.1.10"])
def test_without_notes_there_is_no_release(place, tag):
    assert run(step("release", "The notes"), place, tag).returncode != 0


def test_a_release_is_of_its_tag_and_dated(place):
    script = step("distribution", "The tag is the version")
    assert run(script, place, f"v{__version__}").returncode == 0
    assert run(script, place, "v99.0.0").returncode != 0
    changelog = place / "CHANGELOG.md"
    changelog.write_text(changelog.read_text().replace("2027-01-02", "unreleased"))
    assert run(script, place, f"v{__version__}").returncode != 0


def test_images_are_named_in_small_letters_and_by_the_version(tmp_path):
    """deploy/kubernetes asks for that version."""
    script = step("image", "Name the image")
    written = tmp_path / "env"
    subprocess.run(
        ["bash", "-e", "-c", script], check=True, timeout=60,
        env={
            "GITHUB_REPOSITORY": "Some-One/kiro2api", "GITHUB_ENV": str(written),
            "GITHUB_REF_NAME": "v1.2.3",
        },
    )  # fmt: skip
    assert written.read_text() == "IMAGE=ghcr.io/some-one/kiro2api\nVERSION=1.2.3\n"


def test_every_target_that_a_workflow_makes_is_there():
    nightly = yaml.safe_load((WORKFLOWS / "nightly.yml").read_text())
    wanted = {*nightly["jobs"]["long"]["strategy"]["matrix"]["target"], "newest"}
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert wanted <= set(targets)
