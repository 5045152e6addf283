"""Tools that come with each request of an agent, read once.

They are half of the body of a short turn, or more. A list of them that is known by its JSON is not
decoded again, and what was made of each is kept with it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Generic, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, Raw, Struct

from .json_limits import read_float
from .lenient_json import replace_lone_surrogates
from .typed_json import Decode, FieldError, Record, convert, decode_plain

MOST: Final = 512 * 1024
"""The bytes of the lists that one dialect knows."""

_T = TypeVar("_T")
_Model = TypeVar("_Model")
_Read: TypeAlias = tuple[Any, Mapping[str, None], Mapping[str, None]]
"""What a part was read as, and what reading it ignored and rewrote."""


class KnownPart(dict[str, Any]):
    """An object of a list that is known. Requests share it, so it must not be changed."""

    __slots__ = ("read",)

    def __init__(self, part: dict[str, Any]) -> None:
        super().__init__(part)
        self.read: _Read | None = None


class ReadOnce(Generic[_T]):
    """Reads parts by ``read(part, record)``, which must depend on the part alone. What it returned
    for a known part is returned again, so it must not be changed. There is one for each list.
    """

    def __init__(self, read: Callable[[dict[str, Any], Record], _T]) -> None:
        self._read = read

    def __call__(self, part: dict[str, Any], record: Record) -> _T:
        """What a part is read as. ``record`` gets what reading it ignored and rewrote."""
        if not isinstance(part, KnownPart):
            return self._read(part, record)
        if part.read is None:
            own = Record()
            part.read = self._read(part, own), own.ignored, own.notes
        value: _T
        value, ignored, notes = part.read
        record.ignored |= ignored
        record.notes |= notes
        return value


class _KnownLists:
    """Lists by their JSON. For several threads."""

    def __init__(self) -> None:
        self._known: dict[bytes, list[Any]] = {}
        self._size = 0

    def get(self, json: Raw) -> Any:
        """The list with this JSON, or what else it is. Raises MsgspecError, UnicodeDecodeError."""
        if memoryview(json).nbytes > MOST:
            return decode_plain(json)
        content = bytes(json)
        if (known := self._known.get(content)) is not None:
            return known
        value = decode_plain(content)
        if type(value) is not list:
            return value
        parts = [KnownPart(part) if type(part) is dict else part for part in value]
        self._size += len(content)
        if self._size > MOST:
            self._known.clear()
            self._size = len(content)
        self._known[content] = parts
        return parts


def decoder(model: type[Struct], member: str, *, also: Sequence[str] = ()) -> Decode:
    """What decodes a body of the model to plain values, its ``member`` as a list of known parts and
    its members in the order of the model. ``also`` are members that clients send and the model
    lacks; any other makes it an ordinary body.
    """
    names = [*(field.encode_name for field in msgspec.structs.fields(model)), *also]
    form = msgspec.defstruct(
        "_Body",
        [(name, Raw if name == member else Any, UNSET) for name in names],
        forbid_unknown_fields=True,
    )
    decode_form = msgspec.json.Decoder(form, float_hook=read_float).decode
    lists = _KnownLists()

    def decode(raw: bytes) -> Any:
        try:
            found = msgspec.structs.asdict(decode_form(raw))
            body = {name: value for name, value in found.items() if value is not UNSET}
            if member in body:
                body[member] = lists.get(body[member])
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return decode_plain(raw)  # or say what is wrong, and where
        return body

    return decode


def convert_body(body: dict[str, Any], model: type[_Model], raw: bytes) -> _Model:
    """Convert a body that was decoded from ``raw``. Raises FieldError for the member that is the
    first wrong one in the client's order.
    """
    try:
        return convert(body, model)
    except FieldError:
        as_sent = dict.fromkeys(decode_plain(replace_lone_surrogates(raw)))
        return convert(as_sent | body, model)
