import re
from base64 import b64encode, encodebytes, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import media
from app.core.media import MediaError, as_standard, decoded, is_base64
from app.core.signatures import decoded_size


@given(st.binary(min_size=1))
def test_base64_is_known_and_measured(data: bytes) -> None:
    text = b64encode(data).decode()
    assert is_base64(text)
    assert decoded_size(text) == len(data)
    assert decoded(text) == data


@pytest.mark.parametrize("text", ["", "A", "AAA", "AAA=\n", "AA-_", "====", "A===", "AAAA AAAA"])
def test_what_is_no_base64_of_anything(text: str) -> None:
    assert not is_base64(text)
    assert decoded(text) == b""


@pytest.mark.parametrize("size", [4, 8, 1024])
@given(text=st.text(st.sampled_from("AZaz09+/==-_ \n\0é"), max_size=24))
def test_the_alphabet_and_the_padding_are_those_of_standard_base64(size: int, text: str) -> None:
    expected = len(text) % 4 == 0 and re.fullmatch("[A-Za-z0-9+/]+={0,2}", text) is not None
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(media, "_SLICE", size)
        assert is_base64(text) == expected


@given(st.binary(min_size=1, max_size=200))
def test_every_form_of_base64_is_read(data: bytes) -> None:
    standard = b64encode(data).decode()
    lines = encodebytes(data).decode()
    for form in (
        standard,
        standard.rstrip("="),
        urlsafe_b64encode(data).decode(),
        urlsafe_b64encode(data).decode().rstrip("="),
        lines,
        lines.replace("\n", "\r\n"),
        f"  {standard}\t",
    ):
        assert as_standard(form) == standard


@pytest.mark.parametrize("text", ["", " \n", "A", "====", "AAAAA", "AA!A", "AA=A", "data:,", "ä"])
def test_what_is_no_base64_in_any_form_is_refused(text: str) -> None:
    with pytest.raises(MediaError):
        as_standard(text)


@pytest.mark.parametrize(
    ("text", "data"), [("QUJDREVGRw==", b"ABCDEFG"), ("QQ==QUJD", b""), ("QUJDQQ==QUJDQUJD", b"")]
)
def test_base64_is_decoded_in_slices(
    text: str, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media, "_SLICE", 4)
    assert decoded(text) == data
