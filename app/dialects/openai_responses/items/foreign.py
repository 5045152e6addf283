"""Items that this gateway does not make itself: of tools that run at OpenAI, and of types that it
does not know.

What such an item tells the model becomes readable text. It is ignored by its type if it tells
nothing, and refused if only its maker can read it and the conversation would be a different one
without it.
"""

from typing import Any

from app.core.conversation import Role, Text
from app.core.typed_json import FieldError, Record
from app.dialects.wire import encode

from .turns import Turn

AS_TEXT: dict[str, Role] = {
    "file_search_call": "assistant",
    "code_interpreter_call": "assistant",
    "mcp_call": "assistant",
    "mcp_approval_request": "assistant",
    "mcp_approval_response": "user",
    "local_shell_call": "assistant",
    "local_shell_call_output": "user",
    "shell_call": "assistant",
    "shell_call_output": "user",
    "apply_patch_call": "assistant",
    "apply_patch_call_output": "user",
    "program": "assistant",
    "program_output": "user",
}
"""Types that always tell the model something, and whose turn they are."""
SEALED = "items can be read only by the service that made them; send the conversation itself"
REFUSED = {
    "item_reference": "items need the id of the item that they refer to",
}
TELLING = ("content", "text", "output", "summary", "message", "arguments", "input")
"""Members in which an item of an unknown type may tell the model something."""


def read(kind: str, raw: dict[str, Any], record: Record) -> list[Turn]:
    """The turns of an item of a type that no reader knows. Raises :class:`FieldError`."""
    if kind in REFUSED:
        raise FieldError((), f"{kind} {REFUSED[kind]}")
    if kind in AS_TEXT:
        return [as_text(AS_TEXT[kind], kind, raw, record)]
    if raw.get("encrypted_content"):
        raise FieldError((), f"{kind} {SEALED}")
    if any(_tells(raw.get(name)) for name in TELLING):
        return [as_text(_role(kind, raw), kind, raw, record)]
    record.ignore(kind)
    return []


def as_text(role: Role, kind: str, raw: dict[str, Any], record: Record) -> Turn:
    """The item as a text that shows its members."""
    record.note(f"{kind}_as_text")
    shown = {name: value for name, value in raw.items() if name not in ("type", "id", "status")}
    return Turn(role, (Text(f"[{kind}: {encode(shown).decode()}]"),))


def _tells(value: Any) -> bool:
    if isinstance(value, str):
        return bool(value.strip())
    if isinstance(value, list):
        return any(map(_tells, value))
    return isinstance(value, dict) and _tells(value.get("text"))


def _role(kind: str, raw: dict[str, Any]) -> Role:
    return "assistant" if kind.endswith("_call") or raw.get("role") == "assistant" else "user"
