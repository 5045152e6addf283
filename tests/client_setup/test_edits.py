"""Changes of configuration files: what is set is set, everything else stays."""

import json
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.client_setup.edits import CannotEdit, json_members, merged, toml_members, whole
from app.client_setup.edits import yaml_scalars as scalars

PROVIDER = {"name": "kiro2api", "wire_api": "responses"}
MINE = """\
# my settings
model = "gpt-4" # the old one
[tui]
theme = "dark" # stays
[model_providers.kiro2api]
name = "old"
left = "over"

[[rules]]
a = 1
[model_providers.other]
name = "other"
"""


def test_toml_keeps_comments_tables_and_order() -> None:
    text = toml_members(MINE, {"model": "m", "window": 7}, "model_providers.kiro2api", PROVIDER)
    found = tomllib.loads(text)
    assert found == {
        "model": "m",
        "window": 7,
        "tui": {"theme": "dark"},
        "rules": [{"a": 1}],
        "model_providers": {"other": {"name": "other"}, "kiro2api": PROVIDER},
    }
    for kept in ("# my settings", 'theme = "dark" # stays'):
        assert kept in text
    again = toml_members(text, {"model": "m", "window": 7}, "model_providers.kiro2api", PROVIDER)
    assert tomllib.loads(again) == found


@pytest.mark.parametrize(
    "text",
    [
        "a = ",
        'model = """\nlines\n"""',
        'model_providers.kiro2api = { name = "inline" }',
        'model_providers = { kiro2api = { name = "inline" } }',
        'text = """\nmodel = 3\n"""',
    ],
)
def test_toml_in_another_form_is_left_alone(text: str) -> None:
    with pytest.raises(CannotEdit):
        toml_members(text, {"model": "m"}, "model_providers.kiro2api", PROVIDER)


NAMES = st.sampled_from(["model", "a", "b"])
SCALARS = st.one_of(st.integers(), st.booleans(), st.text("ab\"'\\é #=[]\n", max_size=5))


@given(st.dictionaries(NAMES, SCALARS), st.dictionaries(NAMES, st.integers() | st.text("xy#")))
def test_toml_means_the_same_as_setting_the_members(
    before: dict[str, Any], members: dict[str, Any]
) -> None:
    text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in before.items())
    new = tomllib.loads(toml_members(text, members, "p.kiro2api", PROVIDER))
    assert new == {**before, **members, "p": {"kiro2api": PROVIDER}}


def test_json_is_merged() -> None:
    text = json_members('{"a": 1, "env": {"X": "1", "Y": "2"}, "é": "ü"}', {"env": {"X": "3"}})
    assert json.loads(text) == {"a": 1, "env": {"X": "3", "Y": "2"}, "é": "ü"}
    assert '"é": "ü"' in text
    assert json.loads(json_members("", {"a": {"b": 1}})) == {"a": {"b": 1}}


@pytest.mark.parametrize("text", ['{"a": 1, // mine\n}', "[1]", "{"])
def test_json_that_would_be_lost_is_left_alone(text: str) -> None:
    with pytest.raises(CannotEdit):
        json_members(text, {"a": 1})


def test_yaml_scalars_are_set_on_their_lines() -> None:
    text = scalars("# mine\nmodel: gpt-4\nread:\n  - a.md\n", {"model": "m", "key": "a: #b"})
    assert text == '# mine\nmodel: "m"\nread:\n  - a.md\nkey: "a: #b"\n'
    assert scalars(text, {"model": "m", "key": "a: #b"}) == text


@pytest.mark.parametrize("text", ["model:\n  - a\n", "model: a\nmodel: b\n", "model: |\n  text\n"])
def test_yaml_over_several_lines_is_left_alone(text: str) -> None:
    with pytest.raises(CannotEdit, match="model is set there"):
        scalars(text, {"model": "m"})


def test_a_file_of_the_user_is_not_replaced_as_a_whole() -> None:
    new = whole("", "new")
    assert new.endswith("\nnew")
    assert whole(new, "newer").endswith("\nnewer")
    with pytest.raises(CannotEdit):
        whole("models: []", "new")


def test_merging_changes_neither() -> None:
    before: dict[str, Any] = {"a": {"b": 1}}
    assert merged(before, {"a": {"c": 2}}) == {"a": {"b": 1, "c": 2}}
    assert before == {"a": {"b": 1}}
