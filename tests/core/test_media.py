from base64 import b64encode, encodebytes, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import media
from app.core.media import MediaError, decoded, is_base64, standard
from app.core.signatures import decoded_size


@given(st.binary(min_size=1))
def test_base64_is_known_and_measured(data: bytes) -> None:
    text = b64encode(data).decode()
    assert is_base64(text)
    assert decoded_size(text) == len(data)
    assert decoded(text) == data


@given(st.binary(min_size=1, max_size=300))
def test_base64_as_other_libraries_write_it(data: bytes) -> None:
    expected = b64encode(data).decode()
    in_lines = encodebytes(data).decode()
    for text in (
        expected,
        expected.rstrip("="),
        in_lines,
        in_lines.replace("\n", "\r\n"),
        urlsafe_b64encode(data).decode(),
        urlsafe_b64encode(data).decode().rstrip("="),
    ):
        assert standard(text) == expected


@pytest.mark.parametrize("text", ["", "\n", "A", "====", "A===", "QQ==QUJD", "AA:A", "ÄAAA"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(MediaError, match="valid base64"):
        standard(text)


@pytest.mark.parametrize("text", ["", "A", "AAA", "AAA=\n", "AA-_", "====", "A===", "AAAA AAAA"])
def test_what_is_no_base64_of_anything(text: str) -> None:
    assert not is_base64(text)
    assert decoded(text) == b""


@pytest.mark.parametrize(
    ("text", "data"), [("QUJDREVGRw==", b"ABCDEFG"), ("QQ==QUJD", b""), ("QUJDQQ==QUJDQUJD", b"")]
)
def test_base64_is_decoded_in_slices(
    text: str, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media, "_SLICE", 4)
    assert decoded(text) == data
