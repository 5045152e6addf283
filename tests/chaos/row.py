"""The rows of the fault tables: the fault, and what the client, the upstream and the log see.

A row holds for all dialects and uses the terms of core events and kinds of failure; the clients of
the dialects translate them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from app.common.errors import Kind
from tests.chaos.proxy import ProxyPlan
from tests.chaos.received import CallState

GOOD: Mapping[str, Any] = {"text": ["Hel", "lo ", "lo ", "世界 🙂"]}
SAID = "Hello lo 世界 🙂"
CUT_CALL = {"name": "write", "fragments": ['{"text": ', '"a long story'], "stop": False}
PIECE = '{"text": "a long story'
WHOLE_TOOL = {"name": "write", "input": {"text": "done"}}
DONE = '{"text": "done"}'


@dataclass(frozen=True, kw_only=True)
class Expected:
    """The answer that a client must receive.

    It ends with ``stop``, or with a failure of ``kind``: as a refusal, or, if the output has
    ``begun``, as an error inside the stream. ``explained``: why the upstream declined to answer.
    ``calls``: the input written for each tool call, and
    its state. ``waited``: bounds in seconds for the response head. ``quiet``: the upstream pauses,
    so the client must receive pings.
    """

    text: str = ""
    thinking: str = ""
    calls: tuple[tuple[str, CallState], ...] = ()
    stop: str | None = None
    explained: str = ""
    kind: Kind | None = None
    begun: bool = False
    retry_after: str | None = None
    message: str = ""
    waited: tuple[float, float] = (0.0, 30.0)
    quiet: bool = False


def answered(text: str = SAID, stop: str = "end_turn", **more: Any) -> Expected:
    return Expected(text=text, stop=stop, **more)


def refused(kind: Kind, **more: Any) -> Expected:
    return Expected(kind=kind, **more)


def broken(kind: Kind, text: str, **more: Any) -> Expected:
    return Expected(kind=kind, text=text, begun=True, **more)


@dataclass(frozen=True, kw_only=True)
class FaultRow:
    """One fault. ``what`` describes it in docs/faults.md.

    ``answers``: the scripted answers of the upstream, one for each request; the last one repeats.
    ``plans``: the same for the proxy. ``stream`` and ``whole``: the answer to a request with and
    without streaming. ``requests``: how many requests reach the upstream in each case.
    ``gateway``: "patient" has the default timeouts, "impatient" those of :data:`IMPATIENT`.
    ``log``: members of the access-log line besides the kind of failure. ``limit``: the request asks
    for this limit (:attr:`DialectClient.limits`); dialects without it are left out. ``heavy`` rows
    run in the long form only.
    """

    name: str
    what: str
    answers: tuple[Mapping[str, Any], ...] = (GOOD,)
    plans: tuple[ProxyPlan, ...] = ()
    stream: Expected
    whole: Expected
    requests: tuple[int, int] = (1, 1)
    gateway: Literal["patient", "impatient"] = "patient"
    log: Mapping[str, Any] = field(default_factory=dict)
    padding: int = 0
    limit: str = ""
    heavy: bool = False


TRIES = 3
"""Attempts at faults that may pass: the first, and two retries."""


def both(name: str, what: str, expected: Expected, requests: int = 1, **more: Any) -> FaultRow:
    """Return a row with the same expectation for streams and whole answers."""
    return FaultRow(
        name=name, what=what, stream=expected, whole=expected, requests=(requests, requests), **more
    )


def breaks(
    name: str, what: str, kind: Kind, text: str, *, retried: bool = True, **more: Any
) -> FaultRow:
    """Return a row of an answer that breaks off after ``text``.

    A stream gets the error event. A whole answer is requested once more if that may help
    (``retried``), and then refused.
    """
    calls = more.pop("calls", ())
    requests = (1, 2 if retried else 1)
    stream = broken(kind, text, calls=calls)
    return FaultRow(
        name=name, what=what, stream=stream, whole=refused(kind), requests=requests, **more
    )


@dataclass(frozen=True, kw_only=True)
class DisconnectRow:
    """A client that disconnects once the upstream has sent ``ready`` events.

    ``ready`` None: before the upstream has sent the response head.
    """

    name: str
    what: str
    answers: tuple[Mapping[str, Any], ...]
    ready: int | None
    requests: int = 1
    reset: bool = False


@dataclass(frozen=True)
class SeparateRow:
    """A row with a separate test. ``test`` is the test's id for pytest, without parameters."""

    what: str
    expected: str
    upstream: str
    log: str
    test: str
