"""Atomic file replacement: a file is always the complete old one or the complete new one.

The content is written to a temporary file beside the target and flushed to disk; the file is then
renamed over the target, and the directory is flushed. Once :func:`replace` has returned, a power
cut cannot undo it. Callers exclude each other with a lock of their own; its holder may finish or
remove what a killed process left behind (:func:`recover`, :func:`sweep`): the name of a temporary
file says which content it replaces.

A new file has the owner, the group and the mode of the one that it replaces, so that a gateway
which runs as root does not take a file away from its user. Files of this program alone are
``private``: they belong to the user of the process, who alone can read them, and a symbolic link in
their place is replaced, not followed.
"""

import contextlib
import errno
import glob
import hashlib
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path


class Changed(Exception):
    """Another program wrote the file in the meantime; it was left as it is."""


def replace(
    path: Path,
    content: bytes,
    *,
    expected: bytes | None = None,
    durable: bool = True,
    private: bool = False,
) -> None:
    """Replace the content of ``path``; without an old file, only the owner can read the new one.

    Raises OSError if that fails; the file is complete even then. Raises Changed if the file does
    not hold the ``expected`` bytes just before the rename. If not ``durable``, a power cut may undo
    the replacement.
    """
    path = _target(path, private=private)
    with _temporary(path) as (descriptor, name):
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            if not private:
                _take_over(file.fileno(), path)
            if durable:
                os.fsync(file.fileno())
        if expected is not None and path.read_bytes() != expected:
            raise Changed
        os.replace(name, path)
    if durable:
        _flush_directory(path.parent)


def recover(path: Path, is_whole: Callable[[bytes], bool], *, private: bool = False) -> bool:
    """Finish a replacement whose process was killed before the rename, if what it wrote is whole
    and the file still holds what was to be replaced. Raises OSError if that fails.
    """
    path = _target(path, private=private)
    for left in path.parent.glob(f"{glob.escape(_prefix(path) + _mark(path))}.*.tmp"):
        descriptor = os.open(left, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if status.st_uid not in (os.geteuid(), _owner(path)) or not is_whole(file.read()):
                continue
            if not private:
                _take_over(descriptor, path)
            os.fsync(descriptor)
        os.replace(left, path)
        _flush_directory(path.parent)
        return True
    return False


def read_own(path: Path) -> bytes:
    """The content of a private file. Raises OSError, also for a file of another user or a symbolic
    link, which somebody may have put there.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if os.fstat(descriptor).st_uid != os.geteuid():
            raise PermissionError(errno.EPERM, "it belongs to another user")
        return file.read()


def sweep(path: Path, *, private: bool = False) -> None:
    """Remove abandoned temporary files of :func:`replace` for ``path``."""
    path = _target(path, private=private)
    for left in path.parent.glob(f"{glob.escape(_prefix(path))}*.tmp"):
        with contextlib.suppress(OSError):
            left.unlink()


def expire(directory: Path, pattern: str, age: float) -> None:
    """Remove the matching files that were last written more than ``age`` seconds ago."""
    for old in directory.glob(pattern):
        with contextlib.suppress(OSError):
            if time.time() - old.stat().st_mtime > age:
                old.unlink()


def private_directory(path: Path, *, shared_parent: bool = False) -> None:
    """Create the directory if needed, accessible only by its owner. Raises OSError.

    In a ``shared_parent`` another user may have created it first, to read its files: such a
    directory is refused.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if shared_parent and not is_private(path):
        raise PermissionError(errno.EPERM, "another user can access it")


def is_private(path: Path) -> bool:
    """Whether the path is a directory that only this user can read and write."""
    try:
        status = path.lstat()
    except OSError:
        return False
    is_ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
    return is_ours and not status.st_mode & 0o077


def why_unsafe(directory: Path) -> str:
    """Why others could put files into this directory, "" if they could not."""
    status = directory.stat()
    if status.st_mode & stat.S_IWOTH:
        return "everyone can write to it; run chmod o-w"
    if status.st_uid not in (os.geteuid(), 0):
        return "it belongs to another user"
    return ""


def _target(path: Path, *, private: bool) -> Path:
    """The file to replace: for a symbolic link the one that it names."""
    return path.absolute() if private else path.resolve()


def _owner(path: Path) -> int:
    try:
        return path.lstat().st_uid
    except OSError:
        return os.geteuid()


def _take_over(descriptor: int, path: Path) -> None:
    """Give a new file the owner, group and mode of the old one. If the group cannot be kept, it may
    not do anything. Raises OSError if the owner cannot be kept.
    """
    try:
        old = path.stat()
    except FileNotFoundError:
        return
    new, mode = os.fstat(descriptor), stat.S_IMODE(old.st_mode) & 0o777
    if old.st_gid != new.st_gid:
        try:
            os.fchown(descriptor, -1, old.st_gid)
        except PermissionError:
            mode &= ~0o070
    if old.st_uid != new.st_uid:
        try:
            os.fchown(descriptor, old.st_uid, -1)
        except PermissionError:
            raise PermissionError(errno.EPERM, "it belongs to another user") from None
    if _has_acl(path) and not _copy_acl(path, descriptor):
        mode &= ~0o070  # these bits are the mask of the list, not what the group may do
    os.fchmod(descriptor, mode)


_ACL = "system.posix_acl_access"


def _has_acl(path: Path) -> bool:
    try:
        return _ACL in os.listxattr(path)
    except (AttributeError, OSError):  # not on this system
        return False


def _copy_acl(path: Path, descriptor: int) -> bool:
    try:
        os.setxattr(descriptor, _ACL, os.getxattr(path, _ACL))
    except OSError:
        return False
    return True


def _mark(path: Path) -> str:
    """Names the present content of the file."""
    try:
        content = path.read_bytes()
    except OSError:
        content = b""
    return hashlib.sha256(content).hexdigest()[:16]


@contextlib.contextmanager
def _temporary(path: Path) -> Iterator[tuple[int, str]]:
    prefix = f"{_prefix(path)}{_mark(path)}."
    descriptor, name = tempfile.mkstemp(".tmp", prefix, path.parent)  # mode 0600
    try:
        yield descriptor, name
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _prefix(path: Path) -> str:
    return f".{path.name}."


def _flush_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems
            raise
    finally:
        os.close(descriptor)
