"""The rules of order and pairing inside `conversationState`.

They are the invariants the Amazon Q CLI enforces before it sends, and the ones whose breach other
clients report as "Improperly formed request.". The functions here take any JSON value: what has the
wrong type is passed over, since the shape check reports it.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from . import tool_schema
from .shapes import Report

Turn = tuple[str, str, dict[str, Any]]
"""Role ("user", "assistant" or ""), path, and the message inside the union."""

_ROLES = {"userInputMessage": "user", "assistantResponseMessage": "assistant"}


def check(state: Any, report: Report) -> None:
    """Report every breach of order, pairing, naming and emptiness in `conversationState`."""
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


def current_user(body: dict[str, Any]) -> dict[str, Any]:
    """Return the userInputMessage of currentMessage, or an empty dict."""
    state = as_dict(body.get("conversationState"))
    return as_dict(as_dict(state.get("currentMessage")).get("userInputMessage"))


def history_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the history entries that are objects."""
    state = as_dict(body.get("conversationState"))
    return [entry for entry in as_list(state.get("history")) if isinstance(entry, dict)]


def tool_results(user: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the tool results a user message carries."""
    return _dicts(as_dict(user.get("userInputMessageContext")).get("toolResults"))


def tool_names(user: dict[str, Any]) -> list[str]:
    """Return the names of the tools a user message offers."""
    return [str(spec.get("name")) for spec in _specifications(user)]


def as_dict(value: Any) -> dict[str, Any]:
    """Return `value` if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """Return `value` if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in as_list(value) if isinstance(item, dict)]


def _turn(entry: Any, path: str) -> Turn:
    for member, role in _ROLES.items():
        if member in as_dict(entry):
            return role, f"{path}.{member}", as_dict(entry[member])
    return "", path, {}


def _tool_entries(user: dict[str, Any]) -> list[dict[str, Any]]:
    return _dicts(as_dict(user.get("userInputMessageContext")).get("tools"))


def _specifications(user: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for entry in _tool_entries(user):
        if isinstance(entry.get("toolSpecification"), dict):
            yield entry["toolSpecification"]


def _check_order(history: list[Turn], current: Turn, report: Report) -> None:
    if current[0] != "user":
        report("current-message", "currentMessage must be a userInputMessage")
    for index, (role, path, _) in enumerate(history):
        expected = "assistant" if index % 2 else "user"
        if role != expected:
            report("history-order", f"{path} must be the {expected}'s: history alternates")
            return
    if len(history) % 2:
        report("history-order", "history must end with an assistantResponseMessage")


def _check_pairing(turns: list[Turn], report: Report) -> None:
    uses_before: list[str] = []
    seen: Counter[str] = Counter()
    for index, (role, path, message) in enumerate(turns):
        if role == "assistant":
            uses_before = [str(use.get("toolUseId")) for use in _dicts(message.get("toolUses"))]
            seen.update(uses_before)
            continue
        results = [str(result.get("toolUseId")) for result in tool_results(message)]
        if index == 0 and results and len(turns) > 1:
            report("first-user-tool-results", f"{path} opens the history with toolResults")
        elif Counter(results) != Counter(uses_before):
            report(
                "tool-pairing",
                f"{path} has {len(results)} toolResults that do not pair one to one with the "
                f"{len(uses_before)} toolUses of the message before",
            )
        uses_before = []
    if any(count > 1 for count in seen.values()):
        report("tool-use-ids-unique", "a toolUseId is used by two toolUses")


def _check_content(turns: list[Turn], report: Report) -> None:
    for role, path, message in turns:
        if role == "user" and message.get("content") == "" and not tool_results(message):
            report("empty-content", f"{path}.content is empty and there are no toolResults")


def _check_tools(history: list[Turn], current: dict[str, Any], report: Report) -> None:
    for _, path, message in history:
        if "tools" in as_dict(message.get("userInputMessageContext")):
            report("tools-only-current", f"{path} has tools: only currentMessage may")
    if any("cachePoint" in entry for entry in _tool_entries(current)):
        report("cache-point-in-tools", "a cachePoint stands among the tools")
    for index, specification in enumerate(_specifications(current)):
        schema = as_dict(specification.get("inputSchema")).get("json")
        for breach in tool_schema.breaches(schema):
            report("tool-schema", f"tools[{index}]: {breach}")
    _check_names(history, tool_names(current), report)


def _check_names(history: list[Turn], offered: list[str], report: Report) -> None:
    if len({name.casefold() for name in offered}) != len(offered):
        report("tool-names-unique", "two tools have names that differ at most in letter case")
    used = {
        str(use.get("name"))
        for role, _, message in history
        if role == "assistant"
        for use in _dicts(message.get("toolUses"))
    }
    missing = len(used - set(offered))
    if missing:
        report("tool-offered", f"{missing} tools used in history are not offered in currentMessage")
