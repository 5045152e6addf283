"""Directives: `!sim {...}` in a user message steers the simulator.

The JSON after `!sim ` is one answer (see `parse`), or `{"steps": [answer, ...]}`: the first step
answers the message with the directive, each further step answers the next tool results. An answer
or step may have `times` and `then`: it is given `times` times, and then the answer in `then` once.

Only the newest directive in the conversation counts, and only while nothing but tool calls and
their results follow it. If the request does not offer the tool of a step, the step becomes a text
that says so, unless it has `"force": true`: an agent's side requests, such as one for a title,
quote the prompt, and the directive must not drive those.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from app.simulator.checks.body import (
    as_dict,
    current_user,
    history_of,
    tool_names,
    tool_results,
)

from .parse import parse
from .typed_form import ScriptError
from .vocabulary import ScriptedAnswer

_MARK = re.compile(r"!sim\s+(?=\{)")
_DECODER = json.JSONDecoder()


class Directives:
    """Reads the directives of conversations, and counts the answers with `times` given so far."""

    def __init__(self) -> None:
        self._given: Counter[str] = Counter()

    def answer_to(self, body: dict[str, Any]) -> ScriptedAnswer | None:
        """Return the answer that a directive in the conversation asks for, None if there is none.

        Raises ScriptError if the directive is invalid.
        """
        found = _find(body)
        if found is None:
            return None
        text, turn = found
        steps = _steps(text)
        if turn >= len(steps):
            return None
        answer = parse(self._repeated(steps[turn], f"{turn} {text}"))
        offered = tool_names(current_user(body))
        missing = {call.name for call in answer.tool_calls()} - set(offered)
        if missing and not answer.force:
            names = ", ".join(sorted(missing))
            return parse({"text": f"The directive calls {names}, which is not offered here."})
        return answer

    def _repeated(self, step: Any, key: str) -> Any:
        if not isinstance(step, dict) or "times" not in step:
            return step
        first = {name: value for name, value in step.items() if name not in ("times", "then")}
        self._given[key] += 1
        if self._given[key] <= step["times"]:
            return first
        del self._given[key]
        return step.get("then", {})


def _find(body: dict[str, Any]) -> tuple[str, int] | None:
    """Return the directive's JSON text and the number of tool turns after it."""
    user = current_user(body)
    text = _directive_in(user.get("content"))
    turn = 0
    earlier: Iterator[dict[str, Any]] = reversed(history_of(body))
    while text is None and tool_results(user):
        assistant = as_dict(next(earlier, {}).get("assistantResponseMessage"))
        user = as_dict(next(earlier, {}).get("userInputMessage"))
        if not assistant.get("toolUses"):
            return None
        turn += 1
        text = _directive_in(user.get("content"))
    return None if text is None else (text, turn)


def _directive_in(content: Any) -> str | None:
    marks = list(_MARK.finditer(content)) if isinstance(content, str) else []
    if not marks:
        return None
    start = marks[-1].end()
    try:
        _, end = _DECODER.raw_decode(content, start)
    except ValueError as problem:
        raise ScriptError(f"the directive is not JSON: {problem}") from problem
    return str(content[start:end])


def _steps(text: str) -> list[Any]:
    form = json.loads(text)
    steps = form.get("steps", [form])
    if not isinstance(steps, list) or ("steps" in form and len(form) > 1):
        raise ScriptError("steps must be a list and the only key")
    return steps
