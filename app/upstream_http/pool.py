"""Connections that the upstream closed while they waited for another request, closed here as well.

urllib3 notices only when it takes one from its pool, newest first: those at the bottom would keep
their sockets for ever.
"""

import select
from collections.abc import Iterable
from typing import Any

from gevent.monkey import get_original
from urllib3.connectionpool import HTTPConnectionPool

_poll = get_original("select", "poll")  # the patched one goes through the event loop


def close_dropped(pools: Iterable[HTTPConnectionPool]) -> None:
    """Close what waits in these pools and has something to read: the end, or what nobody asked for.

    Never lets another greenlet run, which might take the connection meanwhile.
    """
    for pool in pools:
        waiting = pool.pool.queue if pool.pool is not None else ()
        for connection in filter(None, tuple(waiting)):
            if connection.sock is not None and is_readable(connection.sock):
                connection.close()


def is_readable(sock: Any) -> bool:
    """Whether there is something to read, found out without going through the event loop."""
    poll = _poll()
    poll.register(sock.fileno(), select.POLLIN)
    return bool(poll.poll(0))
