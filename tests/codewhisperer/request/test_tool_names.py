"""Names and ids that the service would refuse, made legal and told apart."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.codewhisperer.request.tool_names import new_id, renamed

LEGAL = re.compile(r"[a-zA-Z][a-zA-Z0-9_-]{0,63}")


def test_legal_names_stay() -> None:
    assert renamed(["Read", "mcp__server__tool", "a-b", "x" * 64]) == {}


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("x" * 65, "x" * 55 + "_"),
        ("files.read", "files_read_"),
        ("9lives", "tool_9lives_"),
        ("_private", "tool__private_"),
        ("读取", "tool___"),
        ("", "tool__"),
    ],
)
def test_an_illegal_name_keeps_what_it_can(name: str, start: str) -> None:
    new = renamed([name])[name]
    assert LEGAL.fullmatch(new)
    assert new.startswith(start)


def test_names_that_become_alike_stay_apart() -> None:
    changed = renamed(["a.b", "a/b", "a b"])
    assert len(set(changed.values())) == 3


def test_letter_case_alone_does_not_tell_names_apart() -> None:
    changed = renamed(["Read", "read", "READ"])
    assert "Read" not in changed
    assert len({"read", *(new.lower() for new in changed.values())}) == 3


def test_the_same_name_is_renamed_the_same_beside_other_names() -> None:
    assert renamed(["a.b"])["a.b"] == renamed(["x", "y.z", "a.b"])["a.b"]


def test_a_name_that_looks_like_a_new_one_is_not_taken() -> None:
    occupied = renamed(["a.b"])["a.b"]
    assert renamed(["a.b", occupied])["a.b"].lower() != occupied.lower()


@given(st.lists(st.text(max_size=80)))
def test_any_names_become_legal_and_different(names: list[str]) -> None:
    changed = renamed(names)
    result = [changed.get(name, name) for name in dict.fromkeys(names)]
    assert all(LEGAL.fullmatch(name) for name in result)
    assert len({name.lower() for name in result}) == len(result)


@given(st.text(max_size=100), st.integers(0, 3))
def test_any_id_becomes_legal(call_id: str, occurrence: int) -> None:
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", new_id(call_id, occurrence))


def test_ids_differ_by_occurrence_and_by_what_was_cut() -> None:
    ids = {new_id("a b", 0), new_id("a b", 1), new_id("a_b", 0), new_id("x" * 90, 0)}
    assert len(ids | {new_id("x" * 91, 0)}) == 5
