"""How the model is asked for what its answer lacks."""

from collections.abc import Sequence

from msgspec.structs import replace

from app.core.conversation import Conversation, Message, Part, Text, ToolCall, ToolResult

from .plan import Plan
from .watch import Lack, Shortfall

NOT_RUN = "This call was not run."
AGAIN: dict[Lack, str] = {
    "call": "Your answer has no call of a tool, but one is required. Call {} now.",
    "json": "You did not give the answer in the form that is required. Call {} now.",
    "arguments": "Call the tool again, with an input that is valid.",
    "tool": "Go on without it.",
}


def asked_again(plan: Plan, said: Sequence[Part], shortfall: Shortfall) -> Conversation:
    """The conversation with what the model ``said`` and what it lacks."""
    asked = plan.asked
    names = [plan.answer_tool] if shortfall.lack == "json" else sorted(plan.offered)
    tools = f"the tool {names[0]}" if len(names) == 1 else f"one of {', '.join(names)}"
    lack = "call" if plan.forced and shortfall.lack == "tool" else shortfall.lack
    wanted = Text(AGAIN[lack].format(tools))
    calls = [part for part in said if isinstance(part, ToolCall)]
    results = [
        ToolResult(call.id, (Text(shortfall.refused.get(call.id, NOT_RUN)),), is_error=True)
        for call in calls
    ]
    turns = [Message("assistant", tuple(said))] if said else []
    return replace(asked, messages=(*asked.messages, *turns, Message("user", (*results, wanted))))
