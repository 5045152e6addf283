"""The body of a request with a Content-Length.

gunicorn's own passes a large body through two buffers, and copies it four to six times.
"""

from io import BytesIO
from typing import Any


class PlainBody:
    """Takes the place of gunicorn's ``Body``, over its ``Unreader``, for ``length`` bytes.

    ``failed``: reading it raised. ``ended``: nothing of it is left in the connection.
    """

    def __init__(self, unreader: Any, length: int) -> None:
        self.failed = False
        self._unreader = unreader
        self._left = length

    @property
    def ended(self) -> bool:
        return not self._left

    def read(self, size: int) -> bytes:
        """That many bytes, less only at the end, or if the client has left before it."""
        data = BytesIO()
        wanted = min(size, self._left)
        try:
            while wanted and (piece := self._piece(wanted)):
                data.write(piece)
                wanted -= len(piece)
                self._left -= len(piece)
        except BaseException:  # a time-out's too
            self.failed = True
            raise
        if wanted:
            self._left = 0  # no more will come
        return data.getvalue()

    def _piece(self, most: int) -> bytes:
        """Some bytes, none if the client has left. What is behind them is the next request's."""
        piece: bytes = self._unreader.read(read_ahead=most)
        if len(piece) > most:
            self._unreader.unread(piece[most:])
            piece = piece[:most]
        return piece
