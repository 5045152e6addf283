"""Estimates of tokens, and which figure wins."""

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
from app.core.events import Usage
from app.core.tokens import (
    IMAGE_TOKENS,
    MESSAGE_TOKENS,
    TokenCounts,
    estimate_conversation,
    estimate_text,
    resolve_usage,
)


def user(*parts: object) -> Conversation:
    return Conversation(model="m", messages=(Message("user", parts),))  # type: ignore[arg-type]


@pytest.mark.parametrize(("size", "tokens"), [(0, 0), (1, 1), (7, 2), (3500, 1000)])
def test_three_and_a_half_bytes_are_a_token(size: int, tokens: int) -> None:
    assert estimate_text(size) == tokens


def test_a_chinese_character_is_nearly_a_token() -> None:
    assert estimate_conversation(user(Text("汉" * 700))) == 600 + MESSAGE_TOKENS


def test_half_a_surrogate_pair_counts_as_a_character() -> None:
    assert estimate_conversation(user(Text("\ud83d" * 700))) == 600 + MESSAGE_TOKENS


def test_text_that_is_measured_is_not_encoded_a_second_time() -> None:
    """CPython keeps the UTF-8 form in the string, and ``getsizeof`` counts it."""
    text = "汉" * 10_000
    before = sys.getsizeof(text)
    estimate_conversation(user(Text(text)))
    assert sys.getsizeof(text) >= before + 30_000


def test_the_input_of_each_call_counts_as_it_does_alone() -> None:
    alone = estimate_conversation(user(ToolCall("1", "n", {"k": "v" * 25})))  # 35 bytes
    both = estimate_conversation(user(*[ToolCall("1", "n", {"k": "v" * 25})] * 2))
    assert (alone, both) == (10 + MESSAGE_TOKENS, 20 + MESSAGE_TOKENS)


def test_lengths_are_summed_before_they_are_divided() -> None:
    assert estimate_conversation(user(*[Text("a")] * 7)) == 2 + MESSAGE_TOKENS


def test_an_empty_conversation_still_counts() -> None:
    assert estimate_conversation(Conversation(model="m", messages=())) == 1


@pytest.mark.parametrize(
    "part",
    [
        Text("x" * 350),
        Thinking("x" * 350, "signature"),
        RedactedThinking("x" * 350),
        Document("x" * 350),
        ToolCall("id", "x" * 348, {}),
        ToolCall("id", "name", {"key": "x" * 336}),
        ToolResult("id", (Text("x" * 350),)),
    ],
    ids=lambda part: type(part).__name__,
)
def test_every_part_counts(part: object) -> None:
    assert estimate_conversation(user(part)) == pytest.approx(100 + MESSAGE_TOKENS, abs=1)


def test_images_count_as_images_wherever_they_are() -> None:
    image = Image("png", "A" * 100_000)
    conversation = user(image, ToolResult("id", (image, image)))
    assert estimate_conversation(conversation) == 3 * IMAGE_TOKENS + MESSAGE_TOKENS


def test_system_text_and_tools_count() -> None:
    tool = Tool("n" * 10, "d" * 20, {"type": "object"})
    conversation = Conversation(model="m", messages=(), system="s" * 23, tools=(tool,))
    assert estimate_conversation(conversation) == 20  # 23 + 10 + 20 + 17 of JSON = 70 bytes


def test_figures_of_the_upstream_win() -> None:
    usage = Usage(10, 20, 30, 40, context_percentage=50.0, credits=0.25)
    counts = resolve_usage(estimate=1, window=200_000, output_bytes=7, usage=usage)
    assert counts == TokenCounts(10, 20, 30, 40, 0.25, "upstream")


def test_reasoning_has_its_share_of_the_output() -> None:
    told = resolve_usage(
        estimate=1, window=None, output_bytes=400, thinking_bytes=100, usage=Usage(output_tokens=60)
    )
    assert (told.output_tokens, told.reasoning_tokens) == (60, 15)


def test_a_percentage_of_the_window_holds_prompt_and_answer() -> None:
    """docs/upstream.md: The percentage of the context counts the answer"""
    usage = Usage(context_percentage=1.5)
    counts = resolve_usage(estimate=1, window=200_000, output_bytes=350, usage=usage)
    assert counts == TokenCounts(2900, 100, source="context_percentage")


@pytest.mark.parametrize(
    ("window", "percentage"),
    [
        (None, 1.5),
        (200_000, None),
        (200_000, 0.0),
        (200_000, -3.0),
        (200_000, float("nan")),
        (200_000, 0.01),  # 20 tokens, fewer than the answer has alone
    ],
)
def test_without_a_sane_percentage_the_estimate_stands(
    window: int | None, percentage: float | None
) -> None:
    usage = Usage(context_percentage=percentage)
    counts = resolve_usage(estimate=42, window=window, output_bytes=350, usage=usage)
    assert counts == TokenCounts(42, 100)


def test_what_the_upstream_left_out_is_filled_in_member_by_member() -> None:
    usage = Usage(output_tokens=1000, context_percentage=1.0)
    counts = resolve_usage(estimate=1, window=200_000, output_bytes=7, usage=usage)
    assert counts == TokenCounts(1000, 1000, source="context_percentage")
