"""Finds members of events that nobody knew when this was written, so that a change of the service
is noticed by its name. The members that are known are not all used.

Source: the model of the Kiro runtime service in the Amazon Q Developer CLI.
"""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import msgspec

Members: TypeAlias = Mapping[str, Any]
"""Each known member with the members of its object, or None where it is no object."""

KNOWN: Mapping[str, Members] = {
    "assistantResponseEvent": dict.fromkeys(("content", "modelId", "modelTag")),
    "codeEvent": dict.fromkeys(("content", "modelId")),
    "reasoningContentEvent": dict.fromkeys(("text", "redactedContent", "signature")),
    "toolUseEvent": dict.fromkeys(("toolUseId", "name", "input", "stop")),
    "contextUsageEvent": {"contextUsagePercentage": None},
    "meteringEvent": dict.fromkeys(("usage", "unit", "unitPlural")),
    "metadataEvent": {
        "tokenUsage": dict.fromkeys(
            (
                "uncachedInputTokens",
                "outputTokens",
                "totalTokens",
                "cacheReadInputTokens",
                "cacheWriteInputTokens",
                "contextUsagePercentage",
                "normalizedTokenUsage",
            )
        ),
        "stopReason": None,
        "stopDetails": {
            "refusal": dict.fromkeys(("category", "explanation", "recommendedModel")),
        },
    },
}


def unknown_members(event: str, payload: bytes) -> Iterator[str]:
    """``event.member`` for each member of the payload that is not known, also inside objects."""
    known = KNOWN.get(event)
    if known is None:
        return
    try:
        document = msgspec.json.decode(payload)
    except (ValueError, RecursionError):  # who reads the payload says so
        return
    yield from _unknown(document, known, event)


def _unknown(value: Any, known: Members, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        return
    for name, inner in value.items():
        if name not in known:
            yield f"{path}.{name}"
        elif known[name] is not None:
            yield from _unknown(inner, known[name], f"{path}.{name}")
