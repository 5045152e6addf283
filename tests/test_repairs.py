"""The table of repairs has every name that the code writes into ``x-kiro-repairs``."""

import ast
from collections.abc import Iterator
from pathlib import Path

from app.codewhisperer.request.repair import Limits, rules
from app.core.repairs import REPAIRS, meaning
from app.demands.call import ASKED_AGAIN

APP = Path(__file__).parents[1] / "app"
TABLE = APP / "core" / "repairs.py"
PATTERNS = {name for name in REPAIRS if "*" in name}
NAMED_BY = {"note": 0, "_note": 0, "_repaired": 1}
"""Functions that take the name of a repair, and at which position."""


def nodes() -> Iterator[ast.AST]:
    for path in APP.rglob("*.py"):
        if path != TABLE:
            yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def noted(node: ast.AST) -> str:
    """The name that is written as a literal where something is noted, "" anywhere else."""
    if not isinstance(node, ast.Call):
        return ""
    position = NAMED_BY.get(getattr(node.func, "attr", getattr(node.func, "id", "")))
    name = node.args[position] if position is not None and node.args else None
    value = name.value if isinstance(name, ast.Constant) else None
    return value if isinstance(value, str) else ""


def test_every_name_has_a_meaning() -> None:
    of_rules = {rule.name for rule in rules(Limits(1000))}
    used = {*filter(None, map(noted, nodes())), *of_rules, *ASKED_AGAIN.values()}
    assert len(used) > 30
    assert {name for name in used if not meaning(name)} == set()


def test_every_name_is_one_that_the_code_has() -> None:
    texts = {node.value for node in nodes() if isinstance(node, ast.Constant)}
    assert {*REPAIRS} - PATTERNS - texts == set()


def test_names_with_a_part_of_their_own() -> None:
    assert meaning("model:nobody").startswith("No model")
    assert meaning("refusal_fallback:claude-opus-4.6")
    assert meaning("browser_state_as_text") == REPAIRS["*_as_text"]
    assert meaning("something else") == ""
