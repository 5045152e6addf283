"""Regular expressions of models: the answers of ``re``, in time that grows with the text alone."""

import re
import time
from random import choice

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.core import pattern as module
from app.core.pattern import Pattern, PatternError

ATOMS = st.sampled_from(["a", "b", "_", ".", r"\w", r"\d", r"\s", "[ab]", "[^a]", "[b-d]", r"\b"])
PATTERNS = st.recursive(
    ATOMS,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map("".join)
        | st.lists(inner, min_size=2, max_size=3).map(lambda each: f"({'|'.join(each)})")
        | st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "*?"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        )
        | inner.map(lambda each: f"^{each}")
        | inner.map(lambda each: f"{each}$")
    ),
    max_leaves=6,
)


@settings(deadline=None, max_examples=300)
@given(pattern=PATTERNS, text=st.text("abcAB_ 1-", max_size=12), ignore=st.booleans())
@example(pattern="get_.*_data", text="get_weather_data", ignore=False)
@example(pattern="(?:)*", text="", ignore=False)
@example(pattern="[^A]b", text="ab", ignore=True)
def test_it_finds_what_re_finds(pattern: str, text: str, ignore: bool) -> None:
    whole = f"(?i){pattern}" if ignore else pattern
    if len(whole) <= 200:
        assert Pattern(whole).found_in(text) == bool(re.search(whole, text)), whole


@pytest.mark.parametrize(
    "pattern", ["(", "[", "*", r"(a)\1", "(?=a)", "(?<!a)b", "a" * 201, "(a{99}){99}", "a{1,9999}"]
)
def test_what_cannot_be_searched_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        Pattern(pattern)


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CACHED", 20)
    pattern = Pattern("(a|b)*a(a|b){8}c")
    text = "".join(choice("ab") for _ in range(300))
    assert not pattern.found_in(text)
    assert pattern.found_in(f"{text}a{'b' * 8}c")
    assert len(pattern._cache) <= 20


@pytest.mark.parametrize(
    "pattern", ["(a+)+b", "(a|aa)+b", "(.*)*b", ".*.*.*.*.*.*b", "(a?){30}a{30}b"]
)
def test_no_pattern_takes_long(pattern: str) -> None:
    start = time.process_time()
    assert not Pattern(pattern).found_in("a" * 4000)
    assert time.process_time() - start < 2
