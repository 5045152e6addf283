"""The rules of order and pairing inside `conversationState`.

These are the invariants that the Amazon Q CLI enforces before it sends, and those whose violation
other clients report as "Improperly formed request.". The checks accept any JSON value and skip
values of the wrong type: `request_shape` reports those.
"""

from collections import Counter
from typing import Any

from . import tool_schema
from .body import (
    as_dict,
    as_list,
    dicts,
    tool_entries,
    tool_names,
    tool_results,
    tool_specifications,
)
from .shapes import ReportViolation

Turn = tuple[str, str, dict[str, Any]]
"""Role ("user", "assistant" or ""), path, and the message inside the union."""

_ROLES = {"userInputMessage": "user", "assistantResponseMessage": "assistant"}


def check(state: Any, report: ReportViolation) -> None:
    """Report every violation of order, pairing, naming and emptiness in `conversationState`."""
    state = as_dict(state)
    history = [
        _turn(entry, f"history[{index}]")
        for index, entry in enumerate(as_list(state.get("history")))
    ]
    current = _turn(state.get("currentMessage"), "currentMessage")
    _check_order(history, current, report)
    _check_pairing([*history, current], report)
    _check_content([*history, current], report)
    _check_tools(history, current[2], report)


def _turn(entry: Any, path: str) -> Turn:
    for member, role in _ROLES.items():
        if member in as_dict(entry):
            return role, f"{path}.{member}", as_dict(entry[member])
    return "", path, {}


def _check_order(history: list[Turn], current: Turn, report: ReportViolation) -> None:
    if current[0] != "user":
        report("current-message", "currentMessage must be a userInputMessage")
    for index, (role, path, _) in enumerate(history):
        expected = "assistant" if index % 2 else "user"
        if role != expected:
            report("history-order", f"{path} must be the {expected}: history alternates")
            return
    if len(history) % 2:
        report("history-order", "history must end with an assistantResponseMessage")


def _check_pairing(turns: list[Turn], report: ReportViolation) -> None:
    uses_before: list[str] = []
    seen: Counter[str] = Counter()
    for index, (role, path, message) in enumerate(turns):
        if role == "assistant":
            uses_before = [str(use.get("toolUseId")) for use in dicts(message.get("toolUses"))]
            seen.update(uses_before)
            continue
        results = [str(result.get("toolUseId")) for result in tool_results(message)]
        if index == 0 and results and len(turns) > 1:
            report("first-user-tool-results", f"{path} is the first message and has toolResults")
        elif Counter(results) != Counter(uses_before):
            report(
                "tool-pairing",
                f"{path} has {len(results)} toolResults that do not pair one to one with the "
                f"{len(uses_before)} toolUses of the message before",
            )
        uses_before = []
    if any(count > 1 for count in seen.values()):
        report("tool-use-ids-unique", "two toolUses have the same toolUseId")


def _check_content(turns: list[Turn], report: ReportViolation) -> None:
    for role, path, message in turns:
        if role == "user" and message.get("content") == "" and not tool_results(message):
            report("empty-content", f"{path}.content is empty and there are no toolResults")


def _check_tools(history: list[Turn], current: dict[str, Any], report: ReportViolation) -> None:
    for _, path, message in history:
        if "tools" in as_dict(message.get("userInputMessageContext")):
            report("tools-only-current", f"{path} has tools; only currentMessage may have them")
    if any("cachePoint" in entry for entry in tool_entries(current)):
        report("cache-point-in-tools", "the tools include a cachePoint")
    for index, specification in enumerate(tool_specifications(current)):
        schema = as_dict(specification.get("inputSchema")).get("json")
        for problem in tool_schema.problems(schema):
            report("tool-schema", f"tools[{index}]: {problem}")
    _check_names(history, tool_names(current), report)
    if not tool_entries(current) and any(
        message.get("toolUses") or tool_results(message) for _, _, message in history
    ):
        report("tools-missing", "history has tool calls or results, and no tool is offered")


def _check_names(history: list[Turn], offered: list[str], report: ReportViolation) -> None:
    if len({name.casefold() for name in offered}) != len(offered):
        report("tool-names-unique", "two tool names are equal or differ in letter case only")
    used = {
        str(use.get("name"))
        for role, _, message in history
        if role == "assistant"
        for use in dicts(message.get("toolUses"))
    }
    missing = len(used - set(offered))
    if missing:
        report("tool-offered", f"{missing} tools used in history are not offered in currentMessage")
