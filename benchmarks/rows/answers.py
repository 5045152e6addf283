"""Answers of the service, encoded before the load begins."""

from collections.abc import Sequence

from msgspec import Struct

from app.simulator.wire import frames
from benchmarks.samples import chunked, deltas

PLACEHOLDER = "0" * 16
STAMP = f"@{PLACEHOLDER}@"
"""Stands in a text for the moment at which it is sent, in microseconds of the monotonic clock."""

HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.amazon.eventstream\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
LAST_CHUNK = b"0\r\n\r\n"
FILL = "abcdefghijklmnopqrstuv"


class Step(Struct):
    """Bytes that are sent together. ``stamp``, ``frame``, ``end``: where a moment is to be written,
    and where the frame that holds it begins and its checksum is; 0 for none."""

    data: bytes
    stamp: int = 0
    frame: int = 0
    end: int = 0


class Answer(Struct):
    """``steps`` follow each other by ``gap`` seconds, and the first the request; 0: at once."""

    steps: list[Step]
    gap: float = 0.0


def at_once(events: int, frames_per_chunk: int, tool: str = "") -> Answer:
    """Return an answer of ``events`` texts and, if named, a call of ``tool``, sent in one write."""
    sent = [*_texts(deltas(events)), *(_call(tool) if tool else ()), *_ending()]
    batches = [
        b"".join(sent[at : at + frames_per_chunk]) for at in range(0, len(sent), frames_per_chunk)
    ]
    return Answer([Step(HEAD + chunked(batches) + LAST_CHUNK)])


def paced(events: int, gap: float) -> Answer:
    """Return an answer whose texts are sent every ``gap`` seconds, each with its moment."""
    steps = []
    for number, frame in enumerate(_texts([f"{STAMP}{FILL}"] * events)):
        before = b"" if number else HEAD
        after = chunked(_ending()) + LAST_CHUNK if number == events - 1 else b""
        data = before + chunked([frame])
        start = data.index(frame)
        end = start + len(frame) - 4
        steps.append(Step(data + after, data.index(STAMP.encode()) + 1, start, end))
    return Answer(steps, gap)


def _texts(texts: Sequence[str]) -> list[bytes]:
    return [frames.event("assistantResponseEvent", {"content": text}) for text in texts]


def _call(name: str) -> list[bytes]:
    call = {"toolUseId": "tooluse_00000001", "name": name}
    fragments = ('{"file_path":', '"/etc/x",', '"limit":12', "}")
    return [
        *(frames.event("toolUseEvent", {**call, "input": each}) for each in fragments),
        frames.event("toolUseEvent", {**call, "stop": True}),
    ]


def _ending() -> list[bytes]:
    return [
        frames.event("meteringEvent", {"unit": "credit", "unitPlural": "credits", "usage": 0.01}),
        frames.event("contextUsageEvent", {"contextUsagePercentage": 1.25}),
    ]
