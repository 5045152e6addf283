"""``docs/faults.md`` matches the tables, and the tests that it relies on exist."""

import ast
from pathlib import Path

from app.common.errors import Kind
from tests.chaos.other_rows import SEPARATE_ROWS
from tests.chaos.render import MEANINGS, document

TESTS = Path(__file__).parents[1]


def test_the_page_is_up_to_date() -> None:
    page = (TESTS.parent / "docs" / "faults.md").read_text(encoding="utf-8")
    assert page == document(), "run `make docs`"


def test_every_kind_is_explained() -> None:
    assert MEANINGS.keys() == set(Kind)


def test_the_test_of_each_separate_row_exists() -> None:
    for row in SEPARATE_ROWS:
        path, _, name = row.test.partition("::")
        tree = ast.parse((TESTS / path).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
