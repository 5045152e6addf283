"""A simulated CodeWhisperer upstream, with faults on demand.

It speaks the real protocol on a real socket: both bindings, chunked event-stream frames, sign-in
services with rotating refresh tokens, the control plane. It checks each request (`checks`) and
gives the answer that a script or a directive in the prompt asks for (`answers`). It imports nothing
of the gateway, so that a mistake in one cannot hide the same mistake in the other.

    with Simulator() as upstream:
        upstream.script({"text": ["Hel", "lo"]}, {"fail": "throttled"})
        ...
        assert upstream.requests[0].violations == []

`server.control` describes the same actions over HTTP.
"""

import asyncio
import contextlib
import signal
import ssl
import sys
import threading
from collections.abc import Callable
from typing import Any, Self, TypeVar

from app.simulator.catalogue.models import model_list
from app.simulator.server.upstream import UpstreamServer
from app.simulator.service.catalogue import Catalogue
from app.simulator.service.request_log import LoggedRequest
from app.simulator.service.tokens import Tokens
from app.simulator.wire.bindings import Binding

__all__ = ["Simulator", "serve"]

_Value = TypeVar("_Value")
_BOTH: frozenset[Binding] = frozenset({"rest", "json-rpc"})


class Simulator:
    """The upstream in its own thread, on a free loopback port; a context manager.

    Access tokens are checked strictly: only those issued by the refresh routes or declared in
    `tokens` (or later by `configure_tokens`) are valid, unless `accept_any_token`. An issued token
    is valid for `lifetime` seconds. A binding that is not in `bindings` answers
    UnknownOperationException. `models` is the list that accounts are offered: a name or a list, see
    `Catalogue.configure`. `region` is the region of this host: a profile of another one is refused.
    None serves every region, unless the Host header names one. `log_limit` is the number of
    requests kept in the log.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tokens: tuple[str, ...] = (),
        accept_any_token: bool = False,
        lifetime: float = 3600,
        bindings: frozenset[Binding] = _BOTH,
        models: str | list[Any] = "2026-11",
        region: str | None = None,
        tls: ssl.SSLContext | None = None,
        log_limit: int = 1000,
    ) -> None:
        state = Tokens(lifetime=lifetime, accept_any=accept_any_token)
        state.declare(tokens)
        offered = model_list(models)
        self._upstream = UpstreamServer(
            tokens=state,
            catalogue=lambda: Catalogue(offer=offered),
            bindings=bindings,
            region=region,
            log_limit=log_limit,
        )
        self._address = (host, port)
        self._tls = tls
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop
        self._stopping: asyncio.Event
        self._thread = threading.Thread(target=self._run, name="simulator", daemon=True)

    def start(self) -> Self:
        """Start listening, and return when requests are accepted.

        Raises OSError if it cannot bind.
        """
        self._thread.start()
        self._ready.wait()
        if self._failure:
            raise self._failure
        return self

    def stop(self) -> None:
        """Abort every connection and end the thread. A second call has no effect."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The base URL, without a trailing slash."""
        return self._upstream.base_url

    @property
    def port(self) -> int:
        """The listening port."""
        return int(self.url.rpartition(":")[2])

    @property
    def requests(self) -> list[LoggedRequest]:
        """The requests received so far, oldest first. Entries of open answers still change."""
        return self._upstream.log.requests

    @property
    def stats(self) -> dict[str, int]:
        """Counters: `active` and `peak_active` requests, `connections` and `connections_open`,
        `uploads_cut`, `refreshes`, and those named `operation.X`, `status.N`, `outcome.X`.
        """
        return self._upstream.stats()

    def wait_for(self, predicate: Callable[[list[LoggedRequest]], Any], timeout: float = 5) -> Any:
        """Wait until `predicate(requests)` is true, at most `timeout` seconds; return its last
        value."""
        return self._upstream.log.wait_for(predicate, timeout)

    def script(self, *answers: dict[str, Any]) -> None:
        """Queue answers for the next requests, in the JSON form of `answers.script`."""
        self._call(lambda: self._upstream.script(list(answers)))

    def configure_tokens(self, **members: Any) -> None:
        """Change the state of tokens: the members of `Tokens.configure`."""
        self._call(lambda: self._upstream.configure_tokens(members))

    def configure_models(self, **members: Any) -> None:
        """Change the catalogue of models: the members of `Catalogue.configure`."""
        self._call(lambda: self._upstream.configure_models(members))

    def configure_rules(self, **members: Any) -> None:
        """Change the rules that can be set: the members of `checks.rules.Settings`."""
        self._call(lambda: self._upstream.configure_rules(members))

    def configure_quota(self, **members: Any) -> None:
        """Replace members of the answer to GetUsageLimits: see `operations.get_usage_limits`."""
        self._call(lambda: self._upstream.configure_quota(members))

    def configure_search(self, **members: Any) -> None:
        """Change the answers to web searches: see `operations.invoke_mcp`."""
        self._call(lambda: self._upstream.configure_search(members))

    def reset(self) -> None:
        """Remove scripts, clear the log, restore all that was configured. Tokens stay valid."""
        self._call(self._upstream.reset)

    def close_idle(self) -> int:
        """Close the idle connections. Return how many."""
        return self._call(self._upstream.close_idle)

    def _call(self, action: Callable[[], _Value]) -> _Value:
        """Run `action` on the event loop, which owns all state."""

        async def run() -> _Value:
            return action()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as problem:
            self._failure = problem
            self._ready.set()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        server = await self._upstream.listen(*self._address, self._tls)
        self._ready.set()
        await self._stopping.wait()
        server.close()
        await self._upstream.close()


def serve(host: str = "127.0.0.1", port: int = 9001, *, accept_any_token: bool = False) -> None:
    """Run the simulator until SIGINT or SIGTERM. Prints one line when it is ready.

    Tokens are checked as strictly as in `Simulator`: get one from `/refreshToken` (which accepts
    any new refresh token once), or pass `accept_any_token`.
    """
    upstream = UpstreamServer(
        tokens=Tokens(accept_any=accept_any_token), bindings=_BOTH, log_limit=1000
    )
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(upstream, host, port))


async def _serve(upstream: UpstreamServer, host: str, port: int) -> None:
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    server = await upstream.listen(host, port, None)
    sys.stdout.write(f"simulator ready on {upstream.base_url}\n")
    sys.stdout.flush()
    await stopping.wait()
    server.close()
    await upstream.close()
