"""Compaction and edits of the context through the official SDKs: what the model is asked for, what
the client gets, and what the next request that brings it back begins with.
"""

from typing import Any

import anthropic
import openai
import pytest
import requests
from anthropic.types.beta import BetaMessage, BetaRawMessageStreamEvent
from openai import OpenAI
from openai.types.responses import Response

from app.core.compaction import ASKED, HEAD
from app.core.edits import CLEARED
from app.simulator import Simulator
from tests.live.openai_shared import MODEL, asked, chats, state
from tests.live.servers import KEY, Gateway
from tests.live.strict_types import _by_type, check_event, events

both = pytest.mark.parametrize("streamed", [True, False])
LONG = "All work and no play makes Jack a dull boy. " * 4500  # 198,000 bytes
TOLD = [
    {"role": "user", "content": f"Remember this. {LONG}"},
    {"role": "assistant", "content": "I do."},
    {"role": "user", "content": "What is the capital of France?"},
]
SUMMARY = {"text": ["Jack ", "is dull; the user asks for the capital of France."]}
SUMMED = "Jack is dull; the user asks for the capital of France."
COMPACT = {"type": "compact_20260112", "trigger": {"type": "input_tokens", "value": 50_000}}
EVENTS = _by_type(BetaRawMessageStreamEvent)


def ask(gateway: Gateway, streamed: bool, messages: Any = TOLD, **members: Any) -> Any:
    client = anthropic.Anthropic(
        base_url=gateway.url, api_key=KEY, max_retries=0, _strict_response_validation=True
    ).beta.messages
    body: Any = {"model": MODEL, "max_tokens": 999, "messages": messages, **members}
    if not streamed:
        return client.create(**body)
    with client.stream(**body) as stream:
        return stream.get_final_message()


def edits(*each: Any) -> Any:
    return {"context_management": {"edits": list(each)}}


def texts(upstream: Simulator) -> list[str]:
    """All that users said in the conversation that the upstream was sent last."""
    turns = [
        turn["userInputMessage"]
        for turn in state(upstream).get("history", ())
        if "userInputMessage" in turn
    ]
    return [turn["content"] for turn in (*turns, asked(upstream))]


@both
def test_messages_compacts_at_its_threshold_and_goes_on(
    gateway: Gateway, upstream: Simulator, streamed: bool
) -> None:
    upstream.script(SUMMARY, {"text": ["Paris."]}, {"text": ["Rome."]})
    answer = ask(gateway, streamed, system="Be brief.", **edits(COMPACT))
    block, text = answer.content
    assert (block.type, block.content) == ("compaction", SUMMED)
    assert (text.text, answer.stop_reason) == ("Paris.", "end_turn")
    summing, answering = chats(upstream)
    asks = summing.body["conversationState"]["currentMessage"]["userInputMessage"]["content"]
    assert "What is the capital of France?" in asks
    assert ASKED in asks
    assert LONG[:99] not in str(answering.body)
    assert texts(upstream)[-1].startswith(HEAD)
    assert "Be brief." in str(answering.body)

    compaction, message = answer.usage.iterations
    assert (compaction.type, message.type) == ("compaction", "message")
    assert compaction.input_tokens > 40_000 > message.input_tokens > 0
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (
        message.input_tokens,
        message.output_tokens,
    )
    assert answer.context_management.applied_edits == []

    followed = [
        *TOLD,
        {"role": "assistant", "content": answer.content},
        {"role": "user", "content": "And of Italy?"},
    ]
    assert ask(gateway, streamed, followed, system="Be brief.").content[0].text == "Rome."
    before, after = (
        [
            *each.body["conversationState"].get("history", ()),
            {
                "userInputMessage": each.body["conversationState"]["currentMessage"][
                    "userInputMessage"
                ]
            },
        ]
        for each in chats(upstream)[1:]
    )
    assert [
        turn["userInputMessage"]["content"] for turn in before[:-1] if "userInputMessage" in turn
    ] == [
        turn["userInputMessage"]["content"]
        for turn in after[: len(before) - 1]
        if "userInputMessage" in turn
    ]
    assert texts(upstream)[-2].startswith(HEAD)
    assert LONG[:99] not in str(after)


@both
def test_messages_below_the_threshold_are_one_plain_call(
    gateway: Gateway, upstream: Simulator, streamed: bool
) -> None:
    upstream.script({"text": ["Paris."]})
    answer = ask(gateway, streamed, TOLD[2:], **edits(COMPACT))
    assert [block.type for block in answer.content] == ["text"]
    assert answer.usage.iterations is None
    assert len(chats(upstream)) == 1
