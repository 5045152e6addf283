"""The socket side of the simulated upstream: accepts connections and sends answers."""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from typing import Any, cast

from app.simulator.service.catalogue import Catalogue
from app.simulator.service.decisions import SimulatedService
from app.simulator.service.request_log import RequestLog
from app.simulator.service.tokens import Tokens
from app.simulator.wire.bindings import Binding
from app.simulator.wire.http import (
    BadRequest,
    Connection,
    HttpRequest,
    json_response,
    read_request,
    render,
)

from . import control
from .delivery import DecisionSender


class UpstreamServer:
    """The listening server. Everything runs on the event loop that called `listen`."""

    def __init__(
        self,
        *,
        tokens: Tokens,
        bindings: frozenset[Binding],
        log_limit: int,
        catalogue: Callable[[], Catalogue] = Catalogue,
        region: str | None = None,
    ) -> None:
        self.base_url = ""
        self.log = RequestLog(log_limit)
        self._service = SimulatedService(tokens, catalogue, bindings, lambda: self.base_url, region)
        self._connections: dict[Connection, asyncio.Task[None]] = {}
        self._accepted = 0

    async def listen(self, host: str, port: int, tls: ssl.SSLContext | None) -> asyncio.Server:
        """Open the listening socket and set `base_url`."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: Connection(self._serve, loop), host, port, backlog=2048, ssl=tls
        )
        bound = server.sockets[0].getsockname()[1]
        self.base_url = f"{'https' if tls else 'http'}://{host}:{bound}"
        return server

    async def close(self) -> None:
        """Abort every connection, also those with an answer in progress."""
        tasks = list(self._connections.values())
        for connection in self._connections:
            connection.writer.transport.abort()
        await asyncio.gather(*tasks)

    def script(self, answers: list[Any]) -> int:
        """Queue answers. Return how many are queued."""
        self._service.script.add(answers)
        return len(self._service.script)

    def configure_tokens(self, members: dict[str, Any]) -> None:
        """Change the state of tokens, see `Tokens.configure`."""
        self._service.tokens.configure(members)

    def configure_models(self, members: dict[str, Any]) -> None:
        """Change the catalogue, see `Catalogue.configure`."""
        self._service.catalogue.configure(members)

    def configure_rules(self, members: dict[str, Any]) -> None:
        """Change the rules that can be set, see `rules.Settings`."""
        self._service.settings.configure(members)

    def configure_quota(self, members: dict[str, Any]) -> None:
        """Replace members of the answer to GetUsageLimits, see `operations.get_usage_limits`.

        Raises ValueError if `members` is not an object.
        """
        if not isinstance(members, dict):
            raise ValueError("expected an object")
        self._service.quota = members

    def configure_search(self, members: dict[str, Any]) -> None:
        """Change the answers to web searches, see `operations.invoke_mcp`.

        Raises ValueError if `members` is not an object.
        """
        if not isinstance(members, dict):
            raise ValueError("expected an object")
        self._service.search = members

    def reset(self) -> None:
        """Remove scripts, clear the log, restore all that was configured. Tokens stay valid."""
        self._service.reset()
        self.log.clear()

    def close_idle(self) -> int:
        """Close the idle connections. Return how many."""
        idle = [connection for connection in self._connections if not connection.busy]
        for connection in idle:
            connection.writer.close()
        return len(idle)

    def requests(self) -> list[dict[str, Any]]:
        """Return the logged requests as JSON values."""
        return [logged.to_json() for logged in self.log.requests]

    def stats(self) -> dict[str, int]:
        """Return every counter."""
        return {**self.log.stats(), "refreshes": self._service.tokens.refreshes}

    async def _serve(self, connection: Connection) -> None:
        self._accepted += 1
        number = self._accepted
        self._connections[connection] = cast(asyncio.Task[None], asyncio.current_task())
        self.log.count("connections")
        self.log.count("connections_open")
        try:
            while await self._serve_one(connection, number):
                connection.busy = False
        except (ConnectionError, asyncio.IncompleteReadError):
            self.log.count("uploads_cut")
        finally:
            del self._connections[connection]
            self.log.count("connections_open", -1)
            with contextlib.suppress(ConnectionError):
                connection.writer.close()

    async def _serve_one(self, connection: Connection, number: int) -> bool:
        try:
            request = await read_request(connection)
        except BadRequest as problem:
            refusal = json_response(problem.status, {"message": str(problem)})
            await connection.send(render(refusal))
            return False
        if request is None:
            return False
        if request.path.startswith(control.PREFIX):
            await connection.send(render(control.answer(self, request)))
            return request.keep_alive
        return await self._answer(connection, request, number) and request.keep_alive

    async def _answer(self, connection: Connection, request: HttpRequest, number: int) -> bool:
        logged = self.log.begin(request, number)
        self._service.identify(request, logged)
        self.log.add(logged)
        try:
            decision = self._service.decide(request, logged)
            return await DecisionSender(connection, decision, logged, self.log).run()
        finally:
            gone = connection.gone_at
            self.log.end(logged, "failed" if gone is None else "client_closed", gone)
