"""JSON in the texts of models."""

from typing import Any

import pytest

from app.core.demands.found_json import documents


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (' {"a": 1}\n', [{"a": 1}, {"a": 1}]),
        ('```json\n{"a": 1}\n```', [{"a": 1}, {"a": 1}]),
        ('Here:\n```\n[1]\n```\nand {"b": 2}', [[1], [1]]),
        ('{"a": 1} and more', [{"a": 1}]),
        ('The answer is {"a": 1}.', [{"a": 1}]),
        ("42", [42]),
        ("prose", []),
        ("", []),
        ('{"a": NaN}', []),
        ('{"a": ', []),
        ("{" * 100_000, []),
        ("[" * 100_000, []),
    ],
)
def test_documents(text: str, found: list[Any]) -> None:
    assert [document.value for document in documents(text)] == found


def test_the_text_is_the_models_own() -> None:
    first, *_ = documents('Sure:\n```json\n{"a":  1.0}\n```')
    assert first.text == '{"a":  1.0}'
