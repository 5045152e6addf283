"""Inputs of the measurements: upstream events, captured requests, requests of a given size.

The values are the same in every run. Sizes are bytes of the client's JSON.
"""

import json
from base64 import b64encode
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from werkzeug.datastructures import Headers

from app.codewhisperer.answer.decoder import EventDecoder
from app.core.conversation import Conversation, Message, Text
from app.core.events import Event
from app.eventstream.frames import FrameDecoder
from app.simulator.wire import frames
from benchmarks.dialects import MODEL, Dialect

CORPUS = Path(__file__).parent.parent / "tests/corpus/client-requests"
PIECES = (
    "The", " quick", " brown", " fox", " jumps over", " the lazy", ' "dog"', ",", " and then",
    "\n\n", "runs", " home", " — tired", ".", " `fox.jump(3)`", " answers",
)  # fmt: skip
"""Short pieces of text like a model's: some contain characters to escape, one is not ASCII."""

PROSE = "The quick brown fox jumps over the lazy dog, and then it runs home. "
IMAGE_BYTES = 2_000_000
"""Bytes of the largest image; the upstream accepts 2,800,000 characters of base64."""
PNG_HEADER = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000100000001008020000009091683600")
"""Of a picture of 16 by 16 pixels."""

TURN_BYTES, TOOL_BYTES = 4096, 8192
"""The bytes for each turn (a question, a tool call, its result, an answer) and for each tool."""

HELLO = Conversation(model=MODEL, messages=(Message("user", (Text("Hello"),)),))
TOOL = "read_file"


def deltas(count: int) -> list[str]:
    """Return the text of ``count`` events."""
    return list(islice(cycle(PIECES), count))


def text_frames(count: int) -> list[bytes]:
    """Return ``count`` frames of text, as the upstream sends them."""
    return [frames.event("assistantResponseEvent", {"content": text}) for text in deltas(count)]


def thinking_frames(count: int) -> list[bytes]:
    """Return ``count`` frames of reasoning, and a frame with its signature."""
    return [
        *(frames.event("reasoningContentEvent", {"text": text}) for text in deltas(count)),
        frames.event("reasoningContentEvent", {"signature": "c2lnbmF0dXJl" * 20}),
    ]


def tool_frames(count: int) -> list[bytes]:
    """Return the frames of one tool call whose input has ``count`` fragments."""
    call = {"toolUseId": "tooluse_1", "name": TOOL}
    written = json.dumps({"path": PROSE * (count // 3 + 1)})
    size = -(-len(written) // count)
    fragments = [written[at : at + size] for at in range(0, len(written), size)]
    return [
        frames.event("toolUseEvent", call),
        *(frames.event("toolUseEvent", {**call, "input": each}) for each in fragments),
        frames.event("toolUseEvent", {**call, "stop": True}),
    ]


def events_of(sent: Sequence[bytes]) -> list[Event]:
    """Return the events of the frames."""
    return EventDecoder().feed(FrameDecoder().feed(b"".join(sent)))


def chunked(pieces: Sequence[bytes]) -> bytes:
    """Return each piece in a separate HTTP chunk, as the upstream sends its frames."""
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)


def pieces_of(data: bytes, size: int) -> list[bytes]:
    """Return ``data`` cut into reads of ``size`` bytes."""
    return [data[at : at + size] for at in range(0, len(data), size)]


class Captured(NamedTuple):
    """A request of a real client."""

    name: str
    client: str
    body: bytes
    headers: Headers


def captured(dialect: Dialect) -> list[Captured]:
    """Return all captured requests of a dialect, except those that the gateway refuses."""
    found = []
    for path in sorted(CORPUS.glob("*.json")):
        request = json.loads(path.read_text(encoding="utf-8"))
        if request["path"] == dialect.path and "thread" not in request["body"]:
            body = json.dumps(request["body"], ensure_ascii=False).encode()
            found.append(Captured(path.stem, request["client"], body, Headers(request["headers"])))
    return found


def largest(dialect: Dialect) -> Captured:
    """Return the captured request with the longest body."""
    return max(captured(dialect), key=lambda each: len(each.body))


def text_request(size: int) -> bytes:
    """Return a streamed Messages request of ``size`` bytes (at least 300).

    It is a task with tool calls; the numbers of turns and tools are proportional to the size.
    """
    messages = [turn for number in range(size // TURN_BYTES) for turn in _turns(number)]
    body = {
        "model": MODEL,
        "max_tokens": 2_000_000,
        "stream": True,
        "tools": [_tool(number) for number in range(size // TOOL_BYTES)],
        "messages": [*messages, {"role": "user", "content": ""}],
    }
    return _filled(body, size)


def image_request(size: int) -> bytes:
    """Return a streamed Messages request of ``size`` bytes, nearly all of which are images."""
    room = size - 4096
    count = -(-room // (IMAGE_BYTES * 4 // 3))
    random = Random(size)
    pixels = room * 3 // 4 // count - len(PNG_HEADER)
    images = [PNG_HEADER + random.randbytes(pixels) for _ in range(count)]
    blocks = [
        {
            "type": "image",
            "source": {
                "type": "base64",
                "media_type": "image/png",
                "data": b64encode(image).decode(),
            },
        }
        for image in images
    ]
    turns = [{"role": "user", "content": blocks}, {"role": "user", "content": ""}]
    return _filled(
        {"model": MODEL, "max_tokens": 2_000_000, "stream": True, "messages": turns}, size
    )


def _filled(body: dict[str, Any], size: int) -> bytes:
    """Return the body as JSON, with a last message that fills it up to ``size`` bytes."""
    missing = size - len(json.dumps(body))
    if missing <= 0:
        raise ValueError(f"{size} bytes are too few")
    body["messages"][-1]["content"] = _prose(missing)
    return json.dumps(body).encode()


def _prose(size: int) -> str:
    return (PROSE * (size // len(PROSE) + 1))[:size]


def _turns(number: int) -> Iterator[dict[str, Any]]:
    call = {"type": "tool_use", "id": f"toolu_{number}", "name": _name(number)}
    arguments = {"path": f"/src/{number}.py", "reason": _prose(100)}
    answer = {"type": "tool_result", "tool_use_id": f"toolu_{number}", "content": _prose(2000)}
    yield {"role": "user", "content": _prose(600)}
    yield {"role": "assistant", "content": [{**call, "input": arguments}]}
    yield {"role": "user", "content": [answer]}
    yield {"role": "assistant", "content": _prose(400)}


def _name(turn: int) -> str:
    """Return the name of an offered tool, if there is one."""
    return f"tool_{turn // 2}"


def _tool(number: int) -> dict[str, Any]:
    members = {
        name: {"type": "string", "description": _prose(60)}
        for name in ("path", "reason", "range", "encoding")
    }
    return {
        "name": _name(2 * number),
        "description": _prose(500),
        "input_schema": {"type": "object", "properties": members, "required": ["path"]},
    }
