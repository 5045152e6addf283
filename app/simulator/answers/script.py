"""Scripts: queues of answers for the next requests.

In a script each answer may have, besides the keys that `parse` reads, `times` (how many requests it
serves, default 1, null without limit) and `match` (see `RequestMatch`).
"""

from dataclasses import dataclass
from typing import Any

from app.simulator.checks.body import current_user

from .parse import check_has_effect, parse
from .typed_form import ScriptError, as_object, build
from .vocabulary import ScriptedAnswer

CHAT = "GenerateAssistantResponse"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestMatch:
    """The requests that a scripted answer is for.

    `operation` is the name of the operation or route (default: the chat operation), `text` a part
    of the current user message, `bearer` the access token of the request.
    """

    operation: str = CHAT
    text: str | None = None
    bearer: str | None = None

    def matches(self, operation: str, body: Any, bearer: str) -> bool:
        """Return whether the answer is for this request."""
        if operation != self.operation or self.bearer not in (None, bearer):
            return False
        if self.text is None:
            return True
        return isinstance(body, dict) and self.text in str(current_user(body).get("content"))


@dataclass(slots=True)
class _QueuedAnswer:
    answer: ScriptedAnswer
    match: RequestMatch
    left: int | None


class Script:
    """Queued answers. A request gets the first one that matches, which is then used up."""

    def __init__(self) -> None:
        self._queue: list[_QueuedAnswer] = []

    def __len__(self) -> int:
        return len(self._queue)

    def add(self, forms: list[Any]) -> None:
        """Queue answers. Raises ScriptError, and then queues none of them."""
        self._queue += [_queued(form) for form in forms]

    def clear(self) -> None:
        """Remove all queued answers."""
        self._queue.clear()

    def take(self, operation: str, body: Any, bearer: str) -> ScriptedAnswer | None:
        """Return the answer for a request and count it as used once."""
        for queued in self._queue:
            if queued.match.matches(operation, body, bearer):
                if queued.left is not None:
                    queued.left -= 1
                    if queued.left <= 0:
                        self._queue.remove(queued)
                return queued.answer
        return None


def _queued(form: Any) -> _QueuedAnswer:
    form = dict(as_object(form, "an answer"))
    match = build(RequestMatch, form.pop("match", {}), "match")
    times = form.pop("times", 1)
    if times is not None and (not isinstance(times, int) or times < 1):
        raise ScriptError("times must be a positive number or null")
    if match.operation != CHAT:
        check_has_effect(form, f"an answer to {match.operation}")
    return _QueuedAnswer(parse(form), match, times)
