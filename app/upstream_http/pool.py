"""Idle connections, kept for the next request to the same origin."""

from .connection import Connection
from .route import Route


class ConnectionPool:
    """For each route a stack of idle connections, the newest on top: the others grow old and can
    be closed by their peers.

    For the greenlets of one thread: no method lets another greenlet run.
    """

    def __init__(self, limit: int) -> None:
        """``limit``: idle connections kept for each route."""
        self._limit = limit
        self._idle: dict[Route, list[Connection]] = {}

    def take(self, route: Route) -> Connection | None:
        """The newest idle connection that is still open, now the caller's; None without one."""
        idle = self._idle.get(route)
        while idle:
            connection = idle.pop()
            if not connection.has_input():
                return connection
            connection.close()
        return None

    def put(self, connection: Connection) -> None:
        """Keep a connection whose response was read to its end, or close it if there are enough."""
        idle = self._idle.get(connection.route)
        if idle is None:
            idle = self._idle[connection.route] = []
        if len(idle) < self._limit:
            idle.append(connection)
        else:
            connection.close()

    def close_dropped(self) -> None:
        """Close the idle connections that their peers have closed, or have sent something into.

        :meth:`take` finds only those at the top; the others would keep their sockets for ever.
        """
        for route, idle in tuple(self._idle.items()):
            for connection in [one for one in idle if one.has_input()]:
                idle.remove(connection)
                connection.close()
            if not idle:
                del self._idle[route]

    def close(self) -> None:
        """Close all idle connections, and from now on every one that is given back."""
        self._limit = 0
        for idle in self._idle.values():
            for connection in idle:
                connection.close()
        self._idle.clear()
