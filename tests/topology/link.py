"""A link between two programs that can be slow and lossy, and led elsewhere.

``tc netem`` would do it in the kernel, where that is to be had; a loss is here what it is for a TCP
stream, a delay until it is sent again.
"""

import asyncio
import contextlib
import random
import threading
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

RESENT = 0.4
"""Seconds until lost data is sent again: Linux waits 0.2 s and a round trip."""


class Link:
    """Forwards TCP connections from a port of its own to ``target``, a port of this machine.

    ``delay``: seconds that data takes in each direction. ``loss``: the share of pieces that are
    lost and sent again.
    """

    def __init__(self, target: int, *, delay: float = 0.0, loss: float = 0.0) -> None:
        self.target = target
        self._delay = delay
        self._loss = loss
        self._random = random.Random(1)
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._run(lambda: asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = int(self._server.sockets[0].getsockname()[1])

    def lead_to(self, target: int) -> None:
        """From now on new connections go there; those that are open break off."""
        self.target = target

        async def break_off() -> None:
            for writer in tuple(self._writers):
                writer.transport.abort()

        self._run(break_off)

    def close(self) -> None:
        """End it, with its connections."""
        self.lead_to(0)

        async def end() -> None:
            self._server.close()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            self._loop.call_soon(self._loop.stop)

        asyncio.run_coroutine_threadsafe(end(), self._loop)
        self._thread.join(10)

    def _run(self, begin: Callable[[], Awaitable[T]]) -> T:
        async def run() -> T:
            return await begin()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, onward = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, onward}
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._forward(reader, onward))
                both.create_task(self._forward(there, writer))
        finally:
            self._writers -= {writer, onward}
            writer.close()
            onward.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """In order, each piece ``delay`` after it was read: pieces follow each other on the way."""
        pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def read() -> None:
            data = b"-"
            while data:
                try:
                    data = await reader.read(65536)
                except OSError:
                    data = b""
                lost = RESENT if self._random.random() < self._loss else 0.0
                await pieces.put((self._loop.time() + self._delay + lost, data))

        reading = asyncio.create_task(read())
        with contextlib.suppress(OSError):
            while True:
                at, data = await pieces.get()
                await asyncio.sleep(at - self._loop.time())
                if not data:
                    break
                writer.write(data)
                await writer.drain()
            writer.write_eof()
        await reading
