"""Whose reasoning goes back to a model.

docs/upstream.md: Signatures of reasoning are checked
"""

import pytest

from app.codewhisperer.signatures import CLAUDE, family, own_reasoning, tagged
from app.core.conversation import Conversation, Message, Part, RedactedThinking, Text, Thinking
from app.core.events import Event, RedactedThinkingBlock, TextDelta, ThinkingSignature
from app.models.table import MODELS

BATCH: list[Event] = [ThinkingSignature("sig"), RedactedThinkingBlock("AAAA"), TextDelta("a")]
ENCRYPTED = "gAAAAABpJ8xk"


def conversation(*parts: Part) -> Conversation:
    turns = (Message("user", (Text("a"),)), Message("assistant", parts))
    return Conversation("m", turns)


def kept(part: Part, name: str) -> list[Part]:
    found, dropped = own_reasoning(conversation(part, Text("b")), name)
    *reasoning, text = found.messages[1].parts
    assert text == Text("b")
    assert dropped == (not reasoning)
    return reasoning


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("claude-opus-5.5", CLAUDE),
        ("CLAUDE_SONNET_4_20250514_V1_0", CLAUDE),
        ("auto", CLAUDE),
        ("gpt-5.6-sol", "gpt"),
        ("qwen3-coder-next", "qwen"),
        ("5", CLAUDE),
    ],
)
def test_the_family_of_a_model(model: str, name: str) -> None:
    assert family(model) == name


def test_each_model_of_the_table_has_one() -> None:
    found = {family(model.current_id) for model in MODELS}
    assert found == {CLAUDE, "gpt", "kimi", "deepseek", "minimax", "glm", "qwen"}


def test_claudes_reasoning_is_as_the_service_sent_it() -> None:
    batches = iter([BATCH])
    assert tagged(batches, CLAUDE) is batches


@pytest.mark.parametrize("name", ["gpt", "kimi"])
def test_the_reasoning_of_others_comes_back_to_them_alone(name: str) -> None:
    ((signature, redacted, text),) = tagged(iter([BATCH]), name)
    assert isinstance(signature, ThinkingSignature)
    assert isinstance(redacted, RedactedThinkingBlock)
    assert text == TextDelta("a")
    for sent, own in (
        (Thinking("hm", signature.signature), Thinking("hm", "sig")),
        (RedactedThinking(redacted.data), RedactedThinking("AAAA")),
    ):
        assert kept(sent, name) == [own]
        assert kept(sent, CLAUDE) == []
        assert kept(sent, "glm") == []


@pytest.mark.parametrize("part", [Thinking("hm", "EqQBCkYIA"), RedactedThinking("AAAA")])
def test_reasoning_without_a_tag_is_claudes(part: Part) -> None:
    assert kept(part, CLAUDE) == [part]
    assert kept(part, "gpt") == []


@pytest.mark.parametrize("name", [CLAUDE, "gpt"])
@pytest.mark.parametrize("part", [Thinking("hm", ENCRYPTED), RedactedThinking(ENCRYPTED)])
def test_what_openai_encrypted_goes_to_nobody(part: Part, name: str) -> None:
    assert kept(part, name) == []


def test_a_conversation_without_foreign_reasoning_stays_the_same_object() -> None:
    for parts in ((Text("a"),), (Thinking("hm", "sig"), Text("a")), (Thinking("hm"), Text("a"))):
        asked = conversation(*parts)
        assert own_reasoning(asked, CLAUDE) == (asked, False)
        assert own_reasoning(asked, CLAUDE)[0] is asked


def test_unsigned_reasoning_is_left_to_the_repairs() -> None:
    asked = conversation(Thinking("hm"), Thinking("ah", ENCRYPTED), Text("a"))
    found, dropped = own_reasoning(asked, CLAUDE)
    assert (found.messages[1].parts, dropped) == ((Thinking("hm"), Text("a")), True)
