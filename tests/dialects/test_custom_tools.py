"""The text of a custom tool, out of the JSON that the upstream writes."""

import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.lenient_json import decode_object
from app.dialects.custom_tools import InputReader, as_object, as_text

AWKWARD = '"\\/\b\f\n\r\t\x00\x1f é 漢字 😀 \U0001f3f3\ufe0f\u200d \ud7ff\ue000 {"input": "x"}'


def read(*fragments):
    """The pieces, the last of them what the end gave."""
    reader = InputReader()
    pieces = [reader.feed(fragment) for fragment in fragments]
    return [*pieces, reader.finish()]


WRITTEN = [
    ('{"input": "abc"}', "abc"),
    ('{"input":""}', ""),
    (' {\n\t"input" :\r\n "a"\n}', "a"),
    (json.dumps({"input": AWKWARD}), AWKWARD),
    (json.dumps({"input": AWKWARD}, ensure_ascii=False), AWKWARD),
    (r'{"input": "\ud83d\ude42\u00e9\"\\\/"}', '🙂é"\\/'),
    ('{"input": "a", "more": {"input": "b"}}', "a"),
    ('{"more": 1, "input": "a\\n"}', "a\n"),
    ('{"other": "a"}', '{"other":"a"}'),
    ('{"input": 5}', '{"input":5}'),
    ('{"input": null}', '{"input":null}'),
    ("{}", ""),
    ("", ""),
    (" " * 200 + '{"input": "a"}', "a"),
    (r'{"input": "half \ud83d of it, and the rest"}', "half \ufffd of it, and the rest"),
    (r'{"input": "half \ude42 of it"}', "half \ufffd of it"),
    (r'{"input": "half \ud83d"}', "half \ufffd"),
]


@pytest.mark.parametrize(("written", "text"), WRITTEN)
def test_wherever_the_json_is_cut_the_text_is_the_same(written, text):
    for place in range(len(written) + 1):
        assert "".join(read(written[:place], written[place:])) == text
    assert "".join(read(*written)) == text
    assert "".join(read(written)) == text


@pytest.mark.parametrize(("written", "text"), WRITTEN)
def test_a_stream_tells_the_text_that_a_whole_answer_tells(written, text):
    assert as_text(decode_object(written) if written else {}) == text


def test_text_is_given_as_it_comes():
    assert read('{"inp', 'ut": "ab', "cd", "\\", "n\\u00", "e9", "\\ud83d", "\\ude42!", '"}') == [
        "",
        "ab",
        "cd",
        "",
        "\n",
        "é",
        "",
        "🙂!",
        "",
        "",
    ]


def test_what_does_not_begin_with_the_text_is_given_at_the_end():
    assert read('{"more": 1, "in', 'put": "ab"}') == ["", "", "ab"]


@pytest.mark.parametrize(
    "fragments",
    [
        ['{"input": "a\\x', 'bc"}'],
        ['{"input": "a\nbc"}'],
        ['{"input": "a\\ud83d', 'b\\ude42 and so on"}'],
        ['{"input": "a\\u12', 'xyz, and so on"}'],
    ],
)
def test_json_that_is_none_gives_nothing_more(fragments):
    """Its call is told to be cut off, and is never finished."""
    reader = InputReader()
    given = [reader.feed(fragment) for fragment in [*fragments, "c", '"}']]
    assert "".join(given) in ("", "a")


def test_there_and_back():
    assert as_text(as_object(AWKWARD)) == AWKWARD


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@settings(deadline=None)
@given(words, st.booleans(), st.lists(st.integers(0, 400), max_size=8))
def test_any_text_in_any_fragments(text, ascii_only, cuts):
    written = json.dumps({"input": text}, ensure_ascii=ascii_only)
    places = sorted({0, *(min(cut, len(written)) for cut in cuts), len(written)})
    fragments = [written[start:end] for start, end in pairwise(places)]
    assert "".join(read(*fragments)) == text
