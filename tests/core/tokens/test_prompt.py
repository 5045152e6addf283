"""The estimate of a whole conversation, and what the next turn knows it by."""

import sys

import pytest

from app.core.conversation import (
    Conversation,
    Document,
    Image,
    Message,
    RedactedThinking,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
)
from app.core.tokens.prompt import MESSAGE_TOKENS, estimate_conversation, measure
from app.core.tokens.text import UNIT, estimator
from tests import media

ESTIMATOR = estimator("claude")
WORD = "x" * 1000
OF_WORD = ESTIMATOR.text(WORD) / UNIT


def user(*parts: object) -> Conversation:
    return Conversation(model="m", messages=(Message("user", parts),))  # type: ignore[arg-type]


def estimate(*parts: object) -> int:
    return estimate_conversation(user(*parts), "claude")


def test_half_a_surrogate_pair_counts_as_a_character() -> None:
    assert estimate(Text("\ud83d" * 700)) > 100


def test_text_that_is_measured_is_not_encoded_a_second_time() -> None:
    """CPython keeps the UTF-8 form in the string, and ``getsizeof`` counts it."""
    text = "汉" * 10_000
    before = sys.getsizeof(text)
    estimate(Text(text))
    assert sys.getsizeof(text) >= before + 30_000


def test_counts_are_summed_before_they_are_rounded() -> None:
    alone = ESTIMATOR.text("a") / UNIT
    assert estimate(*[Text("a")] * 700) == pytest.approx(700 * alone + MESSAGE_TOKENS, abs=1)


def test_an_empty_conversation_still_counts() -> None:
    assert estimate_conversation(Conversation(model="m", messages=())) == 1


@pytest.mark.parametrize(
    "part",
    [
        Text(WORD),
        Thinking(WORD, "signature"),
        RedactedThinking(WORD),
        Document(WORD),
        ToolCall("id", WORD, {}),
        ToolCall("id", "name", {"key": WORD}),
        ToolResult("id", (Text(WORD),)),
    ],
    ids=lambda part: type(part).__name__,
)
def test_every_part_counts(part: object) -> None:
    assert estimate(part) == pytest.approx(OF_WORD + MESSAGE_TOKENS, abs=6)


def test_images_count_as_images_wherever_they_are() -> None:
    image = Image("png", media.base64(media.png(750, 100)))
    assert estimate(image, ToolResult("id", (image, image))) == 3 * 100 + MESSAGE_TOKENS


def test_system_text_and_tools_count() -> None:
    tool = Tool("name", "does what it should", {"type": "object"})
    conversation = Conversation(model="m", messages=(), system="Be brief.", tools=(tool,))
    written = 'Be brief.namedoes what it should{"type":"object"}'
    assert estimate_conversation(conversation, "claude") == -(-ESTIMATOR.text(written) // UNIT)


@pytest.mark.parametrize(
    "later",
    [
        user(Text("b")),
        user(Text("a"), Text("b")),
        user(ToolResult("a")),
        user(ToolResult("a", (Text("b"),))),
        user(Image("png", "AAAA")),
        user(Image("png", "AAAB")),
        user(Document(None, None, "pdf", "AAAA=")),
        user(Document("a", "a")),
        user(ToolCall("a", "a", {})),
        Conversation(model="m", messages=(Message("assistant", (Text("a"),)),)),
    ],
)
def test_another_beginning_has_another_key(later: Conversation) -> None:
    assert measure(user(Text("a")), "m").keys != measure(later, "m").keys


def test_a_conversation_that_grew_has_the_keys_of_its_beginning() -> None:
    first = user(Text("a"), ToolResult("c", (Text("b"),)))
    more = (*first.messages, Message("assistant", (Text("c"),)), Message("user", (Text("d"),)))
    later = Conversation(model="m", messages=more, system="s")
    assert measure(later, "m").keys[:1] == measure(first, "m").keys
    assert measure(later, "n").keys[:1] != measure(first, "m").keys
