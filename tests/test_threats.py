"""docs/threats.md names tests and settings that there are."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from app.settings import Settings

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "threats.md").read_text(encoding="utf-8")
ROWS = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if "`tests/" in line]
SETTINGS = {field.name.upper() for field in fields(Settings)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:60])
def test_a_row_has_a_test_and_settings_that_exist(row: list[str]) -> None:
    assert len(row) == 4
    _, _, settings, tests = row
    paths = re.findall("`(tests/[^`:]+)", tests)
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []
    assert {*re.findall("`([A-Z][A-Z_]+)`", settings)} <= SETTINGS


def test_every_setting_that_the_page_names_exists() -> None:
    named = {*re.findall("`((?:KIRO|MAX|LOG)_[A-Z_]+)`", PAGE)}
    assert named <= SETTINGS
