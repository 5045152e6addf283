"""The estimate of a text, against what reference tokenizers count (docs/counting.md)."""

from itertools import pairwise
from statistics import fmean
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.tokens.text import LONG, MOST, Estimator, estimator
from app.core.tokens.weights import KINDS, WEIGHTS, Family, family_of, kind_of
from benchmarks.counting import samples
from benchmarks.counting.errors import EXTREME, PAGE, error, written
from benchmarks.counting.fit import fit

FAMILIES: tuple[Family, ...] = get_args(Family)
SAMPLES = samples()
each_family = pytest.mark.parametrize("family", FAMILIES)


@each_family
def test_the_error_is_what_the_page_says(family: Family) -> None:
    """Of texts that the weights were not fitted to."""
    errors = [
        error(sample, family) for sample in SAMPLES if not sample.fitted and sample.kind != EXTREME
    ]
    assert fmean(map(abs, errors)) < 0.12
    common = [
        error(sample, family)
        for sample in SAMPLES
        if not sample.fitted and sample.kind in ("agent's prompt", "JSON schema")
    ]
    assert max(map(abs, common)) < 0.15


def test_the_table_of_the_page_is_up_to_date() -> None:
    page = PAGE.read_text()
    assert written(page) == page


def test_the_weights_are_those_that_the_samples_give() -> None:
    fitted = [sample for sample in SAMPLES if sample.fitted]
    assert fit(fitted, "gpt") == WEIGHTS["gpt"]


@each_family
@given(data=st.data(), text=st.text(max_size=40))
def test_a_text_counts_the_same_however_it_is_split(
    family: Family, data: st.DataObject, text: str
) -> None:
    cuts = sorted({0, len(text), *data.draw(st.lists(st.integers(0, len(text)), max_size=6))})
    pieces = [text[start:end] for start, end in pairwise(cuts)]
    whole, counted = estimator(family).text(text), estimator(family)
    assert whole == sum(map(counted.text, pieces)) == counted.texts(pieces)
    assert len(text) * 50 <= whole <= len(text) * counted.most


def test_a_text_counts_by_its_characters() -> None:
    weights = WEIGHTS["claude"]
    text = "Ab1 \n\t.é世🙂ж"
    kinds = [kind_of(character.encode()[0]) for character in text]
    assert None not in kinds
    assert estimator("claude").text(text) == sum(weights[kind or ""] for kind in kinds)


def test_every_kind_has_a_weight() -> None:
    assert set(KINDS) == {kind_of(byte) for byte in range(256) if kind_of(byte)}
    assert all(WEIGHTS[family].keys() == set(KINDS) for family in FAMILIES)


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("claude-3.7-sonnet", "claude"),
        ("claude-sonnet-4", "claude"),
        ("claude-sonnet-4-20250514", "claude"),
        ("claude-sonnet-4.5", "claude"),
        ("claude-opus-4-6", "claude"),
        ("claude-opus-4.7", "claude-4.7"),
        ("claude-haiku-5.5", "claude-4.7"),
        ("claude-opus-5", "claude-4.7"),
        ("claude-fable-5.1", "claude-4.7"),
        ("claude-next", "claude-4.7"),
        ("auto", "claude-4.7"),
        ("gpt-5.6-sol", "gpt"),
        ("qwen3-coder-next", "gpt"),
    ],
)
def test_the_family_of_a_model(model: str, family: Family) -> None:
    assert family_of(model) == family


LONG_TEXTS: list[str | bytes] = [
    "lower case and Capitals, " * 40,
    "Größe, 漢字, emoji 🙂, " * 40,
    b'{"type":"object","description":"' + "é".encode() * 600 + b'"}',
    "half a pair \ud83d " * 60,
    "š\u0141" * 300,
    "a\x01A\x01" * 300,
    b"a\x01A\x01" * 300,
]


@each_family
def test_long_texts_of_a_prompt_count_the_same_again(family: Family) -> None:
    counted = Estimator(family)
    texts = [*LONG_TEXTS, "short", b"bytes", ""]
    expected = sum(
        counted.utf8(text) if isinstance(text, bytes) else counted.text(text) for text in texts
    )
    assert [counted.prompt(texts), counted.prompt(texts)] == [expected, expected]


def test_long_texts_are_counted_once() -> None:
    passes = list[int]()

    class Counting(Estimator):
        def utf8(self, data: bytes) -> int:
            passes.append(len(data))
            return super().utf8(data)

    counted = Counting("claude")
    text = "the same file in each turn " * 100
    first = counted.prompt([text, "hello"])
    again = counted.prompt(["".join([*text]), "hello"])  # another string, as of another request
    assert again == first
    assert passes == [len(text), 5, 5]


def test_counts_are_not_remembered_without_end() -> None:
    counted = Estimator("claude")
    for number in range(MOST + 10):
        counted.prompt([f"{number:>{LONG}}"])
    assert len(counted._known) <= MOST
