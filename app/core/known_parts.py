"""What parts of request bodies were read as.

Agents send the same tools with each request: half of the body of a short turn, or more. What is
made of them, here and on the way to the upstream, is made once.
"""

from collections.abc import Callable
from typing import Any, Final, Generic, TypeAlias, TypeVar

from msgspec.msgpack import Encoder

from .typed_json import Record

MOST: Final = 512 * 1024
"""What is known in one place at most: bytes of the parts, and ``EACH`` for each of them."""
EACH: Final = 1024

_Known: TypeAlias = tuple[Any, dict[str, None], dict[str, None]]
"""What a part was read as, and what that ignored and rewrote."""

_encode = Encoder().encode  # it searches texts for nothing, unlike that of JSON
_T = TypeVar("_T")


class KnownParts(Generic[_T]):
    """Reads parts by ``read(part, record)``, which must depend on the part alone. What it returned
    for a part that comes again is returned again, so it must not be changed; what it raises is not
    kept. For several threads.
    """

    def __init__(self, read: Callable[[dict[str, Any], Record], _T]) -> None:
        self._read = read
        self._known: dict[bytes, _Known] = {}
        self._size = 0

    def __call__(self, part: dict[str, Any], record: Record) -> _T:
        """What a part is read as. ``record`` gets what reading it ignored and rewrote."""
        try:
            content = _encode(part)
        except OverflowError:  # an integer of more than 64 bits
            return self._read(part, record)
        known = self._known.get(content)
        if known is None:
            own = Record()
            known = self._read(part, own), own.ignored, own.notes
            self._keep(content, known)
        value: _T
        value, ignored, notes = known
        record.ignored |= ignored
        record.notes |= notes
        return value

    def _keep(self, content: bytes, known: _Known) -> None:
        size = EACH + len(content)
        if size > MOST:
            return
        self._size += size
        if self._size > MOST:
            self._known.clear()
            self._size = size
        self._known[content] = known
