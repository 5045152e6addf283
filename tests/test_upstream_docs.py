"""Every fact of docs/upstream.md is named by a test, and every name there is that of a fact."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "upstream.md"

NAMED = re.compile(r"docs/upstream\.md: ([^\n\"]+)")


def headings() -> set[str]:
    return set(re.findall(r"^### (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE))


def named() -> set[str]:
    """The headings that tests name: the page, a colon, a space and the heading end the line."""
    texts = (path.read_text(encoding="utf-8") for path in sorted((ROOT / "tests").rglob("*.py")))
    return {name.strip().rstrip(".") for text in texts for name in NAMED.findall(text)}


def test_each_fact_is_named_by_a_test():
    assert headings() - named() == set()


def test_each_name_is_that_of_a_fact():
    assert named() - headings() == set()
