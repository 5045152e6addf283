"""What a row of faults says: what goes wrong, what clients get, what the upstream sees, what the
log says. A row speaks for all dialects, in the words of core events and kinds of failure; how a
dialect writes those is its adapter's affair.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from app.errors import Kind
from tests.chaos.proxy import Plan
from tests.chaos.received import CallState

GOOD: Mapping[str, Any] = {"text": ["Hel", "lo ", "lo ", "世界 🙂"]}
SAID = "Hello lo 世界 🙂"
CUT_CALL = {"name": "write", "fragments": ['{"text": ', '"a long story'], "stop": False}


@dataclass(frozen=True, kw_only=True)
class Gets:
    """What a client gets: an answer that ends with ``stop``; or a failure of ``kind``, as the
    status of a refusal, or after ``begun`` output as an error inside the stream.

    ``calls``: what was written of each tool call's input, and how it ended.
    ``waited``: bounds in seconds for the answer's head. ``quiet``: there were silent stretches, so
    signs of life must have come.
    """

    text: str = ""
    thinking: str = ""
    calls: tuple[tuple[str, CallState], ...] = ()
    stop: str | None = None
    kind: Kind | None = None
    begun: bool = False
    retry_after: str | None = None
    message: str = ""
    waited: tuple[float, float] = (0.0, 30.0)
    quiet: bool = False


def answered(text: str = SAID, stop: str = "end_turn", **more: Any) -> Gets:
    return Gets(text=text, stop=stop, **more)


def refused(kind: Kind, **more: Any) -> Gets:
    return Gets(kind=kind, **more)


def broken(kind: Kind, text: str, **more: Any) -> Gets:
    return Gets(kind=kind, text=text, begun=True, **more)


@dataclass(frozen=True, kw_only=True)
class Row:
    """``answers``: what the upstream is told to answer, one request after the other, the last one
    to all others; ``plans`` the same for the network. ``stream`` and ``whole``: what a client gets
    that asked for a stream, or not; ``asked``: how many requests reach the upstream then.
    ``gateway``: "patient" has the default timeouts, "impatient" those of :data:`IMPATIENT`.
    ``log``: members of the access log's line beyond the failure's kind. ``heavy`` rows are for the
    long form.
    """

    name: str
    what: str
    answers: tuple[Mapping[str, Any], ...] = (GOOD,)
    plans: tuple[Plan, ...] = ()
    stream: Gets
    whole: Gets
    asked: tuple[int, int] = (1, 1)
    gateway: Literal["patient", "impatient"] = "patient"
    log: Mapping[str, Any] = field(default_factory=dict)
    padding: int = 0
    heavy: bool = False


TRIES = 3
"""Attempts at what may pass: the first, and two more."""


def both(name: str, what: str, gets: Gets, asked: int = 1, **more: Any) -> Row:
    """A row that is the same for streams and whole answers."""
    return Row(name=name, what=what, stream=gets, whole=gets, asked=(asked, asked), **more)


def breaks(name: str, what: str, kind: Kind, text: str, *, again: bool = True, **more: Any) -> Row:
    """A row of an answer that breaks after ``text``: a stream gets the error event; a whole answer
    is asked for once more where that may help, and then refused."""
    calls = more.pop("calls", ())
    asked = (1, 2 if again else 1)
    stream = broken(kind, text, calls=calls)
    return Row(name=name, what=what, stream=stream, whole=refused(kind), asked=asked, **more)


@dataclass(frozen=True, kw_only=True)
class Leaving:
    """A client that goes away, or takes nothing any more. ``ready``: how many events the upstream
    has sent by then; None: not even the response's head.
    """

    name: str
    what: str
    answers: tuple[Mapping[str, Any], ...]
    ready: int | None
    asked: int = 1
    reset: bool = False


@dataclass(frozen=True)
class Held:
    """What a test of its own holds: ``test`` is its name, as pytest takes it without parameters."""

    what: str
    gets: str
    upstream: str
    log: str
    test: str
