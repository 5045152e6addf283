"""What a request wants done to its own context: edits of the history, and compaction.

Clients send edits along that they expect to be known, so an edit of an unknown type is ignored by
its name, as a tool is.

Source: the types of the ``anthropic`` SDK 2.14, and Anthropic's documentation of context editing
and compaction.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta, Struct

from app.core.conversation import Compaction
from app.core.edits import Applied, ClearThinking, ClearToolUses, Edit
from app.core.typed_json import FieldError, Name, Record, Tagged, convert, ignore_unknown

from . import context_shapes

Tokens: TypeAlias = Annotated[int, Meta(ge=0)]
LEAST_TRIGGER, TRIGGER = 50_000, 150_000
"""Input tokens at which the API compacts: the fewest that it takes, and what it does unasked."""


class InputTokens(Tagged, frozen=True, tag="input_tokens"):
    value: Tokens


class ManyInputTokens(Tagged, frozen=True, tag="input_tokens"):
    value: Annotated[int, Meta(ge=LEAST_TRIGGER)]


class ToolUses(Tagged, frozen=True, tag="tool_uses"):
    value: Tokens


class ThinkingTurns(Tagged, frozen=True, tag="thinking_turns"):
    value: Annotated[int, Meta(ge=1)]


class AllThinking(Tagged, frozen=True, tag="all"):
    pass


class ClearToolUsesEdit(Tagged, frozen=True, tag="clear_tool_uses_20250919"):
    trigger: InputTokens | ToolUses | None = None
    keep: ToolUses | None = None
    clear_at_least: InputTokens | None = None
    exclude_tools: list[Name] | None = None
    clear_tool_inputs: bool | list[Name] | None = None


class ClearThinkingEdit(Tagged, frozen=True, tag="clear_thinking_20251015"):
    keep: ThinkingTurns | AllThinking | Literal["all"] | None = None


class CompactEdit(Tagged, frozen=True, tag="compact_20260112"):
    trigger: ManyInputTokens | None = None
    pause_after_compaction: bool | None = None
    instructions: str | None = None


class ContextManagement(Struct, frozen=True):
    edits: list[dict[str, Any]] | None = None


class Summarize(Tagged, frozen=True, tag="summarize"):
    """The request is for a summary of its conversation, and for nothing else."""

    instructions: str | None = None


class Wanted(Struct, frozen=True):
    """``edits`` of the history, in their order, and a compaction, if any."""

    edits: tuple[Edit, ...] = ()
    compaction: Compaction | None = None


def wanted(
    management: ContextManagement | None, summarize: Summarize | None, record: Record
) -> Wanted:
    """What the two members ask for. Raises :class:`FieldError`."""
    if summarize is not None:
        if management is not None:
            raise FieldError(
                ("compaction",), "compaction cannot be combined with context_management"
            )
        return Wanted((), Compaction(ends=True, instructions=summarize.instructions or ""))
    edits: list[Edit] = []
    compaction: Compaction | None = None
    for index, raw in enumerate((management and management.edits) or ()):
        try:
            edit = _edit(raw, record)
        except FieldError as error:
            raise error.under("context_management", "edits", index) from None
        if isinstance(edit, Compaction):
            if compaction is not None:
                record.ignore(raw["type"])
            compaction = edit
        elif edit is not None:
            edits.append(edit)
    return Wanted(tuple(edits), compaction)


def _edit(raw: dict[str, Any], record: Record) -> Edit | Compaction | None:
    kind = raw.get("type")
    if not isinstance(kind, str):
        raise FieldError(("type",), "Input should be a valid string")
    if kind not in _READERS:
        record.ignore(kind)
        return None
    form, reader = _READERS[kind]
    edit = convert(raw, form)
    ignore_unknown(edit, raw, record)
    return reader(edit)


def _tool_uses(edit: ClearToolUsesEdit) -> ClearToolUses:
    usual = ClearToolUses()
    trigger, inputs = edit.trigger, edit.clear_tool_inputs
    return ClearToolUses(
        unit="tool_uses" if isinstance(trigger, ToolUses) else "input_tokens",
        trigger=trigger.value if trigger else usual.trigger,
        keep=edit.keep.value if edit.keep else usual.keep,
        at_least=edit.clear_at_least.value if edit.clear_at_least else 0,
        exclude=frozenset(edit.exclude_tools or ()),
        inputs=frozenset(inputs) if isinstance(inputs, list) else bool(inputs),
    )


def _thinking(edit: ClearThinkingEdit) -> ClearThinking:
    if edit.keep is None:
        return ClearThinking()
    return ClearThinking(edit.keep.value if isinstance(edit.keep, ThinkingTurns) else None)


def _compact(edit: CompactEdit) -> Compaction:
    return Compaction(
        threshold=edit.trigger.value if edit.trigger else TRIGGER,
        ends=bool(edit.pause_after_compaction),
        instructions=edit.instructions or "",
    )


_READERS: dict[str, tuple[Any, Callable[[Any], Edit | Compaction]]] = {
    "clear_tool_uses_20250919": (ClearToolUsesEdit, _tool_uses),
    "clear_thinking_20251015": (ClearThinkingEdit, _thinking),
    "compact_20260112": (CompactEdit, _compact),
}


def response(applied: Sequence[Applied]) -> context_shapes.ContextManagement:
    """What was applied, for the answer."""
    return context_shapes.ContextManagement(list(map(_applied, applied)))


def _applied(done: Applied) -> context_shapes.AppliedEdit:
    if isinstance(done.edit, ClearThinking):
        return context_shapes.ThinkingCleared(done.tokens, done.cleared)
    return context_shapes.ToolUsesCleared(done.tokens, done.cleared)
