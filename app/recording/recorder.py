"""Decides what is recorded, and writes it: one file for each exchange, in a native thread.

A file is JSON, readable by its owner alone. Its form is :func:`document`; :mod:`.replay` reads it.
"""

import logging
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias

import gevent
import msgspec
from gevent.pool import Group
from gevent.threadpool import ThreadPool

from app.common import files
from app.common.errors import Kind
from app.version import __version__

from . import streams
from .exchange import Attempt, Budget, Exchange
from .scrub import Scrubber, masked

log = logging.getLogger("kiro2api.recording")

Which: TypeAlias = Literal["failed", "all"]

VERSION = 1
HEADERS = re.compile(
    r"user-agent|content-type|accept|originator|x-stainless-.*|anthropic-(?:version|beta)"
    r"|openai-beta|x-codex-beta-features|x-openai-subagent"
)
"""Headers of the client that say which program asks, and for what."""

UPSTREAM_HEADERS = re.compile(r"content-type|x-amzn-(?:errortype|requestid)|retry-after|date")

NOT_FAILED = frozenset({
    Kind.AUTHENTICATION, Kind.PERMISSION, Kind.NOT_FOUND, Kind.METHOD_NOT_ALLOWED,
    Kind.UNSUPPORTED_CODING, Kind.KEY_LIMITED, Kind.BUDGET, Kind.CANCELLED,
    Kind.OVERLOADED, Kind.SHUTTING_DOWN, Kind.NO_CREDENTIAL,
})  # fmt: skip
"""Failures of which the exchange says nothing."""

FACTS = ("request_id", "client", "key", "account", "model_asked", "total_ms")
"""Members of the log line that a recording does not repeat: whose it was, ids of its own, and a
name that a client may write as it likes."""


class Recorder:
    """Records for one worker. Its directory may be that of several.

    ``most`` and ``most_bytes`` bound the files in the directory; the oldest are removed first.
    """

    def __init__(
        self,
        directory: Path,
        *,
        which: Which,
        most: int,
        most_bytes: int,
        keeps_text: bool,
    ) -> None:
        self._directory = directory
        self._which = which
        self._most = most
        self._most_bytes = most_bytes
        self._keeps_text = keeps_text
        self._budget = Budget(most_bytes)
        self._writing = Group()
        self._thread: ThreadPool | None = None

    def begin(self, method: str, path: str, headers: Mapping[str, str]) -> Exchange:
        """An exchange begins; ``headers`` are all that the client sent."""
        return Exchange(method, path, _matching(headers, HEADERS), self._budget)

    def finish(self, exchange: Exchange, failure: Kind | None, facts: Mapping[str, Any]) -> None:
        """An exchange is over. ``failure`` is how it failed, None if it did not; ``facts`` are the
        members of its log line. It is written unless only failures are.
        """
        failed = failure is not None and failure not in NOT_FAILED
        if not failed and (self._which == "failed" or not exchange.attempts):
            exchange.forget()
            return
        self._writing.spawn(self._write, exchange, facts)

    def close(self, timeout: float = 10) -> None:
        """Wait for what is being written, ``timeout`` seconds at most."""
        self._writing.join(timeout)

    def _write(self, exchange: Exchange, facts: Mapping[str, Any]) -> None:
        if self._thread is None:  # made on first use, which is after the fork
            self._thread = ThreadPool(1, hub=gevent.get_hub())
        try:
            problem = self._thread.apply(self._write_file, (exchange, facts))
        finally:
            exchange.forget()
        if problem is not None:
            log.warning("No recording was written to KIRO_RECORD_DIR.", exc_info=problem)

    def _write_file(self, exchange: Exchange, facts: Mapping[str, Any]) -> Exception | None:
        """Runs in the thread, where nothing is raised: gevent writes that to stderr."""
        try:
            content = msgspec.json.encode(document(exchange, facts, self._keeps_text))
            began = datetime.fromtimestamp(exchange.began_at, UTC)
            name = f"{began:%Y%m%dT%H%M%S.%f}Z-{facts.get('error', 'ok')}.json"
            files.private_directory(self._directory)
            files.replace(self._directory / name, content, durable=False, private=True)
            self._prune()
        except Exception as error:
            return error
        return None

    def _prune(self) -> None:
        """Remove the oldest recordings over the limits. Other workers may do the same."""
        left, size = 0, 0
        for path in sorted(self._directory.glob("*Z-*.json"), reverse=True):
            try:
                length = path.stat().st_size
                if left >= self._most or (left and size + length > self._most_bytes):
                    path.unlink()
                    continue
            except FileNotFoundError:
                continue
            left, size = left + 1, size + length


def document(exchange: Exchange, facts: Mapping[str, Any], keeps_text: bool) -> dict[str, Any]:
    """What is written of an exchange. Times are milliseconds since it began."""
    scrubber = Scrubber(keeps_text=keeps_text)
    return {
        "version": VERSION,
        "gateway": __version__,
        "recorded_at": datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="seconds"),
        "text": "kept" if keeps_text else "filler",
        "request": {
            "method": exchange.method,
            "path": exchange.path,
            "headers": dict(exchange.headers),
            "body": scrubber.document(exchange.body),
        },
        "attempts": [_attempt(attempt, scrubber) for attempt in exchange.attempts],
        "answer": {
            "status": exchange.status,
            "writes": streams.events(exchange.answer, scrubber),
        },
        "facts": _facts(facts),
        "left_out": exchange.left_out,
    }


def _matching(headers: Mapping[str, str], names: re.Pattern[str]) -> dict[str, str]:
    """The headers with these names, in lower case and in order."""
    named = sorted((name.lower(), value) for name, value in headers.items())
    return {name: masked(value) for name, value in named if names.fullmatch(name)}


def _attempt(attempt: Attempt, scrubber: Scrubber) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "at": round(attempt.at * 1000, 1),
        "url": attempt.url,
        "body": scrubber.document(attempt.body),
        "status": attempt.status,
        "headers": _matching(attempt.headers, UPSTREAM_HEADERS),
    }
    if attempt.status == 200:
        return {**shown, "frames": streams.frames(attempt.reads, scrubber), "end": attempt.end}
    return {**shown, "refusal": _refusal(b"".join(data for _, data in attempt.reads))}


def _refusal(body: bytes) -> Any:
    """The service's own words, which hold no text of the client's."""
    try:
        return msgspec.json.decode(masked(body.decode("utf-8", "replace")))
    except (ValueError, RecursionError):
        return masked(body[:4096].decode("utf-8", "replace"))


def _facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Of the log line; its message quotes the service, and may quote what a client named."""
    kept = {name: value for name, value in facts.items() if name not in FACTS}
    if "message" in kept:
        kept["message"] = masked(str(kept["message"]))
    return kept
