import json
import time
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import json_limits
from app.core.json_limits import (
    MAX_DIGITS,
    MAX_ESCAPES,
    MAX_VALUES,
    Allowance,
    TooMuch,
    check,
    read_float,
)
from app.core.typed_json import FieldError, Record, decode

MANY = MAX_VALUES + 1
FILL = "x" * json_limits.UNCHECKED
LARGE = "x" * (5 * 1024 * 1024)


def document(value: Any, fill: str = FILL) -> bytes:
    return json.dumps([fill, value]).encode()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.sampled_from('a\\",[{}]:\n é')),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
)


def count(value: Any) -> int:
    """Values but the first of each list and object, which its bracket begins, and the root."""
    if not isinstance(value, dict | list):
        return 0
    inner = list(value.values() if isinstance(value, dict) else value)
    return 1 + max(len(inner) - 1, 0) + sum(map(count, inner))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@given(value=JSON, spaced=st.booleans(), ascii_only=st.booleans())
def test_what_is_counted_is_outside_of_strings(
    size: int, value: Any, spaced: bool, ascii_only: bool
) -> None:
    separators = None if spaced else (",", ":")
    raw = json.dumps(value, separators=separators, ensure_ascii=ascii_only).encode()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(json_limits, "_SLICE", size)
        outside = b"".join(json_limits.outside_strings(raw))
        assert b"".join(json_limits.pieces(raw)) == raw
        outside_text = b"".join(json_limits.outside_strings(raw.decode()))
    assert json_limits._values(outside) == json_limits._values(outside_text) == count(value)


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (document([0] * MANY), "values"),
        (document([[]] * MANY), "values"),
        (document({str(n): 0 for n in range(MANY)}), "values"),
        (document([[[[[0]]]]] * (MANY // 5)), "values"),
        (document([0] * MANY, LARGE), "values"),
        (document("\n" * (MAX_ESCAPES + 1)), "backslashes"),
        (document(0, LARGE)[:-2] + b"1" * (MAX_DIGITS + 1) + b"]", "digits"),
        (b"[" * (len(FILL) + 1), "values"),
        (b"," * (len(FILL) + 1), "values"),
    ],
)
def test_too_much(raw: bytes, problem: str) -> None:
    with pytest.raises(TooMuch, match=problem):
        check(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 1000,
        document("[{," * MANY),
        document("[{," * MANY, LARGE),
        document([0] * (MAX_VALUES - 9)),
        document('\\",[{' * 100_000),
        document("\n" * (MAX_ESCAPES - 9)),
        document(0, LARGE)[:-2] + b"1" * MAX_DIGITS + b"]",
        document("1" * (MAX_DIGITS + 1), LARGE),
        b"",
    ],
)
def test_enough(raw: bytes) -> None:
    check(raw)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_read_exactly(number: float) -> None:
    assert read_float(repr(number)) == number == msgspec.json.decode(repr(number))


@pytest.mark.parametrize("text", ["1e999", "-1e309", "9" * 400 + ".0"])
def test_a_number_that_no_float_can_hold_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="out of range"):
        read_float(text)
    with pytest.raises(FieldError, match="not valid JSON: Number out of range"):
        decode(b'{"a": %s}' % text.encode(), Record())


def test_large_exponents_cost_no_more() -> None:
    raw = document([1.5e300] * 20_000)
    started = time.process_time()
    decode(b'{"a": %s}' % raw, Record())
    assert time.process_time() - started < 0.1  # 0.17 s with the decoder's own reading


def test_strings_with_json_in_them_share_an_allowance() -> None:
    allowance = Allowance()
    half = json.dumps([0] * (MAX_VALUES // 2 + 1))
    allowance.check(half)
    allowance.check(json.dumps("[{," * MANY))
    allowance.check("\ud83d")
    with pytest.raises(TooMuch, match="inside of strings"):
        allowance.check(half)
