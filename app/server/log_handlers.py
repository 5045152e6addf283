"""Where log lines go: stderr, a file. No line waits for a reader, a disk or a lock of others.

A line that cannot be written at once is dropped and counted. The count is logged as a line of its
own as soon as there is room: before the next line, by the worker's loop, or at the end.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
from contextvars import Context
from typing import Any

from gevent.monkey import get_original

from app.common import output

_NativeLock: Any = get_original("_thread", "RLock")


class Handler(logging.Handler):
    """Formats records and gives them to an :class:`~app.common.output.Output`, one write each."""

    def __init__(self, name: str, out: output.Output) -> None:
        super().__init__()
        self._target = name
        self._output = out

    def createLock(self) -> None:
        """For the native threads, since no greenlet waits while it writes: that of the interpreter,
        which two calls take and release, not gevent's.
        """
        super().createLock()
        self.lock = _NativeLock()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = f"{self.format(record)}\n".encode("utf-8", "backslashreplace")
        except Exception:
            self.handleError(record)
            return
        if self._output.dropped:
            self.report()
        self._output.write(line)

    def report(self) -> None:
        """Log how many lines were dropped, if any were and if there is room."""
        if not (dropped := self._output.dropped):
            return
        text = f"%d log lines were dropped since {self._target} did not take them: %s"
        record = logging.LogRecord(
            "kiro2api.logs", logging.WARNING, "", 0, text, (dropped, self._output.reason), None
        )
        record.fields = {"dropped": dropped}
        line = Context().run(self.format, record)  # no request's line, so without its id
        if self._output.offer(f"{line}\n".encode("utf-8", "backslashreplace")):
            self._output.dropped -= dropped

    def flush(self) -> None:
        """Called when the process ends, in an orderly way."""
        self._output.drain()
        self.report()


class ConsoleHandler(Handler):
    """Lines to stderr."""

    def __init__(self) -> None:
        super().__init__("stderr", output.stderr())


class FileHandler(Handler):
    """Lines at the end of a file, opened again when it was renamed or removed (log rotation).

    The file may be a FIFO; lines are dropped while nobody has it open. Raises OSError if it cannot
    be opened for another reason.
    """

    def __init__(self, filename: str) -> None:
        super().__init__("LOG_FILE", output.Output(None))
        self._filename = filename
        self._fd = -1
        self._identity = (-1, -1)
        try:
            self._open()
        except OSError as error:
            if error.errno != errno.ENXIO or not stat.S_ISFIFO(os.stat(filename).st_mode):
                raise

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._follow()
        except OSError as error:
            self._output.fail(error)
        else:
            super().emit(record)

    def close(self) -> None:
        self.acquire()
        try:
            self._close()
        finally:
            self.release()
        super().close()

    def _follow(self) -> None:
        try:
            found = os.stat(self._filename)
        except FileNotFoundError:
            self._open()
            return
        if self._fd < 0 or (found.st_dev, found.st_ino) != self._identity:
            self._open()

    def _open(self) -> None:
        self._close()
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_NOCTTY
        self._fd = os.open(self._filename, flags, 0o666)
        found = os.fstat(self._fd)
        self._identity = found.st_dev, found.st_ino
        former, self._output = self._output, output.Output(self._fd)
        self._output.dropped, self._output.reason = former.dropped, former.reason

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def report() -> None:
    """Log what was dropped, where there is room again."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, Handler):
            handler.report()
