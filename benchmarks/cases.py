"""What is run end to end: one table of cases, in groups that each show how one thing grows."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from benchmarks import samples
from benchmarks.dialects import CHAT, MESSAGES, RESPONSES, Dialect


@dataclass(frozen=True)
class Scale:
    """How much is run. ``gap``: seconds between two events of a paced stream."""

    rounds: int
    streams: tuple[int, ...]
    paced_events: int
    gap: float
    lengths: tuple[int, ...]
    text_sizes: tuple[int, ...]
    image_sizes: tuple[int, ...]
    most_requests: int


KB, MB = 1 << 10, 1 << 20
FULL = Scale(
    rounds=3,
    streams=(1, 10, 100, 1000),
    paced_events=40,
    gap=0.2,
    lengths=(10, 100, 1000, 10_000),
    text_sizes=(KB, 8 * KB, 64 * KB, 256 * KB, MB),
    image_sizes=(64 * KB, 512 * KB, 2 * MB, 8 * MB),
    most_requests=200,
)
QUICK = Scale(
    rounds=1,
    streams=(1, 10),
    paced_events=4,
    gap=0.1,
    lengths=(10, 100),
    text_sizes=(KB, 64 * KB),
    image_sizes=(64 * KB,),
    most_requests=10,
)
"""For work on the benchmarks themselves; its figures mean nothing."""

EVENTS_OF_ALL, BYTES_OF_ALL = 20_000, 16 * MB
"""About so much goes through in one run of a case, so that short and long ones weigh the same."""

ARRIVALS = 250
"""Streams that are opened in a second; the simulator checks each request, and takes no more at ease
beside a busy worker on two cores."""

TURN_EVENTS = 60


@dataclass(frozen=True)
class Case:
    """One load. ``label`` and ``x`` say where in its group it stands; ``script`` is the answer that
    the simulator gives to every request. ``paced``: its events come at a given time, so gaps and
    memory mean something. ``alone``: measure the upstream without a gateway as well.
    """

    group: str
    label: str
    x: int
    body: bytes
    events: int
    dialect: Dialect = MESSAGES
    headers: dict[str, str] = field(default_factory=dict)
    connections: int = 1
    requests: int = 1
    ramp: float = 0.0
    script: dict[str, Any] = field(default_factory=dict)
    paced: bool = False
    alone: bool = False


def cases(scale: Scale) -> list[Case]:
    """Every case in the order in which they are run."""
    return [*_streams(scale), *_lengths(scale), *_sizes(scale), *_turns(scale)]


def _streams(scale: Scale) -> Iterator[Case]:
    """Slow streams, more and more of them at a time."""
    for count in scale.streams:
        yield Case(
            "streams",
            f"{count}",
            count,
            samples.text_request(KB),
            scale.paced_events,
            connections=count,
            ramp=count / ARRIVALS,
            # an event before the first text would put off that by a gap
            script={
                "text": samples.deltas(scale.paced_events),
                "delay": scale.gap,
                "omit": ["messageMetadataEvent"],
            },
            paced=True,
            alone=True,
        )


def _lengths(scale: Scale) -> Iterator[Case]:
    """Answers of more and more events, as fast as they come."""
    for per_chunk in (1, 8):
        for events in scale.lengths:
            yield Case(
                f"lengths of {per_chunk}",
                f"{events}, {'one frame' if per_chunk == 1 else f'{per_chunk} frames'} a chunk",
                events,
                samples.text_request(KB),
                events,
                connections=4,
                requests=max(1, min(scale.most_requests, EVENTS_OF_ALL // events) // 4),
                script={"text": samples.deltas(events), "frames_per_chunk": per_chunk},
            )


def _sizes(scale: Scale) -> Iterator[Case]:
    """Larger and larger requests with short answers."""
    for group, make, sizes in (
        ("text", samples.text_request, scale.text_sizes),
        ("images", samples.image_request, scale.image_sizes),
    ):
        for size in sizes:
            yield Case(
                group,
                f"{group}, {f'{size // KB} KB' if size < MB else f'{size // MB} MB'}",
                size,
                make(size),
                10,
                requests=max(8, min(scale.most_requests, BYTES_OF_ALL // size)),
                script={"text": samples.deltas(10), "frames_per_chunk": 10},
                alone=True,
            )


def _turns(scale: Scale) -> Iterator[Case]:
    """A turn of each kind of agent: what it really sends, a text and a tool call."""
    for dialect in (MESSAGES, CHAT, RESPONSES):
        sent = samples.largest(dialect)
        call = {"name": samples.TOOL, "input": {"path": samples.PROSE, "text": samples.PROSE * 4}}
        yield Case(
            "turns",
            f"{sent.client}, {dialect.name}",
            len(sent.body),
            sent.body,
            TURN_EVENTS,
            dialect,
            headers={name.lower(): value for name, value in sent.headers},
            requests=min(scale.most_requests, 100),
            script={"text": samples.deltas(TURN_EVENTS), "tool": call, "frames_per_chunk": 4},
        )
