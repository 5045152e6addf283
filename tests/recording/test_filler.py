"""Filler has the length and the script of a text, and nothing of its meaning."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.recording.filler import Filler

TEXT = "Deploy 12 servers on 2026-11-27, then call Ärztin 山田太郎 (Иван) 😀"


def test_a_text_becomes_another_one():
    filled = Filler().text(TEXT)
    assert filled != TEXT
    for word in ("Deploy", "servers", "call", "rztin", "山田太郎", "Иван"):
        assert word not in filled


@given(st.text())
def test_the_length_stays(text: str):
    filled = Filler().text(text)
    assert len(filled) == len(text)
    encoded = filled.encode("utf-8", "surrogatepass")
    assert len(encoded) == len(text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize(
    ("text", "belongs"),
    [
        ("hello", str.islower),
        ("HELLO", str.isupper),
        ("12345", str.isdigit),
        ("山田太郎", lambda filled: all("\u4e00" <= c <= "\u9fff" for c in filled)),
        ("Иван", lambda filled: all("\u0400" <= c <= "\u04ff" for c in filled)),
        ("😀, ...\n\t{}", lambda filled: filled == "😀, ...\n\t{}"),
    ],
)
def test_the_script_stays(text: str, belongs):
    assert belongs(Filler().text(text))


numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
)


@given(json_values, st.booleans())
def test_json_stays_json(value: object, ascii_only: bool):
    json.loads(Filler().text(json.dumps(value, ensure_ascii=ascii_only)))


def test_equal_texts_get_equal_filler_in_one_recording_only():
    one, other = Filler(), Filler()
    assert one.text("get_weather") == one.text("get_weather")
    assert one.text("get_weather") != other.text("get_weather")


def test_base64_keeps_what_tells_its_format():
    png = "iVBORw0KGgoAAAANSUhEUgAA" + "x" * 10_000 + "=="
    filled = Filler().data(png, 24)
    assert filled.startswith(png[:24])
    assert "xxx" not in filled
    assert filled.endswith("==")
    assert len(filled) == len(png)


@given(numbers)
def test_a_number_stays_one(value: float):
    filled = Filler().number(value)
    assert type(filled) is type(value)
    assert Filler().number(True) is True
