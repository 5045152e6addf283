"""Decoder of AWS event-stream frames (``application/vnd.amazon.eventstream``).

A message is, big-endian: total length (uint32, the whole message), headers length (uint32), CRC-32
of those eight bytes, the headers, the payload, and CRC-32 of everything before it. A header is:
name length (uint8), name (UTF-8), type (uint8), value. Source: the event-stream decoders of the AWS
SDKs (botocore, aws-sdk-go, aws-c-event-stream).

The decoder does no IO, reads no clock and writes no log. It does not interpret frames and knows no
AWS service.

The decoder does not search for the next frame after a damaged one. If a length is wrong, nothing
after it can be trusted, so every error is final. A duplicate header name is an error, as in
botocore: the SDKs disagree on which of the two values counts.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import TypeAlias
from zlib import crc32

from msgspec import Struct

MAX_MESSAGE = 24 * 1024 * 1024
"""The largest total length of a message, in bytes. The limits of the SDKs are 16 and 24 MiB."""

MAX_HEADERS = 128 * 1024
"""The largest length of a header block, in bytes, as in botocore and aws-sdk-go."""

HeaderValue: TypeAlias = bool | int | bytes | str
"""Integers of all widths are ``int``. A timestamp is an ``int`` of milliseconds since the epoch, a
UUID is its 16 bytes.
"""

_PRELUDE_SIZE = 12
_SMALLEST = 16  # the prelude and the message checksum
_PRELUDE = struct.Struct(">III").unpack_from
_CHECKSUM = struct.Struct(">I").unpack_from

_Beginning: TypeAlias = tuple[int, int, int, "Mapping[str, HeaderValue] | None"]
"""Of a message, its prelude and headers: their length, that of the whole message, their CRC-32, and
the headers, None before the message's checksum was found right.
"""

_KNOWN: dict[bytes, _Beginning] = {}
"""A stream has few header blocks and few lengths, so most messages begin as others did."""
_MOST_KNOWN = 1024
_LONGEST_KNOWN = 524  # bytes; typical beginnings have about 110, and take 300 of memory here


class Frame(Struct, frozen=True, gc=False):
    """One complete message. ``headers`` is read-only; equal header blocks share one mapping."""

    headers: Mapping[str, HeaderValue]
    payload: bytes


class FrameError(Exception):
    """The bytes are not a valid event stream.

    ``frames`` are the valid frames that the same ``feed`` completed before the damage. The caller
    should process them first.
    """

    def __init__(self, message: str, frames: Sequence[Frame] = ()) -> None:
        super().__init__(message)
        self.frames = frames


class PreludeChecksumMismatch(FrameError):
    """The checksum of the two lengths is wrong."""


class MessageChecksumMismatch(FrameError):
    """The checksum of the message is wrong: its headers or payload are damaged."""


class MessageTooShort(FrameError):
    """The total length is below that of the smallest possible message."""


class MessageTooLong(FrameError):
    """The total length is over :data:`MAX_MESSAGE`."""


class HeadersTooLong(FrameError):
    """The headers length is over :data:`MAX_HEADERS`."""


class HeadersOverrun(FrameError):
    """The headers length exceeds the total length."""


class HeaderTruncated(FrameError):
    """The header block ends inside a header."""


class InvalidHeaderName(FrameError):
    """A header name is empty or not UTF-8."""


class InvalidHeaderValue(FrameError):
    """A string value is not UTF-8."""


class UnknownHeaderType(FrameError):
    """A header type is not one of the ten defined types."""


class DuplicateHeader(FrameError):
    """A header name occurs twice in one block."""


class TruncatedMessage(FrameError):
    """The input ends inside a message."""


class FrameDecoder:
    """Decodes a stream of bytes, fed in pieces of any size, into frames.

    Messages inside one piece are parsed in place; only a message that spans several pieces is
    copied into a buffer. The cost is linear in the input, whatever the sizes of the pieces.
    """

    __slots__ = ("_failure", "_length", "_needed", "_tail")

    def __init__(self) -> None:
        self._tail = bytearray()  # the start of an incomplete message
        self._needed = _PRELUDE_SIZE  # the length of the tail at which parsing can continue
        self._length = 0  # of the last beginning: the next one has often the same
        self._failure: FrameError | None = None

    @property
    def inside(self) -> bool:
        """Whether the input so far ends inside a message."""
        return bool(self._tail)

    def feed(self, data: bytes | bytearray | memoryview) -> list[Frame]:
        """Return the frames that ``data`` completes.

        Raises a :class:`FrameError` as soon as the damage can be detected. Every later call raises
        the same error, without frames.
        """
        if self._failure is not None:
            raise type(self._failure)(str(self._failure))
        if not isinstance(data, bytes):
            data = bytes(data)  # the caller may reuse its buffer
        frames: list[Frame] = []
        try:
            start = self._complete_tail(data, frames) if self._tail else 0
            if start < len(data):
                self._cut(data, start, frames)
        except FrameError as error:
            error.frames = frames
            self._fail(error)
            raise
        return frames

    def eof(self) -> None:
        """Signal the end of the input.

        Raises :class:`TruncatedMessage` if it is inside a message.
        """
        if self._failure is not None:
            raise type(self._failure)(str(self._failure))
        if self._tail:
            error = TruncatedMessage(
                f"the stream ended inside a message, after {len(self._tail)} of its bytes"
            )
            self._fail(error)
            raise error

    def _complete_tail(self, data: bytes, frames: list[Frame]) -> int:
        """Move bytes of ``data`` to the tail until its message is complete; return their number."""
        view = memoryview(data)
        moved = 0
        while self._tail and moved < len(data):
            piece = view[moved : moved + self._needed - len(self._tail)]
            self._tail += piece
            moved += len(piece)
            if len(self._tail) == self._needed:
                message = bytes(self._tail)
                self._tail.clear()
                self._cut(
                    message, 0, frames
                )  # if this was only a prelude, it goes back to the tail
        return moved

    def _cut(self, data: bytes, start: int, frames: list[Frame]) -> None:
        """Append the complete messages in ``data`` from ``start``; the rest becomes the tail."""
        size, length = len(data), self._length
        self._needed = _PRELUDE_SIZE
        while size - start >= _PRELUDE_SIZE:
            beginning = _KNOWN.get(data[start : start + length]) or _begin(data, start)
            length, total, checksum, headers = beginning
            end = start + total
            if end > size:
                self._needed = total
                break
            payload = data[start + length : end - 4]
            if crc32(payload, checksum) != _CHECKSUM(data, end - 4)[0]:
                raise MessageChecksumMismatch("the checksum of a message does not match")
            if headers is None:
                headers = _learn(data[start : start + length], beginning)
            frames.append(Frame(headers, payload))
            start = end
        self._length = length
        if start < size:
            self._tail += memoryview(data)[start:]

    def _fail(self, error: FrameError) -> None:
        self._failure = type(error)(
            str(error)
        )  # a copy: the raised error keeps its call stack alive
        self._tail = bytearray()


def _begin(data: bytes, start: int) -> _Beginning:
    """The beginning of a message of which at least the prelude has arrived."""
    total, headers_length, checksum = _PRELUDE(data, start)
    if crc32(data[start : start + 8]) != checksum:
        raise PreludeChecksumMismatch("the checksum of a message's lengths does not match")
    if total < _SMALLEST:
        raise MessageTooShort(f"a message of {total} bytes; the minimum is {_SMALLEST}")
    if total > MAX_MESSAGE:
        raise MessageTooLong(f"a message of {total} bytes; the limit is {MAX_MESSAGE}")
    if headers_length > total - _SMALLEST:
        raise HeadersOverrun(f"{headers_length} bytes of headers in a message of {total}")
    if headers_length > MAX_HEADERS:
        raise HeadersTooLong(f"{headers_length} bytes of headers; the limit is {MAX_HEADERS}")
    length = _PRELUDE_SIZE + headers_length
    beginning = data[start : start + length]
    return _KNOWN.get(beginning) or (length, total, crc32(beginning), None)


def _learn(data: bytes, beginning: _Beginning) -> Mapping[str, HeaderValue]:
    """The headers of a message with a valid checksum that begins with ``data``."""
    length, total, checksum, _ = beginning
    if length > _LONGEST_KNOWN:
        return _decode_headers(data[_PRELUDE_SIZE:])
    headers = _known_headers(data[_PRELUDE_SIZE:])
    if len(_KNOWN) >= _MOST_KNOWN:
        _KNOWN.clear()
    _KNOWN[data] = length, total, checksum, headers
    return headers


class _Block:
    """A reader of one header block."""

    def __init__(self, block: bytes) -> None:
        self.block = block
        self.position = 0

    def more(self) -> bool:
        return self.position < len(self.block)

    def take(self, length: int) -> bytes:
        start, self.position = self.position, self.position + length
        if self.position > len(self.block):
            raise HeaderTruncated("a header block ends inside a header")
        return self.block[start : self.position]

    def take_name(self) -> str:
        try:
            name = self.take(self.take(1)[0]).decode()
        except UnicodeDecodeError:
            raise InvalidHeaderName("a header name is not UTF-8") from None
        if not name:
            raise InvalidHeaderName("a header name is empty")
        return name

    def take_value(self, name: str) -> HeaderValue:
        kind = self.take(1)[0]
        read = _VALUE_READERS.get(kind)
        if read is None:
            raise UnknownHeaderType(f"header {name!r} has the unknown type {kind}")
        try:
            return read(self)
        except UnicodeDecodeError:
            raise InvalidHeaderValue(f"the value of header {name!r} is not UTF-8") from None


def _signed(width: int) -> Callable[[_Block], HeaderValue]:
    return lambda block: int.from_bytes(block.take(width), "big", signed=True)


def _counted(block: _Block) -> bytes:
    return block.take(int.from_bytes(block.take(2), "big"))


_VALUE_READERS: dict[int, Callable[[_Block], HeaderValue]] = {
    0: lambda block: True,
    1: lambda block: False,
    2: _signed(1),
    3: _signed(2),
    4: _signed(4),
    5: _signed(8),
    6: _counted,
    7: lambda block: _counted(block).decode(),
    8: _signed(8),
    9: lambda block: block.take(16),
}


def _decode_headers(block: bytes) -> Mapping[str, HeaderValue]:
    headers: dict[str, HeaderValue] = {}
    rest = _Block(block)
    while rest.more():
        name = rest.take_name()
        value = rest.take_value(name)
        if name in headers:
            raise DuplicateHeader(f"header {name!r} occurs twice in one block")
        headers[name] = value
    return MappingProxyType(headers)


_known_headers = lru_cache(maxsize=256)(_decode_headers)
