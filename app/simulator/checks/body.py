"""Access to the parts of a chat request body that may hold any JSON value.

Where a value has the wrong type, these functions return an empty one: `request_shape` reports it.
"""

from typing import Any


def current_user(body: dict[str, Any]) -> dict[str, Any]:
    """Return the userInputMessage of currentMessage, or an empty dict."""
    state = as_dict(body.get("conversationState"))
    return as_dict(as_dict(state.get("currentMessage")).get("userInputMessage"))


def history_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the history entries that are objects."""
    return dicts(as_dict(body.get("conversationState")).get("history"))


def tool_results(user: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the tool results of a user message."""
    return dicts(as_dict(user.get("userInputMessageContext")).get("toolResults"))


def tool_entries(user: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the entries of a user message's `tools`: tool specifications and cache points."""
    return dicts(as_dict(user.get("userInputMessageContext")).get("tools"))


def tool_specifications(user: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the specifications of the tools that a user message offers."""
    return dicts([entry.get("toolSpecification") for entry in tool_entries(user)])


def tool_names(user: dict[str, Any]) -> list[str]:
    """Return the names of the tools that a user message offers."""
    return [str(specification.get("name")) for specification in tool_specifications(user)]


def as_dict(value: Any) -> dict[str, Any]:
    """Return `value` if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """Return `value` if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def dicts(value: Any) -> list[dict[str, Any]]:
    """Return the items of `value` that are objects; an empty list if it is not a list."""
    return [item for item in as_list(value) if isinstance(item, dict)]
