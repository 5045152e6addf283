"""Parts of bodies that come again with each request."""

from typing import Any

import pytest
from msgspec import Struct

from app.core import known_parts
from app.core.known_parts import KnownParts
from app.core.typed_json import FieldError, Record, convert, ignore_unknown


class Tool(Struct, frozen=True):
    name: str


class Reader:
    """Counts how often it reads."""

    def __init__(self) -> None:
        self.reads = 0

    def __call__(self, part: dict[str, Any], record: Record) -> Tool:
        self.reads += 1
        tool = convert(part, Tool)
        ignore_unknown(tool, part, record)
        record.note("tool_read")
        return tool


@pytest.fixture
def reader() -> Reader:
    return Reader()


def test_a_part_that_comes_again_is_what_it_was_read_as(reader: Reader) -> None:
    known = KnownParts(reader)
    first = known({"name": "Read", "title": "Reads"}, Record())
    again = Record()
    assert known({"name": "Read", "title": "Reads"}, again) is first
    assert reader.reads == 1
    assert (list(again.ignored), list(again.notes)) == (["title"], ["tool_read"])


@pytest.mark.parametrize(
    "other", [{"name": "Read"}, {"name": "read", "n": 1}, {"name": "Read", "n": 1.0}]
)
def test_another_part_is_read(reader: Reader, other: dict[str, Any]) -> None:
    known = KnownParts(reader)
    known({"name": "Read", "n": 1}, Record())
    assert known(other, Record()) == Tool(other["name"])
    assert reader.reads == 2


def test_what_is_told_of_one_part_is_added_to_what_the_record_has(reader: Reader) -> None:
    known, record = KnownParts(reader), Record()
    record.ignore("temperature")
    for title in ("title", "icon", "title"):
        known({"name": "Read", title: 1}, record)
    assert list(record.ignored) == ["temperature", "title", "icon"]


def test_a_refusal_is_made_each_time(reader: Reader) -> None:
    known = KnownParts(reader)
    for _ in range(2):
        with pytest.raises(FieldError):
            known({"name": 1}, Record())
    assert reader.reads == 2


def test_an_integer_of_any_size_is_read(reader: Reader) -> None:
    known, part = KnownParts(reader), {"name": "Count", "most": 10**30}
    assert [known(part, Record()) for _ in range(2)] == [Tool("Count")] * 2


def test_what_is_kept_is_bounded(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_parts, "MOST", 10 * known_parts.EACH)
    known = KnownParts(reader)
    for number in range(50):
        known({"name": f"tool_{number}", "title": "x" * number}, Record())
        assert 1 <= len(known._known) < 10
    kept = len(known._known)
    known({"name": "x", "title": "x" * 10 * known_parts.EACH}, Record())
    assert len(known._known) == kept
