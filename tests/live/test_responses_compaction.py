"""Compaction in the Responses API, through the official SDK: by a trigger as Codex asks for it, by
the endpoint of its own, and at a threshold.

Source: OpenAI's guide to compaction, the types of the SDK, and Codex 0.144, 0.153 and 0.171 in
front of a scripted server.
"""

from typing import Any

import openai
import pytest
from openai import OpenAI

from app.core.compaction import ASKED, HEAD
from app.simulator import Simulator
from tests.live.openai_shared import MODEL, asked, chats
from tests.live.servers import KEY, Gateway

both = pytest.mark.parametrize("streamed", [True, False])
SUMMARY = {"text": ["The list ", "has three files."]}
SUMMED = "".join(SUMMARY["text"])
TRIGGER = {"type": "compaction_trigger"}
TOOL = {"type": "function", "name": "ls", "parameters": {"type": "object"}, "strict": False}
CALL = {"type": "function_call", "call_id": "c1", "name": "ls", "arguments": "{}"}
TOLD: list[Any] = [
    {"type": "message", "role": "developer", "content": "Be brief."},
    {"type": "message", "role": "user", "content": "Count the files."},
    CALL,
    {"type": "function_call_output", "call_id": "c1", "output": "MARK-a MARK-b MARK-c"},
    {"type": "message", "role": "assistant", "content": "MARK-three."},
    {"type": "message", "role": "user", "content": "Sure?"},
]
CALLS = {"tool": {"name": "ls", "input": {}}}


@pytest.fixture
def responses(gateway: Gateway) -> Any:
    """Strict about the types of what it reads."""
    return OpenAI(
        base_url=f"{gateway.url}/v1",
        api_key=KEY,
        max_retries=0,
        _strict_response_validation=True,
    ).responses


def ask(responses: Any, streamed: bool, given: Any, **members: Any) -> tuple[list[Any], Any]:
    """What is done of the output, and the response."""
    body: Any = {"model": MODEL, "input": given, "tools": [TOOL], "store": False, **members}
    if not streamed:
        response = responses.create(**body)
        return response.output, response
    told = list(responses.create(**body, stream=True))
    done = [event.item for event in told if event.type == "response.output_item.done"]
    assert told[-1].type == "response.completed"
    assert [item.id for item in done] == [item.id for item in told[-1].response.output]
    return done, told[-1].response


def said(upstream: Simulator) -> str:
    """Everything that the upstream was sent last but for the system text's turn."""
    return str(chats(upstream)[-1].body)


@both
@pytest.mark.parametrize("name", ["compaction", "compaction_summary", "context_compaction"])
def test_a_trigger_is_answered_by_one_item_that_later_requests_bring_back(
    responses: Any, upstream: Simulator, streamed: bool, name: str
) -> None:
    upstream.script(SUMMARY, {"text": ["Yes."]}, {"text": ["Still."]})
    (item,), response = ask(responses, streamed, [*TOLD, TRIGGER])
    assert item.type == "compaction"
    assert item.encrypted_content
    assert response.usage.input_tokens > 0
    assert asked(upstream)["content"].endswith(ASKED)
    assert "MARK-a" in said(upstream)
    assert len(chats(upstream)) == 1

    kept = [each for each in TOLD if each.get("role") in ("developer", "user")]
    carried = {"type": name, "encrypted_content": item.encrypted_content}
    (text,), _ = ask(responses, streamed, [*kept, carried])
    assert text.content[0].text == "Yes."
    content = asked(upstream)["content"]
    assert content.endswith(HEAD + SUMMED)
    assert "Count the files." in said(upstream)
    assert "MARK-" not in said(upstream)

    followed = [*TOLD, carried, {"role": "user", "content": "And now?"}]
    ask(responses, streamed, followed)
    assert "MARK-" not in said(upstream), "the summary stands for it"
    assert "Be brief." in said(upstream)
    assert HEAD + SUMMED in said(upstream).replace("\\n", "\n")
    assert asked(upstream)["content"].endswith("And now?")


def test_the_endpoint_answers_with_what_takes_the_place_of_the_input(
    gateway: Gateway, upstream: Simulator
) -> None:
    """By the documentation it has the user's messages, which the SDK's type does not know."""
    client = OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0)
    upstream.script(SUMMARY, {"text": ["Yes."]})
    answer: Any = client.responses.compact(model=MODEL, input=TOLD, instructions="Count well.")
    assert answer.object == "response.compaction"
    assert answer.usage.total_tokens > 0
    assert said(upstream).count("Count the files.") == 1
    items = [item.model_dump(exclude_unset=True, warnings=False) for item in answer.output]
    assert [(item["type"], item.get("role")) for item in items] == [
        ("message", "developer"),
        ("message", "user"),
        ("message", "user"),
        ("compaction", None),
    ]
    assert "Count well." in said(upstream)
    client.responses.create(model=MODEL, input=[*items, {"role": "user", "content": "So?"}])
    assert "Count the files." in said(upstream)
    assert "MARK-" not in said(upstream)
    assert HEAD + SUMMED in said(upstream).replace("\\n", "\n")


def test_the_endpoint_compacts_what_a_kept_response_followed(
    gateway: Gateway, upstream: Simulator
) -> None:
    client = OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0)
    upstream.script({"text": ["MARK-yes."]}, SUMMARY)
    first = client.responses.create(model=MODEL, input=TOLD)
    raw = client.responses.with_raw_response.compact(
        model=MODEL, previous_response_id=first.id, extra_body={"stream": True}
    )
    assert raw.headers["x-kiro-ignored"] == "stream"
    answer: Any = raw.parse()
    said_again = [item for item in answer.output if item.type == "message"]
    assert [item.content[0].text for item in said_again] == [
        "Be brief.",
        "Count the files.",
        "Sure?",
    ]
    assert "MARK-yes." in said(upstream)


@both
def test_at_its_threshold_a_response_begins_with_a_summary(
    responses: Any, upstream: Simulator, streamed: bool
) -> None:
    at = [{"type": "compaction", "compact_threshold": 20}]
    upstream.script(SUMMARY, {"text": ["Yes."]}, {"text": ["Good."]}, {"text": ["Hello."]})
    (item, text), response = ask(responses, streamed, TOLD, context_management=at)
    assert (item.type, text.content[0].text) == ("compaction", "Yes.")
    answering = chats(upstream)[-1]
    assert "MARK-" not in str(answering.body)
    assert response.usage.output_tokens > 5

    ask(responses, streamed, [*TOLD, item, text, {"role": "user", "content": "Good."}])
    before = answering.body["conversationState"]["currentMessage"]["userInputMessage"]["content"]
    history = chats(upstream)[-1].body["conversationState"]["history"]
    assert before in [turn.get("userInputMessage", {}).get("content") for turn in history]

    far = [{"type": "compaction", "compact_threshold": 20_000}]
    (text,), _ = ask(responses, streamed, TOLD, context_management=far)
    assert text.content[0].text == "Hello."


def test_a_kept_response_that_was_a_compaction_can_be_followed(
    responses: Any, upstream: Simulator
) -> None:
    upstream.script(SUMMARY, {"text": ["Yes."]})
    _, response = ask(responses, True, [*TOLD, TRIGGER], store=True)
    ask(responses, False, "And now?", previous_response_id=response.id)
    assert "MARK-" not in said(upstream)
    assert HEAD + SUMMED in said(upstream).replace("\\n", "\n")
    assert asked(upstream)["content"].endswith("And now?")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ([TRIGGER, *TOLD], "compaction_trigger must be the last item"),
        ([{"type": "compaction", "encrypted_content": "gAAA"}], r"input\[0\]: compaction items"),
        ([TRIGGER], "No item of 'input'"),
    ],
)
def test_what_cannot_be_compacted_is_refused(
    responses: Any, upstream: Simulator, given: Any, problem: str
) -> None:
    with pytest.raises(openai.BadRequestError, match=problem):
        ask(responses, False, given)
    assert chats(upstream) == []


def test_without_a_summary_there_is_an_error_and_no_item(
    responses: Any, upstream: Simulator
) -> None:
    upstream.script(CALLS, CALLS)
    with pytest.raises(openai.APIError, match="wrote none"):
        ask(responses, True, [*TOLD, TRIGGER])
    upstream.script(CALLS, CALLS)
    with pytest.raises(openai.InternalServerError, match="wrote none"):
        ask(responses, False, [*TOLD, TRIGGER])
    upstream.script(CALLS, CALLS, {"text": ["Yes."]})
    at = [{"type": "compaction", "compact_threshold": 20}]
    (text,), _ = ask(responses, True, TOLD, context_management=at)
    assert text.content[0].text == "Yes."
    assert "MARK-a" in said(upstream)


def test_what_is_too_long_to_be_summed_up_is_told_as_such(
    responses: Any, upstream: Simulator
) -> None:
    """Codex then leaves out its oldest item, and asks again."""
    upstream.script({"fail": "too_long"})
    with pytest.raises(openai.BadRequestError) as refused:
        ask(responses, False, [*TOLD, TRIGGER])
    assert refused.value.code == "context_length_exceeded"
