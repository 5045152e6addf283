"""Which ``traceparent`` is taken over, and what is passed on for it.

The cases are those of the standard: https://www.w3.org/TR/trace-context/#traceparent-header
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.common.trace_context import TraceParent, parse

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("header", "passed_on"),
    [
        (f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-01"),
        (f"00-{TRACE}-{SPAN}-00", f"00-{TRACE}-{SPAN}-00"),
        (f" 00-{TRACE}-{SPAN}-03 ", f"00-{TRACE}-{SPAN}-01"),
        (f"cc-{TRACE}-{SPAN}-01-what-the-future-will-be-like", f"00-{TRACE}-{SPAN}-01"),
    ],
)
def test_a_trace_is_passed_on(header: str, passed_on: str) -> None:
    assert str(parse(header)) == passed_on


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"cc-{TRACE}-{SPAN}-01.more",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-01\n",
    ],
)
def test_any_other_is_ignored(header: str | None) -> None:
    assert parse(header if header is None or not header.endswith("\n") else header + "x") is None


@given(st.text())
def test_no_header_breaks_it(header: str) -> None:
    found = parse(header)
    assert found is None or parse(str(found)) == TraceParent(*found)
