"""The table of end-to-end cases, in groups. The cases of a group differ in one dimension."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from benchmarks import samples
from benchmarks.dialects import CHAT, MESSAGES, RESPONSES, Dialect


@dataclass(frozen=True)
class Scale:
    """The extent of a run. ``gap``: seconds between two events of a paced stream."""

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
"""For work on the benchmarks themselves. Its figures are meaningless."""

EVENTS_PER_RUN, BYTES_PER_RUN = 20_000, 16 * MB
"""The approximate volume of one run of a case, so that short and long cases weigh the same."""

ARRIVALS = 250
"""Streams opened per second. The simulator checks each request, and cannot handle more next to a
busy worker on two cores."""

TURN_EVENTS = 60


@dataclass(frozen=True)
class Case:
    """One load.

    ``label`` and ``x`` are its position in the group. ``script``: the simulator's answer to every
    request. ``paced``: events are sent at fixed intervals, so that gaps and memory are meaningful.
    ``alone``: measure the upstream without a gateway too.
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
    """Return every case in the order of execution."""
    return [*_streams(scale), *_lengths(scale), *_sizes(scale), *_turns(scale)]


def _streams(scale: Scale) -> Iterator[Case]:
    """Yield slow streams with an increasing number at the same time."""
    for count in scale.streams:
        yield Case(
            "streams",
            f"{count}",
            count,
            samples.text_request(KB),
            scale.paced_events,
            connections=count,
            ramp=count / ARRIVALS,
            # an event before the first text would delay the text by a gap
            script={
                "text": samples.deltas(scale.paced_events),
                "delay": scale.gap,
                "omit": ["messageMetadataEvent"],
            },
            paced=True,
            alone=True,
        )


def _lengths(scale: Scale) -> Iterator[Case]:
    """Yield answers with an increasing number of events, at full speed."""
    for per_chunk in (1, 8):
        for events in scale.lengths:
            yield Case(
                f"lengths of {per_chunk}",
                f"{events}, {'one frame' if per_chunk == 1 else f'{per_chunk} frames'} a chunk",
                events,
                samples.text_request(KB),
                events,
                connections=4,
                requests=max(1, min(scale.most_requests, EVENTS_PER_RUN // events) // 4),
                script={"text": samples.deltas(events), "frames_per_chunk": per_chunk},
            )


def _sizes(scale: Scale) -> Iterator[Case]:
    """Yield requests of increasing size with short answers."""
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
                requests=max(8, min(scale.most_requests, BYTES_PER_RUN // size)),
                script={"text": samples.deltas(10), "frames_per_chunk": 10},
                alone=True,
            )


def _turns(scale: Scale) -> Iterator[Case]:
    """Yield a turn of each agent: a captured request, answered with a text and a tool call."""
    for dialect in (MESSAGES, CHAT, RESPONSES):
        sent = samples.largest(dialect)
        offered = dialect.parse(sent.body, sent.headers).tools[0].name  # another is an error
        call = {"name": offered, "input": {"path": samples.PROSE, "text": samples.PROSE * 4}}
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
