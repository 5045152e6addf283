"""The table of repairs has every name that the code writes into ``x-kiro-repairs``."""

import ast
from collections.abc import Iterator
from pathlib import Path

from app.codewhisperer.request.repair import Limits, rules
from app.codewhisperer.upstream import FOREIGN_THINKING
from app.core.repairs import REPAIRS, meaning
from app.demands.call import ASKED_AGAIN

APP = Path(__file__).parents[1] / "app"
PATTERNS = {name for name in REPAIRS if "*" in name}
ELSEWHERE = {FOREIGN_THINKING, "closest-thinking", "closest-effort", "json_by_tool"}


def names() -> Iterator[str]:
    """The names that are written as literals where something is noted."""
    for path in APP.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            position = {"note": 0, "_note": 0, "_repaired": 1}.get(called)
            name = node.args[position] if position is not None else None
            if isinstance(name, ast.Constant):
                yield str(name.value)


def test_every_name_has_a_meaning() -> None:
    from app.dialects.openai_chat.messages_blocks import NOTE

    of_rules = {rule.name for rule in rules(Limits(1000))}
    used = {*names(), *of_rules, NOTE, *ASKED_AGAIN.values(), *ELSEWHERE}
    assert len(used) > 30
    assert {name for name in used if not meaning(name)} == set()
    assert {*REPAIRS} - PATTERNS - used == set()


def test_names_with_a_part_of_their_own() -> None:
    assert meaning("model:nobody").startswith("No model")
    assert meaning("refusal_fallback:claude-opus-4.6")
    assert meaning("browser_state_as_text") == REPAIRS["*_as_text"]
    assert meaning("something else") == ""
