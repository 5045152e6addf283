"""Writing to stderr, and to log files, without ever waiting for whoever reads them.

A pipe that nobody reads holds 64 KB; a terminal stopped by Ctrl-S holds less. A write to a full one
would stop the whole process: every answer of a worker, and the master. An :class:`Output` drops
what is not taken at once, and counts it.

``O_NONBLOCK`` belongs to the open file that a process shares with its parents and neighbours (the
shell, ``less``, other programs of a pipeline), which would get errors that they do not expect. It
is therefore set only on an open file of our own to the same pipe or terminal. For a socket it is a
flag of each call. Regular files never wait for a reader.
"""

from __future__ import annotations

import errno
import fcntl
import io
import os
import select
import socket
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from weakref import WeakSet

MAX_LINE = 4096
"""Bytes of a line with its end. Linux writes as many into a pipe as a whole or not at all
(PIPE_BUF), so that lines of different processes never mix."""

PIPE_SIZE = 256 * 1024
"""Bytes that a pipe of ours should hold, for a reader that pauses for a moment."""

REASONS = {
    errno.EAGAIN: "it is full, and nobody reads it",
    errno.EPIPE: "its reader has gone",
    errno.ENXIO: "nobody reads it",
}

_outputs: WeakSet[Output] = WeakSet()
_lost = 0


def lost() -> int:
    """Lines that this process has dropped so far, reported or not."""
    return _lost


class Output:
    """Lines to a file descriptor, which stays open. ``fd`` None: every line is dropped.

    ``dropped``: lines lost and not yet reported; ``reason``: why the last one was. After a fork the
    child counts its own. Not for several threads at once.
    """

    def __init__(self, fd: int | None) -> None:
        self._write = _closed if fd is None else _writer(fd)
        self._rest = b""  # of a line whose beginning is out
        self.dropped = 0
        self.reason = ""
        _outputs.add(self)

    def write(self, line: bytes) -> bool:
        """Write a whole line, or count it as dropped. Returns whether it is out."""
        if self.offer(line):
            return True
        self._drop()
        return False

    def offer(self, line: bytes) -> bool:
        """Write a line or nothing of it. What is not taken of a line that has begun comes before
        the next one."""
        if not self.drain():
            return False
        self._rest = line
        if self.drain() or len(self._rest) < len(line):
            return True
        self._rest = b""
        return False

    def drain(self) -> bool:
        """Go on with a line that has begun. Returns whether there is nothing left of it."""
        try:
            while self._rest:
                if not (taken := self._write(self._rest)):
                    raise BlockingIOError(errno.EAGAIN, "")
                self._rest = self._rest[taken:]
        except OSError as error:
            self.reason = REASONS.get(error.errno or 0) or str(error.strerror)
        return not self._rest

    def fail(self, error: OSError) -> None:
        """Count a line as dropped for a reason found elsewhere."""
        self.reason = REASONS.get(error.errno or 0) or str(error.strerror)
        self._drop()

    def _drop(self) -> None:
        global _lost
        self.dropped += 1
        _lost += 1

    def forget(self) -> None:
        """Leave what is counted and what has begun to the parent process."""
        self._rest = b""
        self.dropped = 0


class LineStream(io.TextIOBase):
    """What ``sys.stderr`` becomes: for tracebacks and messages that are no log lines."""

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, output: Output, fd: int) -> None:
        self.output = output
        self._fd = fd
        self._begun = ""

    def write(self, text: str) -> int:
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            self._put(line + "\n")
        if len(self._begun) >= MAX_LINE:
            self.flush()
        return len(text)

    def flush(self) -> None:
        begun, self._begun = self._begun, ""
        self._put(begun)
        self.output.drain()

    def _put(self, text: str) -> None:
        data = text.encode("utf-8", "backslashreplace")
        for at in range(0, len(data), MAX_LINE):
            self.output.write(data[at : at + MAX_LINE])

    def fileno(self) -> int:
        return self._fd

    def isatty(self) -> bool:
        return os.isatty(self._fd)

    def writable(self) -> bool:
        return True


def never_wait(*names: str) -> None:
    """Replace ``sys.stderr`` (and ``sys.stdout``), by name, with streams that drop instead of
    waiting. One that was closed before the start stays None. Idempotent."""
    for name in names:
        stream = getattr(sys, name)
        if stream is None or isinstance(stream, LineStream):
            continue
        with suppress(OSError):  # it has no file descriptor: a test's
            stream.flush()
            fd = stream.fileno()
            setattr(sys, name, LineStream(Output(fd), fd))


def stderr() -> Output:
    """The output of the log: shared with ``sys.stderr`` where that is ours.

    If stderr was closed before the start, its number may since be a client's socket: nothing is
    written to it.
    """
    stream = sys.stderr
    if isinstance(stream, LineStream):
        return stream.output
    try:
        return Output(None if stream is None else stream.fileno())
    except OSError:  # it has no file descriptor: a test's
        return Output(None)


def _writer(fd: int) -> Callable[[bytes], int]:
    """What writes as much as ``fd`` takes at once; it raises BlockingIOError if that is nothing."""
    from gevent.monkey import get_original  # the patched ones would wait, in the event loop

    try:
        mode = os.fstat(fd).st_mode
    except OSError:
        return _closed
    if stat.S_ISSOCK(mode):
        return partial(_send, get_original("socket", "socket")(fileno=os.dup(fd)))
    if not (stat.S_ISFIFO(mode) or os.isatty(fd)) or not os.get_blocking(fd):
        return partial(os.write, fd)
    if stat.S_ISFIFO(mode):
        _enlarge(fd)
    try:
        own = os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError:  # no Linux, no /proc, a pipe of another user
        return partial(_write_if_ready, get_original("select", "poll"), fd)
    return partial(os.write, own)


def _enlarge(fd: int) -> None:
    with suppress(AttributeError, OSError):  # no Linux; the user has too many such pipes
        if fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ) < PIPE_SIZE:
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, PIPE_SIZE)


def _send(connection: socket.socket, data: bytes) -> int:
    return connection.send(data, socket.MSG_DONTWAIT)


def _write_if_ready(poll: Callable[[], select.poll], fd: int, data: bytes) -> int:
    """Write what a pipe that is ready takes without waiting: PIPE_BUF bytes. Another process may
    fill it between the two calls, and this one then waits until somebody reads it."""
    poller = poll()
    poller.register(fd, select.POLLOUT)
    if not poller.poll(0):
        raise BlockingIOError(errno.EAGAIN, "")
    return os.write(fd, data[: select.PIPE_BUF])


def _closed(_data: bytes) -> int:
    raise OSError(errno.EBADF, "it is closed")


def _begin_child() -> None:
    global _lost
    _lost = 0
    for output in tuple(_outputs):
        output.forget()


os.register_at_fork(after_in_child=_begin_child)
