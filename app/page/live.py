"""The stream that keeps an open page up to date: its content, whenever that has changed."""

import hashlib
import json
from collections.abc import Callable, Iterator
from time import monotonic, time

import gevent

from app.server.response import FinalChunk

EVERY = 2.0
"""Seconds between two looks."""

STEP = 1.0
"""Seconds within which the stream ends once the worker stops."""

SIGN_OF_LIFE = 15.0
"""Seconds without a change after which something is sent, so that a connection that is gone is
noticed."""


def mark(content: str) -> str:
    """A short text that is another one for other content."""
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def events(
    content: Callable[[], str | None], seen: str, is_ending: Callable[[], bool]
) -> Iterator[bytes]:
    """The stream. ``content`` gives what is to be seen, None once the session is over; ``seen`` is
    the mark of what the browser has. It asks again by itself after the end of the stream.
    """
    before = ""
    spoken = monotonic()
    yield b"retry: 3000\n\n"
    while not is_ending():
        now = content()
        if now is None:
            yield FinalChunk(b"event: over\ndata: {}\n\n")
            return
        if now != before and mark(now) != seen:
            before, seen, spoken = now, "", monotonic()
            yield b"event: content\ndata: " + _content(now) + b"\n\n"
        elif monotonic() - spoken > SIGN_OF_LIFE:
            spoken = monotonic()
            yield b": nothing new\n\n"
        due = monotonic() + EVERY
        while monotonic() < due and not is_ending():
            gevent.sleep(STEP)
    yield FinalChunk()


def _content(html: str) -> bytes:
    """With the time here, since the browser's clock may be another."""
    return json.dumps({"html": html, "now": time()}).encode()
