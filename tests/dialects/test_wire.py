"""JSON and server-sent events as all dialects write them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dialects import wire

LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"


@given(st.lists(st.text() | st.text(LINE_ENDS + "“é—\u2027\u202a字\\u"), min_size=1))
def test_a_value_is_one_line_for_every_reader(value: list[str]) -> None:
    written = wire.encode(value)
    assert json.loads(written) == value
    assert len(written.decode().splitlines()) == 1


@pytest.mark.parametrize("text", ["“quoted” — é 漢字 😀", "a/b<c>&'"])
def test_nothing_else_is_escaped(text: str) -> None:
    assert wire.encode(text).decode() == f'"{text}"'
