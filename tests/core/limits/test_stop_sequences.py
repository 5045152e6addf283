"""Stop sequences, compared with a search in the whole text, however it is cut."""

from collections.abc import Sequence
from itertools import pairwise
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.events import (
    Event,
    Finish,
    TextDelta,
    ThinkingDelta,
    ThinkingSignature,
    ToolEnd,
    ToolInput,
    ToolStart,
    Usage,
)
from app.core.limits.automaton import ROOT, Automaton
from app.core.limits.stop_sequences import StopSequences

END = Finish("end_turn")


def passed(sequences: Sequence[str], *events: Event) -> list[Event]:
    """What a client gets, up to a Finish of the limit's own; one event in each batch."""
    machine, out = StopSequences(Automaton(sequences)), list[Event]()
    for event in events:
        out += machine.feed([event])
        if out and type(out[-1]) is Finish:
            break
    return out


def text_of(events: Sequence[Event]) -> str:
    return "".join(event.text for event in events if type(event) is TextDelta)


def expected(text: str, sequences: Sequence[str]) -> tuple[str, str | None]:
    """The rule, as a search: the sequence that ends first; of those the longest."""
    for end in range(1, len(text) + 1):
        ending = [one for one in sequences if text[:end].endswith(one)]
        if ending:
            longest = max(ending, key=len)
            return text[: end - len(longest)], longest
    return text, None


alphabet = st.text("ab世🙂]", max_size=14)
strings = st.lists(st.text("ab世🙂]", min_size=1, max_size=5), min_size=1, max_size=6)


@given(st.data(), alphabet, strings)
def test_any_split_of_the_text_gives_the_same(
    data: st.DataObject, text: str, sequences: list[str]
) -> None:
    cuts = sorted({0, len(text), *data.draw(st.lists(st.integers(0, len(text)), max_size=6))})
    pieces = [TextDelta(text[start:end]) for start, end in pairwise(cuts)]
    machine, out, at = StopSequences(Automaton(sequences)), list[Event](), 0
    events: list[Event] = [*pieces, END]
    while at < len(events) and not (out and type(out[-1]) is Finish):
        size = data.draw(st.integers(1, 3))
        out += machine.feed(events[at : at + size])
        at += size
    before, found = expected(text, sequences)
    assert text_of(out) == before
    assert out[-1] == (Finish("stop_sequence", stop_sequence=found) if found else END)
    assert all(event.text for event in out if type(event) is TextDelta)


@given(st.lists(alphabet.filter(bool), max_size=6), strings)
def test_only_what_may_be_a_sequence_is_held_back(pieces: list[str], sequences: list[str]) -> None:
    machine, said = StopSequences(Automaton(sequences)), ""
    for piece in pieces:
        out = machine.feed([TextDelta(piece)])
        said += text_of(out)
        if out and type(out[-1]) is Finish:
            return
        read = "".join(pieces)[: len(said) + 5]  # no sequence is longer
        assert read.startswith(said)
    held = "".join(pieces)[len(said) :]
    assert held == "" or any(sequence.startswith(held) for sequence in sequences)
    assert text_of(machine.flush()) == held


def test_a_delta_without_any_sequence_passes_unchanged() -> None:
    assert passed(["stop"], TextDelta("Hello"), END) == [TextDelta("Hello"), END]


def test_only_text_is_read() -> None:
    """Not reasoning and not the input of tools."""
    others: list[Event] = [
        ThinkingDelta("stop"), ThinkingSignature("stop"), ToolStart("stop", "stop"),
        ToolInput('{"stop": 1}'), ToolEnd(), END,
    ]  # fmt: skip
    assert passed(["stop"], *others) == others


def test_other_content_keeps_texts_apart_and_the_order_is_kept() -> None:
    events: list[Event] = [
        TextDelta("st"), Usage(credits=1.0), ThinkingDelta("hm"), TextDelta("op"), END,
    ]  # fmt: skip
    assert passed(["stop"], *events) == [
        Usage(credits=1.0), TextDelta("st"), ThinkingDelta("hm"), TextDelta("op"), END,
    ]  # fmt: skip


def test_a_call_that_was_cut_off_is_not_made_complete_by_a_sequence() -> None:
    cut: list[Event] = [ToolStart("t", "f"), ToolInput("{"), ToolEnd(complete=False)]
    assert passed(["stop"], *cut, TextDelta("stop")) == [*cut, Finish("max_tokens")]


def test_figures_between_two_texts_do_not_keep_them_apart() -> None:
    out = passed(["stop"], TextDelta("a st"), Usage(credits=1.0), TextDelta("op b"))
    assert out == [TextDelta("a "), Usage(credits=1.0), Finish("stop_sequence", None, "stop")]


def test_every_sequence_of_a_long_list_is_found() -> None:
    sequences = [f"<{number}>" for number in range(8191)]
    automaton = Automaton(sequences)
    for sequence in sequences[::97]:
        text = f"a < 5 <x{sequence} b"
        state, end, length = automaton.read(ROOT, text)
        assert (text[end - length : end], automaton.suffix(state)) == (sequence, sequence)


def seconds(automaton: Automaton, text: str) -> float:
    best = float("inf")
    for _ in range(3):
        start, state = process_time(), ROOT
        for at in range(0, len(text), 7):
            state, _, length = automaton.read(state, text[at : at + 7])
            assert not length
        best = min(best, process_time() - start)
    return best


@pytest.mark.parametrize(
    "sequences",
    [
        [("a" * 14) + f"b{number:05}" for number in range(6000)],
        ["a" * size + "b" for size in range(1, 500)],
        ["a" * 60_000 + "b", "a" * 59_999 + "c"],
    ],
    ids=["many", "nested", "long"],
)
def test_the_time_grows_with_the_text_and_not_with_the_sequences(sequences: list[str]) -> None:
    """Texts and sequences that overlap as much as they can."""
    automaton = Automaton(sequences)
    short, long = ("a" * 40_000, "a" * 160_000)
    assert seconds(automaton, long) < 10 * seconds(automaton, short)
    assert seconds(automaton, long) < 10 * seconds(Automaton(["ab"]), long)


def test_the_time_to_build_grows_with_the_length_of_the_sequences() -> None:
    def build(count: int) -> float:
        sequences = [("a" * 10) + f"{number:05}" for number in range(count)]
        start = process_time()
        Automaton(sequences)
        return process_time() - start

    build(100)
    assert min(build(8000) for _ in range(3)) < 12 * min(build(2000) for _ in range(3))
