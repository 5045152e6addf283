"""The body of a request, member by member."""

from typing import Any

import msgspec
import pytest

from app.codewhisperer.request.render import MAX_CONTENT, MAX_RESULT, RenderedRequest, render
from app.codewhisperer.service.hosts import Host, candidates
from app.common.errors import GatewayError, Kind
from app.core.conversation import (
    Conversation,
    Document,
    Image,
    Message,
    Part,
    RedactedThinking,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
)
from app.models.names import resolve
from app.models.table import MODELS

READ = Tool("Read", "Reads a file", {"type": "object", "properties": {"path": {"type": "string"}}})


def user(*parts: Part | str) -> Message:
    return Message("user", tuple(Text(p) if isinstance(p, str) else p for p in parts))


def assistant(*parts: Part | str) -> Message:
    return Message("assistant", user(*parts).parts)


def host(generation: str) -> Host:
    return candidates("us-east-1", generation)[0]


def rendered(
    *messages: Message,
    generation: str = "q",
    model: str = "claude-sonnet-4-5",
    arn: str | None = None,
    continuation_id: str = "",
    root_id: str = "",
    **members: Any,
) -> RenderedRequest:
    return render(
        Conversation(model, messages, **members),
        host=host(generation),
        model=resolve(model, "auto", {}).model,
        profile_arn=arn,
        conversation_id="conversation",
        max_description=10_000,
        continuation_id=continuation_id,
        root_id=root_id,
    )


def body(*messages: Message, **kwargs: Any) -> Any:
    return msgspec.json.decode(rendered(*messages, **kwargs).body)


def test_the_least_request() -> None:
    assert body(user("hello")) == {
        "conversationState": {
            "chatTriggerType": "MANUAL",
            "conversationId": "conversation",
            "agentTaskType": "vibe",
            "currentMessage": {
                "userInputMessage": {
                    "content": "hello",
                    "modelId": "CLAUDE_SONNET_4_5_20250929_V1_0",
                    "origin": "AI_EDITOR",
                }
            },
        }
    }


def test_a_binary_document_is_sent_beside_the_text_of_its_message() -> None:
    """docs/upstream.md: Documents of a message"""
    state = body(
        user("read it", Document(None, "Report.pdf", "pdf", "AAAA"), Document("text", "Note")),
        assistant("ok"),
        user("and this", Document(None, "Sheet", "xlsx", "BBBB")),
    )["conversationState"]
    earlier = state["history"][0]["userInputMessage"]
    assert earlier["content"] == "read it\n\n# Note\n\ntext"
    assert earlier["documents"] == [
        {"name": "Report", "format": "pdf", "source": {"bytes": "AAAA"}}
    ]
    assert state["currentMessage"]["userInputMessage"]["documents"] == [
        {"name": "Sheet", "format": "xlsx", "source": {"bytes": "BBBB"}}
    ]


def test_a_model_without_eyes_is_sent_no_image() -> None:
    """docs/upstream.md: What a model reads"""
    blind = next(model for model in MODELS if "image" not in model.input_types)
    sent = body(user("look", Image("png", "AAAA")), model=blind.id)
    assert "images" not in sent["conversationState"]["currentMessage"]["userInputMessage"]


def test_the_system_text_is_a_turn_of_the_user() -> None:
    """docs/upstream.md: The system text has no field of its own"""
    sent = body(user("hi"), system="Be brief.", generation="kiro")
    assert "systemPrompt" not in sent
    assert sent["conversationState"]["history"][0]["userInputMessage"]["content"] == "Be brief."


def test_a_whole_conversation() -> None:
    state = body(
        user("read it", Image("png", "AAAA")),
        assistant(Thinking("hm", "signed"), "reading", ToolCall("1", "Read", {"path": "a"})),
        user(ToolResult("1", (Text("first"), Text("second")), is_error=True), "go on"),
        generation="kiro",
        system="Be brief.",
        tools=(READ,),
    )["conversationState"]
    common = {"modelId": "claude-sonnet-4.5", "origin": "KIRO_CLI"}
    assert state["history"] == [
        {"userInputMessage": {"content": "Be brief."} | common},
        {"assistantResponseMessage": {"content": "Understood."}},
        {
            "userInputMessage": {
                "content": "read it",
                "images": [{"format": "png", "source": {"bytes": "AAAA"}}],
            }
            | common
        },
        {
            "assistantResponseMessage": {
                "content": "reading",
                "toolUses": [{"toolUseId": "1", "name": "Read", "input": {"path": "a"}}],
                "reasoningContent": {"reasoningText": {"text": "hm", "signature": "signed"}},
            }
        },
    ]
    assert (
        state["currentMessage"]["userInputMessage"]
        == {
            "content": "go on",
            "userInputMessageContext": {
                "toolResults": [
                    {
                        "toolUseId": "1",
                        "content": [{"text": "first"}, {"text": "second"}],
                        "status": "error",
                    }
                ],
                "tools": [
                    {
                        "toolSpecification": {
                            "name": "Read",
                            "description": "Reads a file",
                            "inputSchema": {"json": READ.schema},
                        }
                    }
                ],
            },
        }
        | common
    )


def test_a_turn_grows_the_history_and_changes_nothing_before_it() -> None:
    earlier = (user("a"), assistant(ToolCall("1", "Read", {})), user(ToolResult("1", (Text("x"),))))
    later = (*earlier, assistant("b"), user("c"))
    first = body(*earlier, system="s", tools=(READ,))["conversationState"]
    second = body(*later, system="s", tools=(READ,))["conversationState"]
    sent = [*first["history"], first["currentMessage"]]
    context = sent[-1]["userInputMessage"]["userInputMessageContext"]
    assert context.pop("tools")
    assert second["history"][: len(sent)] == sent


def test_redacted_thinking_goes_back_as_it_came() -> None:
    state = body(user("a"), assistant(RedactedThinking("AAAA"), "b"), user("c"))
    message = state["conversationState"]["history"][1]["assistantResponseMessage"]
    assert message["reasoningContent"] == {"redactedContent": "AAAA"}


def test_texts_of_one_turn_are_paragraphs_and_documents_have_their_title() -> None:
    state = body(user("a", "", Document("body", "Title"), Document("untitled")))
    message = state["conversationState"]["currentMessage"]["userInputMessage"]
    assert message["content"] == "a\n\n# Title\n\nbody\n\nuntitled"


def test_a_call_or_a_result_needs_no_words_beside_it() -> None:
    state = body(
        user("a"),
        assistant(ToolCall("1", "Read", {})),
        user(ToolResult("1", (Text("x"),))),
        tools=(READ,),
    )["conversationState"]
    assert state["history"][1]["assistantResponseMessage"]["content"] == ""
    assert state["currentMessage"]["userInputMessage"]["content"] == ""


def test_what_was_said_is_not_in_the_repr() -> None:
    made = rendered(user("canary"))
    assert repr(made) == f"<RenderedRequest of {len(made.body)} bytes>"


def test_the_profile_is_sent_when_known() -> None:
    assert body(user("a"), arn="arn:aws:codewhisperer:x")["profileArn"] == "arn:aws:codewhisperer:x"
    assert "profileArn" not in body(user("a"), arn="")


def test_repairs_and_new_names_are_told() -> None:
    request = rendered(user("a"), assistant("b"), tools=(Tool("a.b", "d", {"type": "object"}),))
    (name,) = request.tool_names
    assert request.tool_names[name] == "a.b"
    assert name.encode() in request.body
    assert request.repairs == ("legal-tool-name", "continue-prefill")


@pytest.mark.parametrize(
    ("messages", "limit"),
    [
        ([user("x" * (MAX_CONTENT + 1))], MAX_CONTENT),
        ([user("x" * MAX_CONTENT, "y")], MAX_CONTENT),
        (
            [
                user("a"),
                assistant(ToolCall("1", "Read", {})),
                user(ToolResult("1", (Text("x" * (MAX_RESULT + 1)),))),
            ],
            MAX_RESULT,
        ),
    ],
)
def test_a_turn_that_is_too_long_says_how_long(messages: list[Message], limit: int) -> None:
    with pytest.raises(GatewayError, match=f" has .* at most {limit}") as caught:
        rendered(*messages, tools=(READ,))
    assert caught.value.kind is Kind.CONTEXT_TOO_LONG


def test_a_turn_as_long_as_may_be_is_sent() -> None:
    assert len(rendered(user("语" * MAX_CONTENT)).body) > MAX_CONTENT


def test_json_nested_beyond_what_can_be_written_is_refused() -> None:
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"a": deep}
    with pytest.raises(GatewayError, match="nested too deeply") as caught:
        rendered(user("a"), assistant(ToolCall("1", "Read", deep)), tools=(READ,))
    assert caught.value.kind is Kind.INVALID_REQUEST


@pytest.mark.parametrize(
    "message",
    [user(ToolCall("1", "Read", {})), assistant(Image("png", "AAAA"))],
    ids=["user", "assistant"],
)
def test_a_part_in_the_wrong_turn_is_refused_and_not_dropped(message: Message) -> None:
    with pytest.raises(GatewayError, match="cannot hold"):
        rendered(user("a"), message, user("b"), tools=(READ,))
