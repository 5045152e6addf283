"""The port of KIRO_METRICS_BIND, at which a few paths are served without a key and nothing else."""

from typing import NamedTuple

from app.common.errors import GatewayError, Kind

from .context import RequestContext


class SideDoor(NamedTuple):
    """``port`` is that of its listener, ``paths`` what it serves."""

    port: int
    paths: frozenset[str]

    def leads(self, context: RequestContext) -> bool:
        """Whether the request came through this door. Raises GatewayError for another path.

        The port is asked of the connection itself: on a unix socket, the client's Host header would
        decide on the one in the WSGI environment.
        """
        if context.connection is None:
            return False
        own = context.connection.getsockname()
        if not isinstance(own, tuple) or own[1] != self.port:
            return False
        if context.path not in self.paths:
            raise GatewayError(
                Kind.NOT_FOUND,
                f"Only {', '.join(sorted(self.paths))} are served at KIRO_METRICS_BIND.",
            )
        context.by_side_door = True
        return True
