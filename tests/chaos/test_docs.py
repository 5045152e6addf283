"""``docs/faults.md`` says what the tables say, and what it says is held by tests that exist."""

import ast
from pathlib import Path

from app.errors import Kind
from tests.chaos.other_rows import OTHERS
from tests.chaos.render import MEANINGS, document

TESTS = Path(__file__).parents[1]


def test_the_page_is_up_to_date() -> None:
    page = (TESTS.parent / "docs" / "faults.md").read_text(encoding="utf-8")
    assert page == document(), "run `make docs`"


def test_every_kind_is_explained() -> None:
    assert MEANINGS.keys() == set(Kind)


def test_what_a_row_names_exists() -> None:
    for held in OTHERS:
        path, _, name = held.test.partition("::")
        tree = ast.parse((TESTS / path).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
