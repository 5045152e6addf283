"""Tools of Chat Completions beside functions: custom tools, and tools written as other APIs have
them, through the official ``openai`` SDK and the simulated upstream.
"""

import json
from typing import Any

import pytest
from openai import OpenAI

from app.simulator import Simulator
from tests.live.openai_shared import MODEL, asked, chats, state
from tests.live.servers import KEY, Gateway

PATCH = "*** Begin Patch\n+“é”\\n\n*** End Patch"
FLAT_PATCH = {
    "type": "custom",
    "name": "apply_patch",
    "description": "Edits files.",
    "format": {"type": "grammar", "syntax": "lark", "definition": 'start: "a"'},
}
STEPS = [
    {"text": "Let me.", "tool": {"name": "apply_patch", "input": {"input": PATCH}}},
    {"text": "Done."},
]


def nested(flat: dict[str, Any]) -> dict[str, Any]:
    grammar = {name: flat["format"][name] for name in ("syntax", "definition")}
    custom = {
        "name": flat["name"],
        "description": flat["description"],
        "format": {"type": "grammar", "grammar": grammar},
    }
    return {"type": "custom", "custom": custom}


def called(client: Any, streamed: bool, **request: Any) -> tuple[dict[str, Any] | None, str]:
    """The one call of an answer, None if it has none, and how the answer ended. The SDK's helper
    for streams has no type for custom calls, so the deltas are joined here, as clients do it.
    """
    create = client.chat.completions.create
    if not streamed:
        choice = create(model=MODEL, **request).choices[0]
        calls = choice.message.tool_calls
        return calls[0].model_dump() if calls else None, choice.finish_reason
    call: dict[str, Any] = {}
    for chunk in create(model=MODEL, stream=True, **request):
        reason = chunk.choices[0].finish_reason
        for delta in chunk.choices[0].delta.tool_calls or ():
            for name, value in delta.model_dump(exclude_none=True).items():
                if not isinstance(value, dict):
                    call[name] = value
                    continue
                inside = call.setdefault(name, {})
                for member, piece in value.items():
                    inside[member] = inside.get(member, "") + piece
    call.pop("index", None)
    return call or None, reason


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("tool", [nested(FLAT_PATCH), FLAT_PATCH], ids=["custom", "flat"])
def test_a_loop_over_a_custom_tool(
    gateway: Gateway, upstream: Simulator, tool: dict[str, Any], streamed: bool
) -> None:
    client: Any = OpenAI(base_url=gateway.url + "/v1", api_key=KEY, max_retries=0)
    messages: list[Any] = [{"role": "user", "content": "!sim " + json.dumps({"steps": STEPS})}]
    call, reason = called(client, streamed, messages=messages, tools=[tool])
    assert reason == "tool_calls"
    assert call
    if tool is FLAT_PATCH:
        expected: Any = ("function", {"name": "apply_patch", "arguments": PATCH})
    else:
        expected = ("custom", {"name": "apply_patch", "input": PATCH})
    assert (call["type"], call[call["type"]]) == expected
    (specification,) = asked(upstream)["userInputMessageContext"]["tools"]
    assert 'start: "a"' in specification["toolSpecification"]["description"]

    messages += [
        {"role": "assistant", "content": "Let me.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "content": "Patched."},
    ]
    assert called(client, streamed, messages=messages, tools=[tool]) == (None, "stop")
    assert len(chats(upstream)) == 2
    (use,) = state(upstream)["history"][-1]["assistantResponseMessage"]["toolUses"]
    assert use["input"] == {"input": PATCH}
    (result,) = asked(upstream)["userInputMessageContext"]["toolResults"]
    assert result["content"] == [{"text": "Patched."}]
