"""Connections that cost fewer system calls: what urllib3 sends and asks apart is done at once."""

from socket import MSG_PEEK
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

JOINED = 64 * 1024
"""Bytes of the longest body that is copied behind its head to leave in one write."""


class _OneWrite:
    """Mixed into a connection: the head of a request waits for its body."""

    _holding = False
    _head = b""

    def endheaders(self, *args: Any, **kwargs: Any) -> None:
        self._holding = True
        super().endheaders(*args, **kwargs)  # type: ignore[misc]

    def send(self, data: Any) -> None:
        if self._holding:
            self._holding, self._head = False, data
            return
        if self._head:
            head, self._head = self._head, b""
            if len(data) <= JOINED:
                data = head + data
            else:
                super().send(head)  # type: ignore[misc]
        super().send(data)  # type: ignore[misc]

    def getresponse(self) -> Any:
        if self._head:  # no body came
            self.send(b"")
        return super().getresponse()  # type: ignore[misc]

    def close(self) -> None:
        self._holding, self._head = False, b""
        super().close()  # type: ignore[misc]


class PlainConnection(_OneWrite, HTTPConnection):
    """HTTP without TLS."""

    @property
    def is_connected(self) -> bool:
        """Whether the other side has neither closed an idle connection nor sent into it.

        One call that does not wait; urllib3 sets up a poll, which goes through the event loop.
        """
        if self.sock is None:
            return False
        timeout = self.sock.gettimeout()
        self.sock.settimeout(0)
        try:
            self.sock.recv(1, MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        finally:
            self.sock.settimeout(timeout)
        return False


class TlsConnection(_OneWrite, HTTPSConnection):
    """HTTP over TLS."""


class PlainPool(HTTPConnectionPool):
    ConnectionCls = PlainConnection


class TlsPool(HTTPSConnectionPool):
    ConnectionCls = TlsConnection


POOLS = {"http": PlainPool, "https": TlsPool}
"""For urllib3's ``PoolManager.pool_classes_by_scheme``."""
