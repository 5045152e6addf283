"""Bodies of 32 MB that are expensive to read, and what measures how long a worker stands still."""

import json
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.hostile import prober

SIZE = 32 * 1024 * 1024 - 4096

INTERVAL = 0.005
"""Seconds between two requests for ``/health``."""


@dataclass
class Beside:
    """What was seen of a worker while it did something else: ``worst``, the longest time that
    ``/health`` took, in seconds; ``memory``, the most bytes that it kept. ``before``: bytes."""

    before: int
    worst: float = 0.0
    memory: int = 0


@contextmanager
def beside(port: int, worker: int) -> Iterator[Beside]:
    """Ask for ``/health`` meanwhile, in a process of its own, which this one does not delay. The
    result is complete after the end. Of each time is taken off what the worker, or who asks, was
    ready to run and had no processor.
    """
    command = [sys.executable, prober.__file__, str(port), str(worker), str(INTERVAL)]
    seen = Beside(prober.memory(worker))
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.02)
    try:
        yield seen
    finally:
        output, _ = process.communicate(timeout=60)
        found = json.loads(output)
        assert not found["failed"], found
        seen.worst, seen.memory = found["worst"], int(found["memory"])


class _Discard(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        length = 0
        while (line := self.rfile.readline().strip().lower()) != b"":
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        while length > 0 and (read := self.rfile.read1(min(length, 1 << 20))):
            length -= len(read)
        self.wfile.write(
            b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
        )


class Sink(socketserver.ThreadingTCPServer):
    """An upstream that reads a request, whatever is in it, and refuses it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Discard)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


def _repeated(head: str, one: str, tail: str, size: int) -> bytes:
    """``one`` as often as fits, separated by commas; ``%d`` in it is a number."""
    room = size - len(head) - len(tail)
    if "%d" in one:
        pieces: list[str] = []
        length = 0
        while length < room:
            pieces.append(one.replace("%d", str(len(pieces))))
            length += len(pieces[-1]) + 1
        return f"{head}{','.join(pieces[:-1])}{tail}".encode()
    return (head + ",".join([one] * (room // (len(one) + 1))) + tail).encode()


_MODEL = '"model":"claude-sonnet-4-6","max_tokens":9'
_USER = '{"role":"user","content":"Hello"}'
_PAIR = (
    '{"role":"assistant","content":[{"type":"tool_use","id":"c%d","name":"t","input":{}}]},'
    '{"role":"user","content":[{"type":"tool_result","tool_use_id":"c%d","content":"r"}]}'
)
_TEXT = f'{{{_MODEL},"messages":[{{"role":"user","content":"'
_MESSAGES = f'{{{_MODEL},"messages":['
_WITH_USER = f'{{{_MODEL},"messages":[{_USER}],'

Body = Callable[[int], bytes]
BODIES: dict[str, tuple[str, Body]] = {
    "half surrogates and backslashes, not closed": (
        "/v1/messages",
        lambda size: _TEXT.encode() + rb"\ud800\\" * ((size - 99) // 8),
    ),
    "half surrogates": (
        "/v1/messages",
        lambda size: _TEXT.encode() + rb"\ud800" * ((size - 99) // 6) + b'"}]}',
    ),
    "newlines": (
        "/v1/messages",
        lambda size: _TEXT.encode() + rb"\n" * ((size - 99) // 2) + b'"}]}',
    ),
    "tools": (
        "/v1/messages",
        lambda size: _repeated(
            _WITH_USER + '"tools":[', '{"name":"t%d","input_schema":{"type":"object"}}', "]}", size
        ),
    ),
    "Responses items": (
        "/v1/responses",
        lambda size: _repeated('{"input":[', '{"role":"user","content":"a"}', "]}", size),
    ),
    "Chat messages": (
        "/v1/chat/completions",
        lambda size: _repeated(
            f'{{{_MODEL},"messages":[', '{"role":"user","content":"a"}', "]}", size
        ),
    ),
    "deep nesting, repeated": (
        "/v1/messages",
        lambda size: _repeated(_WITH_USER + '"a":[', "[" * 900 + "]" * 900, "]}", size),
    ),
    "unknown names": (
        "/v1/messages",
        lambda size: _repeated(_WITH_USER, '"n%d":1', "}", size),
    ),
    "pairs of a call and its result": (
        "/v1/messages",
        lambda size: _repeated(_MESSAGES + _USER + ",", _PAIR, "]}", size),
    ),
    "messages": (
        "/v1/messages",
        lambda size: _repeated(_MESSAGES, '{"role":"user","content":""}', "]}", size),
    ),
    "numbers of 4,000 digits": (
        "/v1/messages",
        lambda size: _repeated(_WITH_USER + '"a":[', "9" * 4000, "]}", size),
    ),
    "numbers with large exponents": (
        "/v1/messages",
        lambda size: _repeated(_WITH_USER + '"a":[', "1.5e300", "]}", size),
    ),
    "arguments full of lists": (
        "/v1/chat/completions",
        lambda size: _text_argument(_repeated('{"a":[', "[]", "]}", size - 4096).decode()),
    ),
    "a data URL of semicolons": (
        "/v1/chat/completions",
        lambda size: json.dumps(
            {
                "model": "claude-sonnet-4-6",
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {
                                "type": "image_url",
                                "image_url": {"url": "data:" + ";" * (size - 4096)},
                            }
                        ],
                    }
                ],
            }
        ).encode(),
    ),
    "tools whose references expand": ("/v1/messages", lambda size: _bombs(size)),
    "one document": (
        "/v1/messages",
        lambda size: json.dumps(_pdf("JVBERi0x" + "A" * ((size - 4096) // 4 * 4))).encode(),
    ),
}
"""By name: the path, and a function of the size in bytes."""


def _pdf(data: str) -> dict[str, Any]:
    source = {"type": "base64", "media_type": "application/pdf", "data": data}
    content = [{"type": "document", "source": source}]
    return {
        "model": "claude-sonnet-4-6",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": content}],
    }


def _bombs(size: int) -> bytes:
    """Each tool adds as much as one may, in small parts that refer to others."""
    parts: dict[str, Any] = {"z": {"type": "null"}, "y": {"properties": {"z": _to("z")}}}
    parts |= {f"p{number}": {"items": _to("y")} for number in range(200)}
    schema = {"type": "object", "description": "%d", "properties": parts}
    one = json.dumps({"name": "t%d", "input_schema": schema}, separators=(",", ":"))
    return _repeated(_WITH_USER + '"tools":[', one, "]}", size)


def _to(name: str) -> dict[str, str]:
    return {"$ref": f"#/properties/{name}"}


def _text_argument(arguments: str) -> bytes:
    function = {"name": "t", "arguments": arguments}
    calls = [{"id": "c", "type": "function", "function": function}]
    messages = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "tool_calls": calls},
        {"role": "tool", "tool_call_id": "c", "content": "b"},
    ]
    return json.dumps({"model": "claude-sonnet-4-6", "messages": messages}).encode()
