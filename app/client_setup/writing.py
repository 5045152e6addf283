"""Writes a client's file after a backup, and puts the backup back."""

from collections.abc import Callable
from pathlib import Path

from app.common import files

from .edits import CannotEdit

_BACKUP = ".before-kiro2api"
_REPLACED = ".with-kiro2api"


def backup_of(path: Path) -> Path:
    """Where the file is kept as it was before the first write; empty if there was none."""
    return path.with_name(path.name + _BACKUP)


def write(path: Path, edit: Callable[[str], str], *, private: bool) -> str:
    """Change the file, atomically. ``private``: the new content has a secret: only the owner may
    read it. Returns what was done, in words. Raises CannotEdit and OSError.
    """
    before = _read(path)
    content = edit(_text(before, path)).encode()
    if content == before:
        return f"{path} is set up already."
    path.parent.mkdir(parents=True, exist_ok=True)
    backup = backup_of(path)
    if backup.exists():
        kept = f"what it was before the first change stays in {backup}"
    else:
        files.replace(backup, before or b"")
        kept = f"what it was before is in {backup}" if before is not None else "it is new"
    files.replace(path, content, expected=before)
    if private:
        path.chmod(0o600)
    return f"Wrote {path}; {kept}."


def restore(path: Path) -> str:
    """Put the file back as it was before the first write. What has changed since is kept beside it.
    Returns what was done, in words. Raises CannotEdit and OSError.
    """
    backup = backup_of(path)
    original, present = _read(backup), _read(path)
    if original is None:
        raise CannotEdit(f"there is no backup {backup}: --write makes one")
    kept = path.with_name(path.name + _REPLACED)
    if present is not None:
        files.replace(kept, present)
    if original:
        files.replace(path, original)
    else:
        path.unlink(missing_ok=True)
    backup.unlink()
    done = f"Restored {path}" if original else f"Removed {path}, which was not there before"
    return f"{done}; what it was until now is in {kept}."


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _text(content: bytes | None, path: Path) -> str:
    try:
        return (content or b"").decode()
    except UnicodeDecodeError:
        raise CannotEdit(f"{path} is not UTF-8 text") from None
