"""What the model marks as taken from a page, and nothing else, is a citation."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.conversation import CitedText, WebPage
from app.core.events import Event, Finish, TextDelta, ThinkingDelta, Usage
from app.hosted.citations import LONGEST, Citations

A, B = WebPage("https://a.example", "A", mark="1-1"), WebPage("https://b.example", "B", mark="1-2")
PAGES = {page.mark: page for page in (A, B)}
END = Finish("end_turn")


def read(*pieces: str | Event) -> list[Event]:
    citations = Citations(PAGES)
    events = [TextDelta(piece) if isinstance(piece, str) else piece for piece in pieces]
    told = [event for each in (*events, END) for event in citations.read([each])]
    assert told.pop() is END
    return told


def joined(events: list[Event]) -> list[Event]:
    """Text that goes on as one piece."""
    found: list[Event] = []
    for event in events:
        if found and isinstance(event, TextDelta) and isinstance(found[-1], TextDelta):
            found[-1] = TextDelta(found[-1].text + event.text)
        else:
            found.append(event)
    return found


CASES: list[tuple[str, list[Event]]] = [
    ("no mark", [TextDelta("no mark")]),
    (
        'It is <cite n="1-1">warm</cite>.',
        [TextDelta("It is "), CitedText("warm", (A,)), TextDelta(".")],
    ),
    ('<cite n="1-1, 1-2,1-1">warm</cite>', [CitedText("warm", (A, B))]),
    ('<cite n="1-2,7-7">warm</cite>', [CitedText("warm", (B,))]),
    ('<cite n="7-7">warm</cite>!', [TextDelta("warm!")]),
    ('a<cite n="1-1"></cite>b', [TextDelta("ab")]),
    ('a<cite n="1-1"> </cite>b', [TextDelta("a b")]),
    ('a<cite n="1-1">b', [TextDelta("ab")]),
    ("a <cite>b</cite> <i>c</i> < d", [TextDelta("a <cite>b</cite> <i>c</i> < d")]),
    ('a <cite n="', [TextDelta('a <cite n="')]),
    ('<cite n="1-1">2 < 3</cite>', [CitedText("2 < 3", (A,))]),
]


@pytest.mark.parametrize(("text", "told"), CASES)
def test_texts(text: str, told: list[Event]) -> None:
    assert joined(read(text)) == told


@given(
    st.lists(
        st.sampled_from(["a", "<", "<cite", '<cite n="1-1">', '<cite n="9">', "</cite>", ' n="1']),
        max_size=12,
    ).map("".join),
    st.lists(st.integers(0, 60), max_size=8),
)
def test_the_same_wherever_the_text_is_cut(text: str, cuts: list[int]) -> None:
    places = sorted({0, *(min(cut, len(text)) for cut in cuts), len(text)})
    pieces = [text[start:end] for start, end in pairwise(places)]
    assert joined(read(*filter(None, pieces))) == joined(read(text) if text else [])


def test_plain_text_is_held_back_only_while_it_may_be_a_mark() -> None:
    citations = Citations(PAGES)
    assert citations.read([TextDelta("a <b> <")]) == [TextDelta("a <b> ")]
    assert citations.read([TextDelta("c")]) == []
    assert citations.read([TextDelta("ode>")]) == [TextDelta("<code>")]


def test_other_events_end_a_citation_and_usage_does_not() -> None:
    usage, thought = Usage(credits=0.1), ThinkingDelta("hm")
    assert read('<cite n="1-1">a', usage, "b</cite>") == [usage, CitedText("ab", (A,))]
    assert read('<cite n="1-1">a', thought, "b</cite>c") == [
        TextDelta("a"),
        thought,
        TextDelta("b"),
        TextDelta("c"),
    ]


def test_a_citation_that_is_too_long_is_plain_text() -> None:
    words = "x" * LONGEST
    assert joined(read('<cite n="1-1">', words, words, "</cite>", " end")) == [
        TextDelta(words + words + " end")
    ]
