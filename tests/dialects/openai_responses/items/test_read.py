"""Every item of the input: to which turns it comes, or why it is refused."""

import pytest

from app.core.conversation import RedactedThinking, Text, Thinking, ToolCall, ToolResult
from app.dialects.openai_responses.items import reasoning_content

CALL = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a":1}'}
OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "ok"}
PATCH = {"type": "custom_tool_call", "call_id": "c2", "name": "patch", "input": "*** Begin"}
PATCHED = {"type": "custom_tool_call_output", "call_id": "c2", "output": "done"}
SIGNED = reasoning_content.encode(Thinking("hm", "sig"))
OPAQUE = reasoning_content.encode(RedactedThinking("Eo8B"))


TASK = {
    "type": "agent_message",
    "id": "amsg_1",
    "author": "main",
    "recipient": "t1",
    "content": [
        {"type": "input_text", "text": "Message Type: NEW_TASK\nPayload:\n"},
        {"type": "encrypted_content", "encrypted_content": "count the files"},
    ],
}
SEARCH = {
    "type": "tool_search_call",
    "call_id": "s1",
    "status": "completed",
    "execution": "client",
    "arguments": {"query": "note"},
}
ADD = {
    "type": "function",
    "name": "add",
    "description": "Adds.",
    "strict": False,
    "defer_loading": True,
    "parameters": {},
}
FOUND = {
    "type": "tool_search_output",
    "call_id": "s1",
    "status": "completed",
    "execution": "client",
    "tools": [
        {"type": "namespace", "name": "notes", "description": "Notes.", "tools": [ADD]},
        {"type": "function", "name": "f"},
    ],
}


def message(role, content, **members):
    return {"type": "message", "role": role, "content": content, **members}


ITEMS = [
    ({"role": "user", "content": "hi"}, ("user", (Text("hi"),))),
    (message("user", "hi"), ("user", (Text("hi"),))),
    (
        message("user", [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]),
        ("user", (Text("a"), Text("b"))),
    ),
    (
        message(
            "assistant",
            [{"type": "output_text", "text": "a", "annotations": [], "logprobs": []}],
            id="msg_1",
            status="completed",
            phase="final_answer",
        ),
        ("assistant", (Text("a"),)),
    ),
    (message("assistant", "a"), ("assistant", (Text("a"),))),
    (
        message("assistant", [{"type": "refusal", "refusal": "no"}]),
        ("assistant", (Text("no"),)),
    ),
    (CALL, ("assistant", (ToolCall("c1", "f", {"a": 1}),))),
    (CALL | {"id": "fc_1", "status": "completed"}, ("assistant", (ToolCall("c1", "f", {"a": 1}),))),
    (CALL | {"arguments": ""}, ("assistant", (ToolCall("c1", "f", {}),))),
    (CALL | {"arguments": '{"a'}, ("assistant", (ToolCall("c1", "f", {"arguments": '{"a'}),))),
    (CALL | {"namespace": "ns"}, ("assistant", (ToolCall("c1", "ns__f", {"a": 1}),))),
    (OUTPUT, ("user", (ToolResult("c1", (Text("ok"),)),))),
    (
        OUTPUT | {"output": [{"type": "input_text", "text": "a"}], "id": "fco_1"},
        ("user", (ToolResult("c1", (Text("a"),)),)),
    ),
    (OUTPUT | {"output": []}, ("user", (ToolResult("c1"),))),
    (PATCH, ("assistant", (ToolCall("c2", "patch", {"input": "*** Begin"}),))),
    (PATCHED, ("user", (ToolResult("c2", (Text("done"),)),))),
    (
        {
            "type": "reasoning",
            "id": "rs_1",
            "encrypted_content": SIGNED,
        },
        ("assistant", (Thinking("hm", "sig"),)),
    ),
    (
        {
            "type": "reasoning",
            "summary": [],
            "encrypted_content": OPAQUE,
        },
        ("assistant", (RedactedThinking("Eo8B"),)),
    ),
    (
        {"type": "web_search_call", "id": "ws_1", "action": {"type": "open_page", "url": "u"}},
        ("assistant", (Text('[web_search_call: {"action":{"type":"open_page","url":"u"}}]'),)),
    ),
    (
        {"type": "shell_call_output", "call_id": "c", "output": [{"stdout": "42"}]},
        ("user", (Text('[shell_call_output: {"call_id":"c","output":[{"stdout":"42"}]}]'),)),
    ),
    (TASK, ("user", (Text("Message Type: NEW_TASK\nPayload:\n"), Text("count the files")))),
    (
        {"type": "agent_message", "content": [{"type": "input_text", "text": "three"}]},
        ("user", (Text("three"),)),
    ),
    (SEARCH, ("assistant", (ToolCall("s1", "tool_search", {"query": "note"}),))),
    (
        SEARCH | {"arguments": '{"query":"note"}'},
        ("assistant", (ToolCall("s1", "tool_search", {"query": "note"}),)),
    ),
    (
        SEARCH | {"arguments": ["note"]},
        ("assistant", (ToolCall("s1", "tool_search", {"arguments": '["note"]'}),)),
    ),
    (
        SEARCH | {"execution": "server", "call_id": None},
        ("assistant", (Text('[tool_search_call: {"arguments":{"query":"note"}}]'),)),
    ),
    (
        FOUND,
        (
            "user",
            (
                ToolResult(
                    "s1",
                    (
                        Text(
                            '{"tools":[{"name":"notes__add","description":"Adds."},'
                            '{"name":"f","description":""}]}'
                        ),
                    ),
                ),
            ),
        ),
    ),
    (FOUND | {"tools": []}, ("user", (ToolResult("s1", (Text("No tool was found."),)),))),
    (
        {"type": "note_of_tomorrow", "id": "n1", "content": [{"type": "x", "text": "hm"}]},
        ("user", (Text('[note_of_tomorrow: {"content":[{"type":"x","text":"hm"}]}]'),)),
    ),
    (
        {"type": "tomorrows_call", "arguments": "{}"},
        ("assistant", (Text('[tomorrows_call: {"arguments":"{}"}]'),)),
    ),
    (
        {"type": "say_of_tomorrow", "role": "assistant", "text": "hm"},
        ("assistant", (Text('[say_of_tomorrow: {"role":"assistant","text":"hm"}]'),)),
    ),
]


@pytest.mark.parametrize(("item", "turn"), ITEMS)
def test_one_item(said, item, turn):
    assert said(item) == [turn]


def test_what_the_assistant_did_in_one_turn_is_one_turn(said):
    reasoning = {
        "type": "reasoning",
        "encrypted_content": SIGNED,
    }
    assert said(
        message("user", "q"), reasoning, message("assistant", "a"), CALL, PATCH, OUTPUT, PATCHED
    ) == [
        ("user", (Text("q"),)),
        (
            "assistant",
            (
                Thinking("hm", "sig"),
                Text("a"),
                ToolCall("c1", "f", {"a": 1}),
                ToolCall("c2", "patch", {"input": "*** Begin"}),
            ),
        ),
        ("user", (ToolResult("c1", (Text("ok"),)), ToolResult("c2", (Text("done"),)))),
    ]


def test_a_search_and_what_it_found_are_a_call_and_its_result(said):
    """And what is called then has the name that was told."""
    call = CALL | {"name": "add", "namespace": "notes", "encrypted_function_args": []}
    turns = said(message("user", "q"), SEARCH, FOUND, call, OUTPUT)
    assert [(role, *map(type, parts)) for role, parts in turns] == [
        ("user", Text),
        ("assistant", ToolCall),
        ("user", ToolResult),
        ("assistant", ToolCall),
        ("user", ToolResult),
    ]
    assert turns[3][1][0].name == "notes__add"


def test_what_ran_at_openai_was_found_already(parse):
    found = FOUND | {"call_id": None, "execution": "server"}
    conversation = parse(input=[message("user", "q"), found]).conversation
    assert len(conversation.messages) == 1
    assert [tool.name for tool in conversation.tools] == ["notes__add", "f"]


def test_messages_of_agents_are_read_whole(parse):
    conversation = parse(input=[message("user", "q"), TASK, TASK, SEARCH, FOUND]).conversation
    assert [message.role for message in conversation.messages] == ["user"] * 3 + [
        "assistant",
        "user",
    ]
    assert (conversation.ignored, conversation.notes) == ((), ())


def test_messages_of_the_user_stay_apart(said):
    """From each other, and from what tools put out."""
    turns = said(message("user", "a"), message("user", "b"), CALL, OUTPUT, message("user", "c"))
    assert [(role, len(parts)) for role, parts in turns] == [
        ("user", 1),
        ("user", 1),
        ("assistant", 1),
        ("user", 1),
        ("user", 1),
    ]


@pytest.mark.parametrize(
    "item",
    [
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAAABo"},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": None},
        {"type": "mcp_list_tools", "server_label": "s", "tools": []},
        {"type": "computer_call", "id": "cu_1"},
        {"type": "item_of_tomorrow"},
        {"type": "item_of_tomorrow", "content": [], "text": " ", "output": {"image_url": "x"}},
        {"type": "configuration_update", "reasoning": {"effort": "low"}},
        {"type": "image_generation_call", "result": "iVBORw0KGgo="},
    ],
)
def test_an_item_that_tells_the_model_nothing_is_named(parse, item):
    conversation = parse(input=[item, message("user", "hi")]).conversation
    assert len(conversation.messages) == 1
    assert conversation.ignored == (item["type"],)


@pytest.mark.parametrize(
    ("item", "note"),
    [
        (CALL | {"arguments": "[]"}, "invalid_arguments_wrapped"),
        (message("assistant", [{"type": "refusal", "refusal": "no"}]), "refusal_as_text"),
        ({"type": "mcp_call", "name": "f"}, "mcp_call_as_text"),
    ],
)
def test_what_is_rewritten_is_noted(parse, item, note):
    assert parse(input=[item]).conversation.notes == (note,)


def test_members_of_an_item_that_are_not_known_are_named(parse):
    part = {"type": "input_text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}}
    items = [message("user", [part]), CALL | {"caller": {"type": "direct"}}]
    assert parse(input=items).conversation.ignored == ("prompt_cache_breakpoint", "caller")


REFUSED = [
    ({}, "input[1].type: Field required"),
    ({"type": 5}, "input[1].type: Input should be a valid string"),
    ({"type": "message"}, "input[1].role: Field required"),
    ({"role": "tool", "content": ""}, "input[1].role: 'tool' is not supported here"),
    ({"role": "user"}, "input[1].content: Field required"),
    (
        {"role": "user", "content": [{"type": "input_audio"}]},
        "input[1].content[0].type: 'input_audio' is not supported here",
    ),
    (
        {"role": "assistant", "content": [{"type": "input_image"}]},
        "input[1].content[0].type: 'input_image' is not supported here",
    ),
    ({"type": "function_call", "name": "f", "arguments": ""}, "input[1].call_id: Field required"),
    (CALL | {"name": ""}, "input[1].name: Input should have a length of at least 1"),
    (CALL | {"arguments": {}}, "input[1].arguments: Input should be a valid string"),
    ({"type": "function_call_output", "call_id": "c"}, "input[1].output: Field required"),
    (
        {"type": "compaction", "encrypted_content": "x"},
        "input[1]: compaction items can be read only by the service that made them",
    ),
    *[
        (
            {"type": kind, "encrypted_content": "gAAAAxyz"},
            f"input[1]: {kind} items can be read only by the service that made them",
        )
        for kind in ("compaction_summary", "context_compaction", "secret_of_tomorrow")
    ],
    (
        TASK | {"content": [{"type": "encrypted_content", "encrypted_content": "gAAAABo"}]},
        "input[1].content[0].encrypted_content: this is ciphertext that only OpenAI can read",
    ),
    (
        OUTPUT | {"output": [{"type": "encrypted_content", "encrypted_content": "gAAAABo"}]},
        "input[1].output[0].encrypted_content: this is ciphertext that only OpenAI can read",
    ),
    (FOUND | {"tools": None}, "input[1].tools: Input should be a valid list"),
    ({"type": "additional_tools"}, "input[1].tools: Field required"),
]


@pytest.mark.parametrize(("item", "message"), REFUSED)
def test_a_wrong_item_is_refused_by_its_place(refused, item, message):
    error = refused(input=[{"role": "user", "content": "hi"}, item])
    assert error.message.startswith(message)
    assert error.field == message.partition(": ")[0]
