"""The comparison of a received answer with the expected one."""

import json
from collections.abc import Iterator
from typing import Any

from tests.chaos.received import CallState, DialectClient, ReceivedAnswer, ReceivedCall
from tests.truth.stories import FAILURES, ExpectedAnswer


def differences(
    answer: ReceivedAnswer, expected: ExpectedAnswer, dialect: DialectClient, *, stream: bool
) -> Iterator[str]:
    """Yield a sentence for each difference from the expected answer."""
    stop = expected.stop and dialect.stop(expected.stop)
    if answer.stop != stop:
        yield f"it stops with {answer.stop}, not {stop}"
    if (answer.status == 200) != expected.begun:
        yield f"status {answer.status}"
    failures = [dialect.failure(kind, begun=expected.begun) for kind in FAILURES]
    if (answer.failure in failures) != (stop is None):
        yield f"failure {answer.failure} {answer.message}"
    yield from _content(answer, expected, dialect, stream=stream)


def _content(
    answer: ReceivedAnswer, expected: ExpectedAnswer, dialect: DialectClient, *, stream: bool
) -> Iterator[str]:
    content = expected.content
    # Content after an open call is held back until the call has ended.
    held = expected.stop is None and any(state == "open" for _, state in content.calls)
    for name in ("text", "thinking"):
        found, due = getattr(answer, name), getattr(content, name)
        if not (due.startswith(found) if held else found == due):
            yield f"{name} {found!r} where {due!r} was sent"
    if len(answer.calls) != len(content.calls) and not (
        held and len(answer.calls) < len(content.calls)
    ):
        yield f"{len(answer.calls)} calls of {len(content.calls)}"
    for found, (written, state) in zip(answer.calls, content.calls, strict=False):
        if (problem := _call(found, written, state, expected.stop)) is not None:
            yield problem
        if stream and found.ended != dialect.ends(_state(state, expected.stop), expected.stop):
            yield f"a call {state} upstream: ended is {found.ended}"


def _state(state: CallState, stop: str | None) -> CallState:
    """Return the final state of a call: a normal end of the answer turns open calls into cut
    ones."""
    return "cut" if state == "open" and stop is not None else state


def _call(found: ReceivedCall, written: str, state: CallState, stop: str | None) -> str | None:
    if state == "whole":
        same = _value(found.written) == _value(written)
    else:
        same = found.written == written
    return None if same else f"call {found.written!r} where {written!r} was sent"


def _value(written: str) -> Any:
    return json.loads(written or "{}")
