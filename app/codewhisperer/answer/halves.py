"""Joins surrogate pairs that the upstream cut apart between two events.

Models write emoji token by token, and a program that counts in UTF-16 units may end an event with
one half (``\\ud83d``) and begin the next with the other. A half that never gets its other half is
read as U+FFFD and counted. Payloads without halves never get here.
"""

import json
import re
from collections import Counter
from typing import Any, NamedTuple, TypeAlias

from app.core.lenient_json import replace_lone_surrogates

TEXTS = {
    "assistantResponseEvent": "content",
    "codeEvent": "content",
    "reasoningContentEvent": "text",
    "toolUseEvent": "input",
}
"""The member with a piece of text, by the type of the event."""

LONE = "half of a surrogate pair"
"""Its name in the log."""

_ANY = re.compile(rb"\\u[dD][89a-fA-F]|\xed[\xa0-\xbf]")  # escaped, or as bytes
_HALF = re.compile("[\ud800-\udfff]")
_FIRST = re.compile("[\ud800-\udbff]$")

Payload: TypeAlias = tuple[str, bytes]
"""The type of an event, and its payload."""


class _Kept(NamedTuple):
    """The first half of a pair, at the end of an event of that type and tool call."""

    event: str
    call: Any
    half: str


class Halves:
    """The halves of one answer. ``skipped`` counts those that were replaced."""

    def __init__(self, skipped: Counter[str]) -> None:
        self._skipped = skipped
        self._kept: _Kept | None = None

    @property
    def waiting(self) -> bool:
        """Whether a first half waits for the next event."""
        return self._kept is not None

    def mend(self, event: str, payload: bytes) -> list[Payload] | None:
        """The payloads to read instead of this one: without halves, and after what must precede it.
        None if it has no halves and none waits, or if it is not a JSON object.
        """
        if self._kept is None and not _ANY.search(payload):
            return None
        try:
            value = json.loads(payload.decode("utf-8", "surrogatepass"))
        except ValueError:
            return None
        if not isinstance(value, dict):
            return None
        ready = self._mend_text(event, value) if event in TEXTS else []
        mended = json.dumps(value).encode()
        replaced = replace_lone_surrogates(mended)
        self._count(replaced != mended)
        return [*ready, (event, replaced)]

    def _mend_text(self, event: str, value: dict[str, Any]) -> list[Payload]:
        """Mend the piece of text in ``value``, and return what must precede it."""
        kept, call = self._kept, value.get("toolUseId")
        continues = kept is not None and kept[:2] == (event, call)
        text = value.get(TEXTS[event])
        if text is None and continues:
            text = ""
        if not isinstance(text, str):
            return self.finish()
        ready = [] if continues else self.finish()
        text = _joined((kept.half if kept and continues else "") + text)
        self._kept = None
        if _FIRST.search(text) and not value.get("stop"):
            self._kept = _Kept(event, call, text[-1])
            text = text[:-1]
        value[TEXTS[event]], lone = _HALF.subn("\ufffd", text)
        self._count(lone)
        return ready

    def finish(self) -> list[Payload]:
        """The payload that stands for a half that has waited in vain, if there is one."""
        kept, self._kept = self._kept, None
        if kept is None:
            return []
        self._count(1)
        value = {TEXTS[kept.event]: "\ufffd"}
        if kept.call is not None:
            value["toolUseId"] = kept.call
        return [(kept.event, json.dumps(value).encode())]

    def _count(self, lone: int) -> None:
        if lone:
            self._skipped[LONE] += lone


def _joined(text: str) -> str:
    """``text`` with each two halves that belong together as one character."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
