"""Clients that misbehave. Each function is one connection, until ``over`` is set."""

import gzip
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count as numbers
from itertools import repeat
from random import Random
from threading import Event, Thread

from tests.bombs import zeros
from tests.chaos.received import MODEL
from tests.hostile.cases import Case
from tests.live.servers import KEY

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
LARGEST = 4 * 1024 * 1024
"""Bytes of a body, which is a small part of MAX_BODY_BYTES."""


def attack(port: int, case: Case, over: Event) -> list[Thread]:
    """Start the clients of a case."""
    several = case.count if case.kind in ("silent", "drip", "unread") else min(case.count, 4)
    threads = [
        Thread(target=_client, args=(port, case, case.seed + number, over), daemon=True)
        for number in range(several)
    ]
    for thread in threads:
        thread.start()
    return threads


def _client(port: int, case: Case, seed: int, over: Event) -> None:
    random = Random(seed)
    while not over.is_set():
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as connection:
            connection.settimeout(0.5)
            for piece in PIECES[case.kind](case, random):
                if over.is_set():
                    return
                connection.sendall(piece)
                over.wait(case.pause)
            if case.kind == "leaving":
                over.wait(0.1)  # the answer has begun
                continue
            if case.kind != "unread":
                while not over.is_set() and connection.recv(65536):
                    continue
            over.wait(None if case.kind in ("silent", "unread") else 0.01)


def _silent(_case: Case, _random: Random) -> Iterator[bytes]:
    yield from ()


def _drip(_case: Case, _random: Random) -> Iterator[bytes]:
    yield b"GET / HTTP/1.1\r\nX: "
    yield from repeat(b"x")


def _pipeline(case: Case, _random: Random) -> Iterator[bytes]:
    yield from repeat(GET * max(1, case.size // len(GET)))


def _tiny_chunks(case: Case, _random: Random) -> Iterator[bytes]:
    yield _head("Transfer-Encoding: chunked")
    yield from repeat(b"1\r\n \r\n" * max(1, case.size // 6))


def _headers(case: Case, _random: Random) -> Iterator[bytes]:
    yield b"GET / HTTP/1.1\r\n"
    yield from (b"x-%d: y\r\n" % number * max(1, case.size // 10) for number in numbers())


def _noise(case: Case, random: Random) -> Iterator[bytes]:
    yield from (random.randbytes(case.size) + b"\r\n" for _ in range(case.count))


def _damaged(case: Case, random: Random) -> Iterator[bytes]:
    request = bytearray(_request(_body([{"role": "user", "content": "Hello"}])))
    for _ in range(1 + case.count // 10):
        request[random.randrange(len(request))] = random.randrange(256)
    yield bytes(request)


def _items(case: Case, random: Random) -> Iterator[bytes]:
    one = random.choice((b'{"role":"user","content":"a"}', b'{"role":"user","content":[]}', b"{}"))
    messages = b",".join([one] * (case.count * 500))
    yield _request(_raw(b'"messages":[' + messages + b"]"))


def _nesting(case: Case, random: Random) -> Iterator[bytes]:
    depth = random.choice((50, 900))
    one = b"[" * depth + b"]" * depth
    many = min(case.count * 20, LARGEST // len(one))
    yield _request(_raw(b'"messages":[],"metadata":[' + b",".join([one] * many) + b"]"))


def _escapes(case: Case, random: Random) -> Iterator[bytes]:
    one = random.choice((b"\\ud800", b"\\\\", b"\\ud800\\\\", b"\\u0000"))
    many = min(case.count * 20_000, LARGEST // len(one))
    yield _request(_raw(b'"messages":[{"role":"user","content":"' + one * many))


def _compressed(case: Case, random: Random) -> Iterator[bytes]:
    coding = random.choice(("zstd", "gzip", "deflate", "br"))
    many = case.count * case.size
    body = random.choice((
        zeros(coding, min(4_000_000_000, many * 1_000_000)),
        gzip.compress(b"") * min(many, LARGEST // 20),
        random.randbytes(min(many, LARGEST)),
    ))  # fmt: skip
    yield _head(f"Content-Length: {len(body)}\r\nContent-Encoding: {coding}") + body


def _unread(_case: Case, _random: Random) -> Iterator[bytes]:
    yield _request(_body([{"role": "user", "content": "long."}]))


def _leaving(case: Case, _random: Random) -> Iterator[bytes]:
    yield _request(_body([{"role": "user", "content": "long."}])) + b"\r\n" * case.count


PIECES: dict[str, Callable[[Case, Random], Iterator[bytes]]] = {
    "silent": _silent,
    "drip": _drip,
    "pipeline": _pipeline,
    "tiny chunks": _tiny_chunks,
    "headers": _headers,
    "noise": _noise,
    "damaged": _damaged,
    "items": _items,
    "nesting": _nesting,
    "escapes": _escapes,
    "compressed": _compressed,
    "unread": _unread,
    "leaving": _leaving,
}


def _body(messages: object) -> bytes:
    return _raw(b'"messages":' + json.dumps(messages).encode() + b"}")


def _raw(rest: bytes) -> bytes:
    start = json.dumps({"model": MODEL, "max_tokens": 2_000_000, "stream": True}).encode()
    return start[:-1] + b"," + rest


def _request(body: bytes) -> bytes:
    return _head(f"Content-Length: {len(body)}") + body


def _head(length: str) -> bytes:
    return (
        f"POST /v1/messages HTTP/1.1\r\nHost: a\r\nx-api-key: {KEY}\r\n"
        f"Content-Type: application/json\r\n{length}\r\n\r\n"
    ).encode()
