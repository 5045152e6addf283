"""Compaction and edits of the context in the Messages API, through the official SDK: what the model
is asked for, what the client gets, and how the next request that brings it back begins.

Source: Anthropic's documentation of context editing and compaction, and the types of the SDK.
"""

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest
import requests
from anthropic.types.beta import BetaMessage, BetaRawMessageStreamEvent

from app.core.compaction import ASKED, HEAD
from app.core.edits import CLEARED
from app.simulator import Simulator
from tests.live.openai_shared import MODEL, asked, chats
from tests.live.servers import KEY, Gateway
from tests.live.strict_types import by_type, events

both = pytest.mark.parametrize("streamed", [True, False])
LONG = "All work and no play makes Jack a dull boy. " * 5500
"""More than 50,000 tokens, which is the lowest threshold, by the gateway and by the simulator."""
TOLD: Any = [
    {"role": "user", "content": f"Remember this. {LONG}"},
    {"role": "assistant", "content": "I do."},
    {"role": "user", "content": "What is the capital of France?"},
]
SUMMARY = {"text": ["Jack ", "is dull. The user asks for the capital of France."]}
SUMMED = "".join(SUMMARY["text"])
COMPACT = {"type": "compact_20260112", "trigger": {"type": "input_tokens", "value": 50_000}}
TOOL = {"name": "read", "description": "Reads a file.", "input_schema": {"type": "object"}}
CALL = {"tool": {"name": "read", "input": {"path": "a"}}}
EVENTS = by_type(BetaRawMessageStreamEvent)


@pytest.fixture
def messages(gateway: Gateway) -> Iterator[Any]:
    """Strict about the types of what it reads."""
    with anthropic.Anthropic(
        base_url=gateway.url, api_key=KEY, max_retries=0, _strict_response_validation=True
    ) as client:
        yield client.beta.messages


def ask(client: Any, streamed: bool, messages: Any = TOLD, **members: Any) -> Any:
    body: Any = {"model": MODEL, "max_tokens": 999, "messages": messages, **members}
    if not streamed:
        return client.create(**body)
    with client.stream(**body) as stream:
        return stream.get_final_message()


def edits(*each: Any) -> Any:
    return {"context_management": {"edits": list(each)}}


def turns(sent: Any) -> list[dict[str, Any]]:
    """The turns of a conversation that the upstream was sent: who, and what was said."""
    state = sent.body["conversationState"]
    return [
        {"who": who, "said": turn["content"], "more": turn.get("userInputMessageContext")}
        for each in (*state.get("history", ()), state["currentMessage"])
        for who, turn in each.items()
    ]


@both
def test_a_conversation_at_its_threshold_is_summed_up_and_goes_on(
    messages: Any, upstream: Simulator, streamed: bool
) -> None:
    upstream.script(SUMMARY, {"text": ["Paris."]}, {"text": ["Rome."]})
    answer = ask(messages, streamed, system="Be brief.", **edits(COMPACT))
    block, text = answer.content
    assert (block.type, block.content) == ("compaction", SUMMED)
    assert (text.text, answer.stop_reason) == ("Paris.", "end_turn")
    assert answer.context_management.applied_edits == []
    summing, answering = chats(upstream)
    *_, last = turns(summing)
    assert last["said"].startswith("What is the capital of France?")
    assert last["said"].endswith(ASKED)
    assert turns(answering)[-1]["said"] == HEAD + SUMMED
    assert LONG[:99] not in str(answering.body)

    compaction, message = answer.usage.iterations
    assert (compaction.type, message.type) == ("compaction", "message")
    assert compaction.input_tokens > 40_000 > message.input_tokens > 0
    top = answer.usage
    assert (top.input_tokens, top.output_tokens) == (message.input_tokens, message.output_tokens)

    said = {"role": "assistant", "content": answer.content}
    followed = [*TOLD, said, {"role": "user", "content": "And of Italy?"}]
    assert ask(messages, streamed, followed, system="Be brief.").content[0].text == "Rome."
    before, after = map(turns, chats(upstream)[1:])
    assert after[: len(before)] == before, "the service caches what stays the same"
    assert [turn["said"] for turn in after[len(before) :]] == ["Paris.", "And of Italy?"]


@both
def test_a_conversation_below_its_threshold_is_one_plain_call(
    messages: Any, upstream: Simulator, streamed: bool
) -> None:
    upstream.script({"text": ["Paris."]})
    answer = ask(messages, streamed, TOLD[2:], **edits(COMPACT))
    assert [block.type for block in answer.content] == ["text"]
    assert answer.usage.iterations is None
    assert len(chats(upstream)) == 1


@both
@pytest.mark.parametrize(
    "wanted",
    [edits(COMPACT | {"pause_after_compaction": True}), {"compaction": {"type": "summarize"}}],
)
def test_the_summary_alone_is_the_answer_where_that_is_wanted(
    messages: Any, upstream: Simulator, streamed: bool, wanted: Any
) -> None:
    upstream.script(SUMMARY, {"text": ["Paris."]})
    answer = ask(messages, streamed, **wanted)
    (block,) = answer.content
    assert (block.type, block.content, answer.stop_reason) == ("compaction", SUMMED, "compaction")
    (compaction,) = answer.usage.iterations
    assert compaction.type == "compaction"
    assert compaction.input_tokens > 40_000
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (0, 0)
    kept = [{"role": "assistant", "content": answer.content}, TOLD[2]]
    assert ask(messages, streamed, kept).content[0].text == "Paris."
    assert asked(upstream)["content"].startswith(HEAD + SUMMED)
    assert asked(upstream)["content"].endswith("What is the capital of France?")


def test_instructions_replace_those_of_the_gateway(messages: Any, upstream: Simulator) -> None:
    upstream.script(SUMMARY)
    ask(messages, False, compaction={"type": "summarize", "instructions": "List the names."})
    assert asked(upstream)["content"].endswith("List the names.")
    assert ASKED not in asked(upstream)["content"]


@both
def test_a_summary_carries_the_tools_that_the_turns_before_it_changed(
    messages: Any, upstream: Simulator, streamed: bool
) -> None:
    """By name, and whole where the request's ``tools`` lack it; what was undone is told once."""
    write = {"name": "write", "description": "Writes.", "input_schema": {"type": "object"}}
    reference = {"type": "tool_reference", "name": "read"}
    changes = [
        {"type": "tool_addition", "tool": {"type": "tool_definition", "definition": write}},
        {"type": "tool_removal", "tool": reference},
    ]
    told = [{"role": "system", "content": [changes[1], *changes]}, *TOLD[2:]]
    upstream.script(SUMMARY, {"text": ["Paris."]})
    wanted = {"compaction": {"type": "summarize"}}
    answer = ask(messages, streamed, told, tools=[TOOL], **wanted)
    (block,) = answer.content
    assert [change.to_dict() for change in block.tool_changes] == changes
    kept = [{"role": "assistant", "content": answer.content}, TOLD[2]]
    ask(messages, streamed, kept, tools=[TOOL])
    offered = asked(upstream)["userInputMessageContext"]["tools"]
    assert [tool["toolSpecification"]["name"] for tool in offered] == ["write"]


@both
def test_a_model_that_calls_a_tool_instead_is_asked_again_without_tools(
    messages: Any, upstream: Simulator, streamed: bool
) -> None:
    upstream.script(CALL, SUMMARY, {"text": ["Paris."]})
    answer = ask(messages, streamed, tools=[TOOL], **edits(COMPACT))
    assert [block.type for block in answer.content] == ["compaction", "text"]
    assert [each.type for each in answer.usage.iterations] == ["compaction"] * 2 + ["message"]
    first, second, third = chats(upstream)
    assert turns(first)[-1]["more"]["tools"] == turns(third)[-1]["more"]["tools"]
    assert not (turns(second)[-1]["more"] or {}).get("tools")


@both
def test_without_a_summary_the_conversation_goes_on_as_it_was(
    messages: Any, upstream: Simulator, streamed: bool
) -> None:
    upstream.script(CALL, CALL, {"text": ["Paris."]})
    answer = ask(messages, streamed, tools=[TOOL], **edits(COMPACT))
    block, text = answer.content
    assert (block.type, block.content, text.text) == ("compaction", None, "Paris.")
    assert asked(upstream)["content"] == "What is the capital of France?"
    followed = [*TOLD, {"role": "assistant", "content": answer.content}, TOLD[2]]
    ask(messages, streamed, followed, tools=[TOOL])
    assert LONG[:99] in str(chats(upstream)[-1].body)


@both
def test_a_summary_that_is_all_that_is_wanted_and_missing_is_an_error(
    messages: Any, upstream: Simulator, streamed: bool
) -> None:
    """A block without content would have the client drop its history for nothing."""
    upstream.script(CALL, CALL)
    with pytest.raises(anthropic.APIStatusError, match="wrote none"):
        ask(messages, streamed, tools=[TOOL], compaction={"type": "summarize"})


@both
def test_a_summary_that_breaks_off_is_asked_for_again(
    messages: Any, upstream: Simulator, streamed: bool
) -> None:
    broken = {"say": [{"text": ["Jack"]}, {"exception": "throttled"}]}
    upstream.script(broken, SUMMARY, {"text": ["Paris."]})
    block, text = ask(messages, streamed, **edits(COMPACT)).content
    assert (block.content, text.text) == (SUMMED, "Paris.")


def test_the_two_ways_to_compact_exclude_each_other(messages: Any, upstream: Simulator) -> None:
    with pytest.raises(anthropic.BadRequestError, match=r"compaction: .*context_management"):
        ask(messages, False, compaction={"type": "summarize"}, **edits(COMPACT))
    assert chats(upstream) == []


def test_a_threshold_is_at_least_what_the_api_takes(messages: Any, upstream: Simulator) -> None:
    early = COMPACT | {"trigger": {"type": "input_tokens", "value": 49_999}}
    with pytest.raises(
        anthropic.BadRequestError, match=r"context_management\.edits\.0\.trigger\.value"
    ):
        ask(messages, False, **edits(early))
    assert chats(upstream) == []


def used(number: int) -> list[Any]:
    """A call of the tool and its result."""
    call = {"type": "tool_use", "id": f"t{number}", "name": "read", "input": {"path": str(number)}}
    thought = {"type": "thinking", "thinking": f"Hm {number}.", "signature": f"sig{number}"}
    result = {"type": "tool_result", "tool_use_id": f"t{number}", "content": LONG[: 500 + number]}
    said = {"role": "assistant", "content": [thought, call]}
    return [said, {"role": "user", "content": [result]}]


HISTORY: Any = [
    {"role": "user", "content": "Read."},
    *(message for number in range(4) for message in used(number)),
]
CLEAR = {
    "type": "clear_tool_uses_20250919",
    "trigger": {"type": "tool_uses", "value": 3},
    "keep": {"type": "tool_uses", "value": 2},
    "clear_tool_inputs": True,
}


@both
def test_old_tool_uses_are_cleared_and_told(
    messages: Any, upstream: Simulator, streamed: bool
) -> None:
    upstream.script({"text": ["Done."]}, {"text": ["Done."]})
    answer = ask(messages, streamed, HISTORY, tools=[TOOL], **edits(CLEAR))
    (applied,) = answer.context_management.applied_edits
    assert (applied.type, applied.cleared_tool_uses) == ("clear_tool_uses_20250919", 2)
    assert applied.cleared_input_tokens > 200
    sent = str(chats(upstream)[-1].body)
    assert sent.count(CLEARED.text) == 2
    assert sent.count(LONG[:500]) == 2
    assert "'path': '1'" not in sent
    assert "'path': '2'" in sent
    unmoved = CLEAR | {"trigger": {"type": "tool_uses", "value": 4}}
    answer = ask(messages, streamed, HISTORY, tools=[TOOL], **edits(unmoved))
    assert answer.context_management.applied_edits == []
    assert CLEARED.text not in str(chats(upstream)[-1].body)


@both
def test_old_reasoning_is_cleared_and_told(
    messages: Any, upstream: Simulator, streamed: bool
) -> None:
    upstream.script({"text": ["Done."]})
    asked_again = [*HISTORY, {"role": "assistant", "content": "Read."}, TOLD[2], *used(9)]
    clear = {"type": "clear_thinking_20251015", "keep": {"type": "thinking_turns", "value": 1}}
    answer = ask(messages, streamed, asked_again, tools=[TOOL], **edits(clear))
    (applied,) = answer.context_management.applied_edits
    assert (applied.type, applied.cleared_thinking_turns) == ("clear_thinking_20251015", 1)
    assert applied.cleared_input_tokens > 0
    sent = str(chats(upstream)[-1].body)
    assert "Hm 9." in sent
    assert "Hm 3." not in sent


def test_an_edit_that_keeps_everything_changes_nothing(
    messages: Any, upstream: Simulator, gateway: Gateway
) -> None:
    """Claude Code sends it with every request."""
    upstream.script({"text": ["Done."]}, {"text": ["Done."]})
    ask(messages, False, HISTORY, tools=[TOOL])
    keep = {"type": "clear_thinking_20251015", "keep": "all"}
    answer = messages.with_raw_response.create(
        model=MODEL, max_tokens=999, messages=HISTORY, tools=[TOOL], **edits(keep)
    )
    assert "context_management" not in answer.headers.get("x-kiro-ignored", "")
    assert answer.parse().context_management.applied_edits == []
    plain, kept = chats(upstream)
    assert turns(plain) == turns(kept)


def test_an_edit_of_an_unknown_type_is_ignored_by_its_name(
    messages: Any, upstream: Simulator
) -> None:
    upstream.script({"text": ["Paris."]})
    answer = messages.with_raw_response.create(
        model=MODEL, max_tokens=999, messages=TOLD[2:], **edits({"type": "fold_20270101"})
    )
    assert "fold_20270101" in answer.headers["x-kiro-ignored"]


def test_counting_tells_what_is_left_and_what_there_was(messages: Any) -> None:
    def count(given: Any, **members: Any) -> Any:
        return messages.count_tokens(model=MODEL, messages=given, tools=[TOOL], **members)

    plain = count(HISTORY)
    assert plain.context_management is None
    cleared = count(HISTORY, **edits(CLEAR))
    assert cleared.input_tokens < plain.input_tokens
    assert cleared.context_management.original_input_tokens == plain.input_tokens
    block = {"type": "compaction", "content": SUMMED}
    summed = count([*HISTORY, {"role": "assistant", "content": [block]}, TOLD[2]])
    assert summed.input_tokens < 250
    assert summed.context_management.original_input_tokens > plain.input_tokens
    assert count(TOLD, **edits(COMPACT)).input_tokens > 50_000, "counting compacts nothing"


@both
def test_strict_readers_read_all_of_it(
    gateway: Gateway, upstream: Simulator, streamed: bool
) -> None:
    upstream.script(SUMMARY, {"text": ["Paris."]})
    body = {"model": MODEL, "max_tokens": 999, "messages": TOLD, **edits(CLEAR, COMPACT)}
    answer = requests.post(
        f"{gateway.url}/v1/messages",
        json=body | {"stream": streamed},
        headers={"x-api-key": KEY},
        timeout=60,
    )
    if not streamed:
        BetaMessage.model_validate(answer.json(), strict=True)
        return
    told = [(name, payload) for name, payload in events(answer.text) if name != "ping"]
    for name, payload in told:
        EVENTS[name].model_validate(payload, strict=True)
    kinds = [payload.get("delta", {}).get("type") for _, payload in told]
    assert kinds.count("compaction_delta") == 1
    line = gateway.wait_for_line(answer.headers["request-id"])
    assert line["attempts"] == 2
    assert "compaction" in line["repairs"]
    assert "compaction" in answer.headers["x-kiro-repairs"]
