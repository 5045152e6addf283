"""What answers tell of a conversation's context: its summary, what was cleared, what that cost.

Source: the types of the ``anthropic`` SDK 2.14.
"""

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from app.common.openapi import Shape


class Compaction(Shape, frozen=True, tag_field="type", tag="compaction"):
    """A summary of all before it; null if there was to be one, and the model wrote none. It is
    plain text, which the client may read: nothing of it is encrypted, and it needs no signature.
    ``tool_changes`` are those of the turns that it stands for.
    """

    content: str | None
    tool_changes: Sequence[dict[str, Any]]
    encrypted_content: None = None
    signature: None = None


class CompactionDelta(Shape, frozen=True, tag_field="type", tag="compaction_delta"):
    content: str | None
    encrypted_content: None = None


class Iteration(Shape, frozen=True):
    """The usage of one call of the service."""

    type: Literal["compaction", "message"]
    input_tokens: int
    output_tokens: int
    cache_creation_input_tokens: int
    cache_read_input_tokens: int
    cache_creation: None = None


class ToolUsesCleared(Shape, frozen=True, tag_field="type", tag="clear_tool_uses_20250919"):
    cleared_input_tokens: int
    cleared_tool_uses: int


class ThinkingCleared(Shape, frozen=True, tag_field="type", tag="clear_thinking_20251015"):
    cleared_input_tokens: int
    cleared_thinking_turns: int


AppliedEdit: TypeAlias = ToolUsesCleared | ThinkingCleared


class ContextManagement(Shape, frozen=True):
    """The edits that cleared something of the request's history."""

    applied_edits: list[AppliedEdit]


class OriginalCount(Shape, frozen=True):
    """What the input has without the edits of its context."""

    original_input_tokens: int
