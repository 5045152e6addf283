"""Logins in token files."""

import contextlib
import time
from collections.abc import Sequence
from pathlib import Path

from app.credentials.entries import BadEntry, decode_json

from .documents import read_document
from .source import ReadResult

_READS = 4
_PAUSE = 0.05  # seconds; writing a small file takes far less


class FileSource:
    """A JSON file with one or more logins; refreshed tokens are written back into it."""

    def __init__(self, name: str, path: Path, *, is_explicit: bool, named_by: str = "") -> None:
        """``named_by``: the variable in which the user named the file, which is then missed."""
        self.name = name
        self.is_explicit = is_explicit
        self._path = path
        self._named_by = named_by

    def read(self) -> ReadResult:
        try:
            data = self._complete_content()
        except (OSError, ValueError) as error:
            return ReadResult(problems=self._unreadable(error))
        return read_document(data, f"{self.name} ({self._path})", self._path)

    def watched(self) -> Sequence[Path]:
        return (self._path,)

    def _complete_content(self) -> bytes:
        """The content. Waits briefly if another program is in the middle of writing it in place."""
        for _ in range(_READS):
            data = self._path.read_bytes()
            with contextlib.suppress(BadEntry):
                decode_json(data, self.name)
                break
            time.sleep(_PAUSE)
        return data

    def _unreadable(self, error: Exception) -> list[str]:
        if self.is_explicit:  # the path may be a token set by mistake: do not quote it
            why = getattr(error, "strerror", None) or "not a path"
            return [f"{self.name} is neither JSON nor the path of a file that can be read: {why}"]
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return [f"{self._named_by}: there is no {self._path}"] if self._named_by else []
        return [f"{self.name} ({self._path}) cannot be read: {error}"]
