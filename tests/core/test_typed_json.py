"""Bodies read into types: what is wrong is named, and what is not known too."""

from typing import Annotated, Any

import pytest
from msgspec import Meta, Struct

from app.core.typed_json import FieldError, Path, Record, convert, decode, ignore_unknown


class Leaf(Struct, tag_field="type", tag="leaf"):
    size: Annotated[int, Meta(ge=0, le=9)] = 0
    free: dict[str, Any] | None = None


class Twig(Struct, tag_field="type", tag="twig"):
    leaves: list[Leaf]


LEAF_OR_TWIG: Any = Leaf | Twig  # a union has no type that mypy could check


class Tree(Struct):
    name: Annotated[str, Meta(min_length=1, max_length=9)]
    first: Leaf | None = None
    grown: str | list[Leaf | Twig] = ""
    notes: dict[Annotated[str, Meta(max_length=9)], str] | None = None


@pytest.mark.parametrize(
    ("value", "path", "problem"),
    [
        ({}, ("name",), "Field required"),
        ([], (), "Input should be a valid object"),
        ({"name": ""}, ("name",), "Input should have a length of at least 1"),
        ({"name": "a" * 10}, ("name",), "Input should have a length of at most 9"),
        (
            {"name": "a", "notes": {"b" * 10: ""}},
            ("notes",),
            "Input should have a length of at most 9",
        ),
        ({"name": None}, ("name",), "Input should be a valid string"),
        ({"name": "a", "grown": 5}, ("grown",), "Input should be a valid string or list"),
        ({"name": "a", "grown": [{}]}, ("grown", 0, "type"), "Field required"),
        (
            {"name": "a", "grown": [{"type": "o'ak"}]},
            ("grown", 0, "type"),
            '"o\'ak" is not supported here',
        ),
        (
            {"name": "a", "grown": [{"type": "x - at `$.y`"}]},
            ("grown", 0, "type"),
            "'x - at `$.y`' is not supported here",
        ),
        (
            {"name": "a", "grown": [{"type": "x" * 1000}]},
            ("grown", 0, "type"),
            "'" + "x" * 79 + "... is not supported here",
        ),
        (
            {"name": "a", "grown": [{"type": "leaf"}, {"type": "twig"}]},
            ("grown", 1, "leaves"),
            "Field required",
        ),
        (
            {"name": "a", "grown": [{"type": "twig", "leaves": [{"type": "leaf", "size": -1}]}]},
            ("grown", 0, "leaves", 0, "size"),
            "Input should be greater than or equal to 0",
        ),
        (
            {"name": "a", "first": {"type": "leaf", "size": 10}},
            ("first", "size"),
            "Input should be less than or equal to 9",
        ),
        ({"name": "a", "notes": {"b": 1}}, ("notes",), "Input should be a valid string"),
    ],
)
def test_what_does_not_fit_is_named(value: Any, path: Path, problem: str) -> None:
    with pytest.raises(FieldError) as failure:
        convert(value, Tree)
    assert (failure.value.path, failure.value.problem) == (path, problem)


@pytest.mark.parametrize(
    ("value", "path", "problem"),
    [
        (5, (), "Input should be a valid object"),
        ({}, ("type",), "Field required"),
        ({"type": "leaf", "size": 10}, ("size",), "Input should be less than or equal to 9"),
    ],
)
def test_what_fits_no_form_of_a_union_is_named_from_its_root(
    value: Any, path: Path, problem: str
) -> None:
    with pytest.raises(FieldError) as failure:
        convert(value, LEAF_OR_TWIG)
    assert (failure.value.path, failure.value.problem) == (path, problem)
    assert convert({"type": "leaf"}, LEAF_OR_TWIG) == Leaf()


def test_an_integer_may_be_written_with_a_point() -> None:
    leaf = {"type": "leaf", "size": 9.0, "free": {"size": 9.0}}
    body = {"name": "a", "first": leaf, "grown": [{"type": "twig", "leaves": [leaf.copy(), leaf]}]}
    tree = convert(body, Tree)
    assert isinstance(tree.first, Leaf)
    assert tree.first.free is not None
    assert isinstance(tree.grown, list)
    [twig] = tree.grown
    assert isinstance(twig, Twig)
    sizes = [tree.first.size, *(each.size for each in twig.leaves)]
    assert sizes == [9, 9, 9]
    assert {type(size) for size in sizes} == {int}
    assert type(tree.first.free["size"]) is float
    assert convert({"type": "leaf", "size": 9.0}, LEAF_OR_TWIG).size == 9


@pytest.mark.parametrize(
    ("size", "problem"),
    [
        (8.5, "Input should be a valid integer"),
        (1e300, "Input should be a valid integer"),
        (10.0, "Input should be less than or equal to 9"),
        (-1.0, "Input should be greater than or equal to 0"),
        ("9.0", "Input should be a valid integer"),
    ],
)
def test_no_other_number_is_an_integer(size: object, problem: str) -> None:
    with pytest.raises(FieldError) as refused:
        convert({"name": "a", "first": {"type": "leaf", "size": size}}, Tree)
    assert (refused.value.path, refused.value.problem) == (("first", "size"), problem)


def test_a_path_is_built_from_the_inside_out() -> None:
    error = FieldError(("size",), "Too big").under("leaves", 0).under("first")
    assert error.path == ("first", "leaves", 0, "size")
    assert error.problem == "Too big"


def test_unknown_members_are_named_once_and_free_ones_left_alone() -> None:
    value = {
        "colour": "green",
        "shape": None,
        "parts": [],
        "sizes": {},
        "name": "a",
        "first": {"type": "leaf", "vein": 1, "free": {"vein2": {}}},
        "grown": [
            {"type": "leaf", "vein": 1},
            {"type": "twig", "bark": 1, "leaves": [{"type": "leaf", "vein": 2, "hair": 1}]},
        ],
    }
    record = Record()
    ignore_unknown(convert(value, Tree), value, record)
    assert list(record.ignored) == ["colour", "vein", "bark", "hair"]
    assert not record.notes


@pytest.mark.parametrize("raw", [b"", b"{", b"{} x", b'"\xff"'])
def test_what_is_no_json_is_an_error_of_the_whole_body(raw: bytes) -> None:
    with pytest.raises(FieldError, match="not valid JSON") as failure:
        decode(raw, Record())
    assert failure.value.path == ()


def test_a_body_too_deep_to_read() -> None:
    with pytest.raises(FieldError, match="nested too deeply"):
        decode(b"[" * 100_000, Record())


@pytest.mark.parametrize("raw", [b"[]", b"null", b"5", b'"a"'])
def test_a_body_is_an_object(raw: bytes) -> None:
    with pytest.raises(FieldError, match="must be a JSON object"):
        decode(raw, Record())


def test_half_a_surrogate_pair_is_replaced_and_noted() -> None:
    """Clients cut their texts by UTF-16 units."""
    record = Record()
    assert decode(rb'{"a": "cut: \ud83d"}', record) == {"a": "cut: \ufffd"}
    assert list(record.notes) == ["half_surrogates_replaced"]
    with pytest.raises(FieldError, match="not valid JSON"):
        decode(rb'{"a": "cut: \ud83d', record)
