"""From turn to turn only what is new is added: the service caches prompts by their content.

docs/upstream.md: Prompts are cached by their content
"""

import json
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.codewhisperer.conversation_ids import conversation_ids
from app.codewhisperer.request.render import render
from app.core.conversation import Conversation
from app.models.names import resolve
from tests.dialects.test_corpus import HOSTS, conversation, corpus

HOST = HOSTS[0]
NEWEST = Path(__file__).parents[1] / "corpus/client-requests-2026-11"
ALL = {param.id: param.values[0] for param in corpus()} | {
    path.stem: json.loads(path.read_text()) for path in sorted(NEWEST.glob("*.json"))
}


def rendered(asked: Conversation) -> Any:
    body = render(
        asked,
        host=HOST,
        model=resolve(asked.model, "claude-sonnet-4-5", {}).model,
        profile_arn=None,
        conversation_id="conversation",
        max_description=10_000,
    ).body
    return msgspec.json.decode(body)["conversationState"]


DIRECTIVE = re.compile(r"\n\n<system>\nAnswer[^<]*</system>$")
"""What the gateway adds to the last turn for a tool choice: it may change from turn to turn, and at
the end it leaves all that comes before it a prefix."""


def turns(state: Any) -> tuple[list[str], list[Any]]:
    """Every turn as JSON, without the tools and the directive, and the tools."""
    message = state["currentMessage"]["userInputMessage"]
    message["content"] = DIRECTIVE.sub("", message["content"])
    context = message.get("userInputMessageContext", {})
    tools = context.pop("tools", [])
    if not context:
        message.pop("userInputMessageContext", None)
    every = (*state.get("history", []), state["currentMessage"])
    return [json.dumps(turn) for turn in every], tools


def check(earlier: Conversation, later: Conversation) -> None:
    """A tool that the client no longer offers, but the model called, is added behind the others."""
    before, tools_before = turns(rendered(earlier))
    after, tools = turns(rendered(later))
    assert before == after[: len(before)]
    assert tools_before == tools[: len(tools_before)]


def cuts(asked: Conversation) -> Iterator[Conversation]:
    """The conversation as it was at each earlier turn of the user."""
    messages = asked.messages
    for index in range(1, len(messages)):
        if messages[index - 1].role != "assistant" and messages[index].role == "assistant":
            yield msgspec.structs.replace(asked, messages=messages[:index])


def is_earlier(one: Conversation, other: Conversation) -> bool:
    """Whether one request is an earlier turn of the other, by what the client sent."""
    same = one.session == other.session and one.system == other.system
    fewer = len(one.messages) < len(other.messages)
    return same and fewer and one.messages == other.messages[: len(one.messages)]


ASKED = {name: conversation(request) for name, request in ALL.items()}
MULTI_TURN = [name for name, asked in ASKED.items() if next(cuts(asked), None)]
RECORDED = [
    (name, later)
    for name, later in product(ASKED, MULTI_TURN)
    if name.rpartition("-")[0] == later.rpartition("-")[0]
    and is_earlier(ASKED[name], ASKED[later])
    and ASKED[name].tools == ASKED[later].tools
]


@pytest.mark.parametrize("name", MULTI_TURN)
def test_an_earlier_turn_of_the_same_conversation_is_a_prefix(name: str) -> None:
    for earlier in cuts(ASKED[name]):
        check(earlier, ASKED[name])


@pytest.mark.parametrize(("name", "later"), RECORDED)
def test_two_recorded_turns_are_a_prefix_and_have_one_id(name: str, later: str) -> None:
    check(ASKED[name], ASKED[later])
    first, second = (conversation_ids(ASKED[one], "claude") for one in (name, later))
    assert first.own == second.own


def test_what_a_recorded_client_asks_on_the_side_has_another_id() -> None:
    """Titles, web searches and checks of names, which Claude Code and OpenCode send in a session.

    docs/upstream.md: The cache of GPT models is keyed by the conversation's id
    """
    sessions = {asked.session for asked in ASKED.values() if asked.session}
    apart = 0
    for session in sessions:
        own: dict[bool, set[str]] = {True: set(), False: set()}
        for asked in ASKED.values():
            if asked.session == session:
                has_tools = bool(asked.tools or "ToolCall" in repr(asked.messages))
                own[has_tools].add(conversation_ids(asked, "claude").own)
        assert len(own[True]) <= 1
        assert not own[True] & own[False]
        apart += bool(own[True] and own[False])
    assert apart


def test_every_client_with_several_turns_is_there() -> None:
    clients = {name.rpartition("-")[0] for name in MULTI_TURN}
    assert clients >= {"claude-code", "codex", "opencode", "litellm", "langchain", "vercel-ai-sdk"}
    assert clients >= {"claude-code-2.1.332", "codex-0.144.0", "codex-0.153.0", "codex-0.171.0"}
    assert len(MULTI_TURN) > 50
    assert len(RECORDED) > 20
