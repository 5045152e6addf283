"""Whether what a client heard is what it must have heard."""

import json
from collections.abc import Iterator
from typing import Any

from tests.chaos.received import Call, CallState, Dialect
from tests.chaos.received import Heard as Answer
from tests.truth.stories import FAILURES, Heard


def differences(answer: Answer, must: Heard, dialect: Dialect, *, stream: bool) -> Iterator[str]:
    """What is untrue in an answer, in words."""
    stop = must.stop and dialect.stop(must.stop)
    if answer.stop != stop:
        yield f"it stops with {answer.stop}, not {stop}"
    if (answer.status == 200) != must.begun:
        yield f"status {answer.status}"
    failures = [dialect.failure(kind, begun=must.begun) for kind in FAILURES]
    if (answer.failure in failures) != (stop is None):
        yield f"failure {answer.failure} {answer.message}"
    yield from _content(answer, must, dialect, stream=stream)


def _content(answer: Answer, must: Heard, dialect: Dialect, *, stream: bool) -> Iterator[str]:
    said = must.said
    # What comes behind a call that is still open is held back until that has ended.
    held = must.stop is None and any(state == "open" for _, state in said.calls)
    for name in ("text", "thinking"):
        found, due = getattr(answer, name), getattr(said, name)
        if not (due.startswith(found) if held else found == due):
            yield f"{name} {found!r} where {due!r} was said"
    if len(answer.calls) != len(said.calls) and not (held and len(answer.calls) < len(said.calls)):
        yield f"{len(answer.calls)} calls of {len(said.calls)}"
    for found, (written, state) in zip(answer.calls, said.calls, strict=False):
        if (problem := _call(found, written, state, must.stop)) is not None:
            yield problem
        if stream and found.ended != dialect.ends(_state(state, must.stop), must.stop):
            yield f"a call {state} upstream: ended is {found.ended}"


def _state(state: CallState, stop: str | None) -> CallState:
    """An answer that ends well ends its open calls, as cut off."""
    return "cut" if state == "open" and stop is not None else state


def _call(found: Call, written: str, state: CallState, stop: str | None) -> str | None:
    if state == "whole":
        same = _value(found.written) == _value(written)
    else:
        same = found.written == written
    return None if same else f"call {found.written!r} where {written!r} was said"


def _value(written: str) -> Any:
    return json.loads(written or "{}")
