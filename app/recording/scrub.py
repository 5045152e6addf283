"""What may be written of an exchange: JSON whose texts are filler, or as they were.

Secrets are removed in both cases: credentials are never part of an exchange (the headers that hold
them are not kept), and what looks like a token or an ARN in a text is masked.
"""

import re
from typing import Any

import msgspec

from app.common.masking import TOKENS

from .filler import Filler

KEPT = frozenset({
    "type", "role", "model", "id", "object", "status", "code", "param", "format", "media_type",
    "mediaType", "detail", "effort", "display", "mode", "event", "index", "strict", "finish_reason",
    "stop_reason", "reason", "category", "service_tier", "truncation", "phase", "execution",
    "call_id", "tool_call_id", "tool_use_id", "toolUseId", "item_id", "response_id",
    "modelId", "modelTag", "origin", "chatTriggerType", "agentTaskType", "agentMode",
    "conversationId", "agentContinuationId", "rootConversationId", "stopReason", "unit",
    "unitPlural", "__type", "retryAfterMilliseconds", "recommendedModel",
})  # fmt: skip
"""Members whose strings are words of the protocols or ids, which tell what went wrong."""

FREE = frozenset({"input", "arguments", "metadata", "user", "client_metadata"})
"""Members under which every string and number is the client's own, whatever its name."""

BASE64 = {"data": 24, "bytes": 24, "file_data": 48, "image_url": 48, "url": 0}
"""Members that may hold base64, and the characters of it that tell the format."""

REMOVED = frozenset({"profileArn", "authorization", "accessToken", "refreshToken", "clientSecret"})

_SECRET = re.compile(rf"arn:[\w-]+:[\w:/.*-]+|{TOKENS}")

REMOVED_TEXT = "[removed]"


class Scrubber:
    """Scrubs one recording. ``keeps_text``: whether texts stay as they are."""

    def __init__(self, *, keeps_text: bool) -> None:
        self.keeps_text = keeps_text
        self._filler = Filler()

    def text(self, text: str) -> str:
        """A text of the client or the model."""
        return masked(text) if self.keeps_text else self._filler.text(text)

    def json(self, value: Any, name: str = "", *, free: bool = False) -> Any:
        """A decoded JSON value, the value of the member ``name``."""
        if isinstance(value, dict):
            free = free or name in FREE
            return {key: self._member(key, one, free) for key, one in value.items()}
        if isinstance(value, list):
            return [self.json(one, name, free=free) for one in value]
        if isinstance(value, str):
            return self._string(value, name, free)
        if free and not self.keeps_text and isinstance(value, int | float):
            return self._filler.number(value)
        return value

    def document(self, body: bytes) -> Any:
        """A body as JSON; for one that is not JSON, how long it is."""
        try:
            return self.json(msgspec.json.decode(body))
        except (ValueError, RecursionError):
            return {"unreadable": len(body)}

    def _member(self, name: str, value: Any, free: bool) -> Any:
        if name in REMOVED:
            return REMOVED_TEXT
        return self.json(value, name, free=free)

    def _string(self, text: str, name: str, free: bool) -> str:
        if self.keeps_text or (name in KEPT and not free):
            return masked(text)
        if name in BASE64 and not free:
            return self._filler.data(text, BASE64[name])
        return self._filler.text(text)


def masked(text: str) -> str:
    """``text`` without what looks like a secret; the length stays."""
    return _SECRET.sub(lambda found: "*" * len(found[0]), text)
