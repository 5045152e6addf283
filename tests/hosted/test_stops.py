"""Stop sequences of answers with citations: the client gets neither the sequence nor the marks."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.conversation import CitedText, Conversation, HostedToolUse, WebPage, WebSearchResult
from app.core.events import Event, Finish, TextDelta
from app.core.usage import Meter
from app.hosted.stops import Stops

ONE, OTHER = (WebPage("https://a.example", "A"),), (WebPage("https://b.example", "B"),)
END = Finish("end_turn")
SEARCHED = HostedToolUse("1", "web_search", {}, WebSearchResult())


def kept(stops: Sequence[str], *events: Event) -> list[Event]:
    asked = Conversation("m", (), stop_sequences=tuple(stops))
    cut = list[str]()
    batches = Stops(asked).kept([[event] for event in events], cut.append, Meter(1, None, id))
    passed = [event for batch in batches for event in batch]
    assert cut == (["stop_sequence"] if passed[-1] != END else [])
    return passed


def said(text: str, stop: str) -> list[Event]:
    return [TextDelta(text), Finish("stop_sequence", stop_sequence=stop)]


@pytest.mark.parametrize(
    ("stop", "expected"),
    [
        ("is an", said("It ", "is an")),
        ("<cite", [TextDelta("It is "), CitedText("an IDE", ONE), TextDelta("."), END]),
        ("n I", [TextDelta("It is "), CitedText("a", ONE), *said("", "n I")[1:]]),
        ("DE.", [TextDelta("It is "), CitedText("an I", ONE), *said("", "DE.")[1:]]),
        ("DE!", [TextDelta("It is "), CitedText("an IDE", ONE), TextDelta("."), END]),
    ],
)
def test_sequences_are_of_the_text_that_the_client_gets(stop: str, expected: list[Event]) -> None:
    events = (TextDelta("It is "), CitedText("an IDE", ONE), TextDelta("."), END)
    assert kept([stop], *events) == expected


def test_a_search_keeps_text_apart() -> None:
    events = (TextDelta("a"), SEARCHED, CitedText("b", ONE), END)
    assert kept(["ab"], *events) == list(events)


def test_the_model_is_asked_without_them() -> None:
    assert Stops(Conversation("m", (), stop_sequences=("a",))).asked.stop_sequences == ()


def characters(events: Sequence[Event]) -> list[tuple[str, tuple[WebPage, ...]]]:
    """Each with what it cites."""
    found = list[tuple[str, tuple[WebPage, ...]]]()
    for event in events:
        if isinstance(event, TextDelta | CitedText):
            pages = event.pages if isinstance(event, CitedText) else ()
            found += [(char, pages) for char in event.text]
    return found


PIECES = st.tuples(st.text("ab", max_size=4), st.sampled_from([(), ONE, OTHER]))


@given(st.lists(PIECES), st.lists(st.text("ab", min_size=1, max_size=3), min_size=1))
def test_what_is_kept_is_the_text_up_to_the_first_sequence(
    pieces: list[tuple[str, tuple[WebPage, ...]]], stops: list[str]
) -> None:
    events = [
        CitedText(text, pages) if pages and text else TextDelta(text) for text, pages in pieces
    ]
    *passed, end = kept(stops, *events, END)
    whole, got = characters(events), characters(passed)
    text = "".join(char for char, _ in whole)
    ends = [at + len(stop) for stop in stops if (at := text.find(stop)) >= 0]
    assert got == whole[: len(got)]
    if not ends:
        assert (len(got), end) == (len(whole), END)
    else:
        assert isinstance(end, Finish)
        assert end.stop_sequence in stops
        assert len(got) + len(end.stop_sequence) == min(ends)
    cited = [event for event in passed if isinstance(event, CitedText)]
    assert (
        cited[:-1] == [event for event in events if isinstance(event, CitedText)][: len(cited)][:-1]
    )
