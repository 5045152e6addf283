"""Lists of tools that come again with each request."""

import json
from typing import Any

import pytest
from msgspec import Raw, Struct

from app.core import known_parts
from app.core.known_parts import KnownPart, ReadOnce, convert_body, decoder
from app.core.typed_json import Decode, FieldError, Record, convert, decode, ignore_unknown


class Request(Struct, frozen=True):
    model: str
    tools: list[dict[str, Any]] | None = None


class Tool(Struct, frozen=True):
    name: str


@pytest.fixture
def decoded() -> Decode:
    return decoder(Request, "tools", also=("metadata",))


def body(**members: Any) -> bytes:
    return json.dumps({"model": "m"} | members).encode()


# What a body is


@pytest.mark.parametrize(
    "raw",
    [
        body(),
        body(tools=None),
        body(tools=[]),
        body(tools=[{"name": "Read", "n": 1.0, "m": 2**70}]),
        body(tools=[{"name": "Read"}], metadata={"tools": [1]}),
        body(tools=[{"name": "Read"}], unknown={"tools": [1]}),
        body(tools="Read"),
        body(tools=["Read", 1, None, {"name": "é \U0001f600 \n"}]),
        b'{"tools": [{"name": "one"}], "tools": [{"name": "two"}], "model": "m"}',
        b'{"tools": [{"name": "one"}], "t\\u006fols": [{"name": "two"}], "model": "m"}',
        b' {\n"model" : "m" , "tools" : [ { "name" : "Read" } ] } \n',
    ],
)
def test_a_body_is_what_it_is_without_what_is_known(decoded: Decode, raw: bytes) -> None:
    for _ in range(2):
        assert decode(raw, Record(), decoded) == decode(raw, Record())


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b'"tools"',
        b'{"tools": [{]}',
        b'{"tools": [{"name": "\xff"}]}',
        b'{"tools": [{"name": "\n"}]}',
        b'{"tools": [1e999]}',
        b'{"tools": [{"name": "Read"}], "model": }',
        b'{"tools": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    ],
)
def test_a_body_is_refused_as_without_what_is_known(decoded: Decode, raw: bytes) -> None:
    with pytest.raises(FieldError) as plain:
        decode(raw, Record())
    with pytest.raises(FieldError) as known:
        decode(raw, Record(), decoded)
    assert known.value.args == plain.value.args


def test_half_a_surrogate_pair_is_replaced(decoded: Decode) -> None:
    raw, record = b'{"tools": [{"name": "\\ud800"}]}', Record()
    assert decode(raw, record, decoded) == decode(raw, Record())
    assert list(record.notes) == ["half_surrogates_replaced"]


@pytest.mark.parametrize(
    "raw",
    [
        b'{"model": 1, "tools": 1}',
        b'{"tools": 1, "model": 1}',
        b'{"tools": 1, "model": 1, "x": "\\ud800"}',
        b'{"tools": [1], "model": 1}',
        b'{"model": 1, "tools": [1], "metadata": {}}',
        b'{"tools": [], "metadata": {}}',
    ],
)
def test_the_first_wrong_member_is_the_clients_first(decoded: Decode, raw: bytes) -> None:
    with pytest.raises(FieldError) as plain:
        convert(decode(raw, Record()), Request)
    with pytest.raises(FieldError) as known:
        convert_body(decode(raw, Record(), decoded), Request, raw)
    assert known.value.args == plain.value.args


# What is known


def test_a_list_that_comes_again_is_the_same(decoded: Decode) -> None:
    tools = [{"name": "Read"}, {"name": "Write"}]
    first = decoded(body(tools=tools))["tools"]
    assert decoded(body(tools=tools, metadata={}))["tools"] is first
    assert decoded(body(tools=tools[:1]))["tools"] is not first
    assert {type(part) for part in first} == {KnownPart}


def test_what_is_known_is_bounded(decoded: Decode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_parts, "MOST", 1000)
    lists = known_parts._KnownLists()
    for number in range(50):
        lists.get(Raw(json.dumps([{"name": "x" * number * 4}]).encode()))
        assert len(lists._known) >= 1
        assert sum(map(len, lists._known)) <= 1000
    before = dict(lists._known)
    assert lists.get(Raw(b"[%s]" % b",".join([b"{}"] * 500))) == [{}] * 500
    assert lists._known == before


# What is made of it


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


def test_a_known_part_is_read_once(reader: Reader) -> None:
    read, part = ReadOnce(reader), KnownPart({"name": "Read", "title": "Reads"})
    first, record = read(part, Record()), Record()
    record.ignore("temperature")
    assert read(part, record) is first
    assert reader.reads == 1
    assert list(record.ignored) == ["temperature", "title"]
    assert list(record.notes) == ["tool_read"]


def test_another_part_is_read_each_time(reader: Reader) -> None:
    read, record = ReadOnce(reader), Record()
    for _ in range(2):
        assert read({"name": "Read", "title": "Reads"}, record) == Tool("Read")
    assert reader.reads == 2
    assert list(record.ignored) == ["title"]


def test_a_refusal_is_made_each_time(reader: Reader) -> None:
    read, part = ReadOnce(reader), KnownPart({"name": 1})
    for _ in range(2):
        with pytest.raises(FieldError):
            read(part, Record())
    assert reader.reads == 2
