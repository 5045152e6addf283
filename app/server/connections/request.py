"""A request: its head is read at once where nothing of it is to be decided, and so is a body that
has come with it. Other bodies are read by :mod:`.chunked` and :mod:`.plain`.

gunicorn reads a head line by line, and looks at each with patterns and settings of its own: 6 % of
a short request, and three times as much with the twenty fields that an SDK sends. A head that is
not plain goes to gunicorn as it came, so that every refusal is gunicorn's.
"""

import re
from functools import lru_cache, partial
from typing import Any, TypeAlias

from gunicorn.http import message
from gunicorn.http.body import ChunkedReader

from .chunked import ChunkedBody
from .plain import PlainBody

USUAL = 4096
"""Bytes of a head that may be plain."""

HEAD_END = b"\r\n\r\n"

_PLAIN = b"\t" + bytes(range(0x20, 0x7F)) + bytes(range(0x80, 0x100))
"""The bytes that values may have."""

# a path and a query, since gunicorn takes apart otherwise what has a host or a fragment
_line = re.compile(r"([A-Z]{3,20}) ((/(?!/)[!\"$->@-~]*)(?:\?([!\"$-~]*))?) HTTP/1\.1").fullmatch
_name = re.compile(r"[!#$%&'*+.^`|~0-9A-Za-z-]+").fullmatch  # no _: it may be refused, or dropped

Fields = list[tuple[str, str]]

_Request: Any = message.Request  # the stubs are older


class ReceivedBody:
    """A body of which nothing is left in the connection: no read of it waits or fails. What was
    read is not kept, since an answer may take long.
    """

    failed, ended = False, True

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, size: int = -1) -> bytes:
        """That many bytes, less only at the end; all that are left, without a size."""
        taken = self._data if size < 0 else self._data[:size]
        self._data = self._data[len(taken) :]
        return taken


ClientBody: TypeAlias = ChunkedBody | PlainBody | ReceivedBody


class ParsedRequest(_Request):  # type: ignore[misc]
    """gunicorn's. Whether a peer may name the scheme is found out once for its ``connection``."""

    body: ClientBody

    def __init__(self, connection: Any, config: Any, unreader: Any, *of: Any) -> None:
        self._connection = connection
        self._behind = 0  # bytes that were read with a plain head
        super().__init__(config, unreader, *of)

    def parse(self, unreader: Any) -> bytes:
        """Take the head; returns what was read behind it."""
        data: bytes = unreader.read()
        head, end, rest = data.partition(HEAD_END)
        if end and self._take(head):
            self._behind = len(rest)
            return rest
        unreader.unread(data)
        behind: bytes = super().parse(unreader)
        return behind

    def set_body_reader(self) -> None:
        """Make the body, by gunicorn's rules."""
        super().set_body_reader()
        own: Any = self.body  # gunicorn's
        if type(own.reader) is ChunkedReader:
            self.body = ChunkedBody(self.unreader, partial(self.parse_headers, from_trailer=True))
        elif own.reader.length <= self._behind:
            self.body = ReceivedBody(self.unreader.read(own.reader.length))
        else:
            self.body = PlainBody(self.unreader, own.reader.length)

    def _take(self, head: bytes) -> bool:
        """Take a plain head that is within gunicorn's limits; False for another one."""
        if len(head) > min(USUAL, self.limit_request_field_size):
            return False
        line, *fields = head.decode("latin-1").split("\r\n")
        if head.translate(None, _PLAIN) != b"\r\n" * len(fields):
            return False
        asked, headers = _line(line), _split(fields)
        if asked is None or len(line) > self.limit_request_line or headers is None:
            return False
        if len(headers) > self.limit_request_fields:
            return False
        self.method, self.uri, self.path, self.query = asked.groups("")
        self.fragment = ""
        self.version = 1, 1
        self.headers = self._by_policy(headers)
        return True

    def _by_policy(self, headers: Fields) -> Fields:
        """Those that gunicorn's policy keeps, which says nothing of most heads: it is about fields
        that are repeated, that wait for a 100, or that name the scheme of the connection.
        """
        names, schemes = dict(headers).keys(), self.cfg.secure_scheme_headers
        if len(names) == len(headers) and "EXPECT" not in names and names.isdisjoint(schemes):
            return headers
        allowed: Any = self._peer_trusted_for_forwarded()
        seen: set[str] = set()
        has_scheme = [False]
        kept = (self._apply_header_policy(*one, has_scheme, seen, *allowed) for one in headers)
        return [one for one in kept if one is not None]

    def _peer_is_trusted_proxy(self) -> bool:
        if self._connection.trusts_peer is None:
            self._connection.trusts_peer = super()._peer_is_trusted_proxy()
        return bool(self._connection.trusts_peer)


def _split(fields: list[str]) -> Fields | None:
    """Names, in capitals, and values of these lines; None if one is not plain, or there is none."""
    headers = []
    for field in fields:
        name, colon, value = field.partition(":")
        known = _capitals(name)
        if not colon or not known:
            return None
        headers.append((known, value.strip(" \t")))
    return headers or None


@lru_cache(maxsize=256)
def _capitals(name: str) -> str:
    """The name of a field in capitals, "" if it is not plain."""
    return name.upper() if _name(name) else ""
