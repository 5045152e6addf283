"""How a conversation holds the tools that the gateway ran: as turns of calls and results.

The same for the turns of an answer under way and for those that a client sends back, so that the
next request begins like the one before it.
"""

from collections.abc import Iterable

from .conversation import HostedToolUse, Message, Part, Text, ToolCall, ToolResult, ToolSearchResult


def result_text(result: ToolSearchResult) -> str:
    """A result as the model reads it."""
    if result.error:
        return f"The tool search failed: {result.error}. Change the query."
    if not result.found:
        return "No tool was found. Try another query."
    return f"Found, and ready to be called: {', '.join(result.found)}"


def call_and_result(use: HostedToolUse) -> tuple[ToolCall, ToolResult]:
    """The two parts that the model sees of it."""
    told = Text(result_text(use.result))
    return ToolCall(use.id, use.name, use.input), ToolResult(
        use.id, (told,), bool(use.result.error)
    )


def turns(said: Iterable[Part]) -> list[Message]:
    """What an assistant said, with results between its calls, as turns: each run of calls with a
    result ends a turn, and the results are the user turn behind it.
    """
    parts: list[Part] = []
    for part in said:
        parts += call_and_result(part) if isinstance(part, HostedToolUse) else (part,)
    answered = {part.call_id for part in parts if isinstance(part, ToolResult)}
    messages: list[Message] = []
    spoken: list[Part] = []
    results: list[Part] = []

    def end() -> None:
        if spoken:
            messages.append(Message("assistant", tuple(spoken)))
        if results:
            messages.append(Message("user", tuple(results)))
        spoken.clear()
        results.clear()

    for part in parts:
        if isinstance(part, ToolResult):
            results.append(part)
            continue
        if results and not (isinstance(part, ToolCall) and part.id in answered):
            end()
        spoken.append(part)
    end()
    return messages
