"""Reasoning that travels with the client."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.conversation import RedactedThinking, Thinking
from app.dialects.openai_responses.items.reasoning_content import decode, encode

words = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.builds(Thinking, words, words) | st.builds(RedactedThinking, words))
def test_what_was_encoded_comes_back_unchanged(part):
    assert decode(encode(part)) == part


def in_base64(text):
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "gAAAAABo",
        "not base64",
        "é",
        "eyJ",
        in_base64("[]"),
        in_base64("{}"),
        in_base64('{"kiro2api":"other"}'),
        in_base64('{"kiro2api":"thinking","text":"hm"}'),
        in_base64('{"kiro2api":"thinking","text":"hm","signature":"s","more":1}'),
        in_base64('{"kiro2api":"redacted_thinking","data":5}'),
        in_base64('{"text":"hm","signature":"s"}'),
        base64.b64encode(b'{"kiro2api":"redacted_thinking","data":"\xff"}').decode(),
        encode(Thinking("hm", "sig")) + "\n",
        encode(Thinking("hm", "sig"))[:-4],
    ],
)
def test_what_another_service_made_is_none(content):
    assert decode(content) is None
