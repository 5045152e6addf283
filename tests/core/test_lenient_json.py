import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import lenient_json
from app.core.lenient_json import decode_object

ANY_TEXT = st.text(st.characters(codec=None))  # halves of surrogate pairs as well


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r'{"a": "\ud83d"}', {"a": "\ufffd"}),
        (r'{"a": "x\ud83dy"}', {"a": "x\ufffdy"}),
        (r'{"a": "\ude00"}', {"a": "\ufffd"}),
        (r'{"\uD83D": [""]}', {"\ufffd": [""]}),
        (r'{"a": "\ud83d\ud83d\ude00"}', {"a": "\ufffd😀"}),
        (r'{"a": "\ude00\ud83d"}', {"a": "\ufffd\ufffd"}),
        (r'{"a": "\ud83d\n"}', {"a": "\ufffd\n"}),
        (r'{"a": "\\ud83d \ud83d"}', {"a": r"\ud83d " + "\ufffd"}),
        (r'{"a": "\ud83d\ude00"}', {"a": "😀"}),
        ("{}", {}),
    ],
)
def test_a_half_is_read_as_the_replacement_character(written: str, read: object) -> None:
    assert decode_object(written) == read


@given(st.lists(ANY_TEXT, max_size=4))
def test_nothing_but_halves_is_changed(texts: list[str]) -> None:
    sent = [text.encode("utf-16", "surrogatepass") for text in texts]
    read = [text.decode("utf-16", "replace") for text in sent]
    assert decode_object(json.dumps({"a": texts})) == {"a": read}


@pytest.mark.parametrize("size", [12, 13, 14, 15, 16, 17, 100])
@given(st.lists(st.sampled_from([r"\ud83d", r"\ude00", r"\\", r"\n", "a", "u", r"\u0041", "d83d"])))
def test_slices_change_nothing(size: int, pieces: list[str]) -> None:
    text = json.dumps({"a": "x"}).replace("x", "".join(pieces))
    whole = decode_object(text)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(lenient_json, "_SLICE", size)
        assert decode_object(text) == whole


@pytest.mark.parametrize("text", ["", "[]", "3", '{"a"', r'{"a": "\ud83"}', r'{"a": "\x"}', "{}}"])
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"JSON|object|truncated"):
        decode_object(text)
