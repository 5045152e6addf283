"""Bodies of 32 MB that are expensive to read, and what measures how long a worker stands still."""

import json
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

SIZE = 32 * 1024 * 1024 - 4096

_PROBE = """
import socket, sys, time
port, worst = int(sys.argv[1]), 0.0
ask = b"GET /health HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n"
with socket.create_connection(("127.0.0.1", port)) as client:
    print("ready", flush=True)
    import select
    while not select.select([sys.stdin], [], [], 0.005)[0]:
        started, got = time.monotonic(), b""
        client.sendall(ask)
        while b"\\r\\n\\r\\n" not in got:
            got += client.recv(65536)
        worst = max(worst, time.monotonic() - started)
print(worst)
"""


@contextmanager
def worst_health(port: int) -> Iterator[list[float]]:
    """The longest time, in seconds, that ``/health`` took meanwhile: one value, after the end.
    A process of its own asks, so that this one does not delay it.
    """
    worst: list[float] = []
    probe = subprocess.Popen(
        [sys.executable, "-c", _PROBE, str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert probe.stdout is not None
    probe.stdout.readline()
    time.sleep(0.05)
    try:
        yield worst
    finally:
        out, _ = probe.communicate("\n", timeout=60)
        worst.append(float(out))


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
    "one image": (
        "/v1/messages",
        lambda size: json.dumps(_image("A" * ((size - 4096) // 4 * 4))).encode(),
    ),
}
"""By name: the path, and a function of the size in bytes."""


def _image(data: str) -> dict[str, Any]:
    source = {"type": "base64", "media_type": "image/png", "data": data}
    content = [{"type": "image", "source": source}]
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
