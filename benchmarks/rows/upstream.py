"""A cheap upstream, ``python -m benchmarks.rows.upstream``: it looks at nothing that it is sent.

Every chat request is answered with the same bytes, which `POST /__answer` sets (`Answer` as
msgpack). Sign-in, usage and models are those of the simulator, as they are when nothing happens.
"""

import asyncio
import ssl
import subprocess
import sys
import time
import urllib.request
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import click
import msgspec
import trustme

from app.simulator.catalogue.models import model_list
from app.simulator.service import operations
from app.simulator.service.catalogue import Catalogue
from app.simulator.wire.http import json_response, render
from benchmarks.rows.answers import Answer, Step
from tests.live.servers import ROOT, free_port

SET = b"POST /__answer "
BACKLOG = 4096
_LENGTH = b"content-length:"
_decode = msgspec.msgpack.Decoder(Answer).decode


class State:
    """The answer to every chat request, and the other answers, by a word in the request's head."""

    def __init__(self) -> None:
        self.answer = Answer([])
        login = {
            "accessToken": "bench-access-token",
            "refreshToken": "bench-refresh-token".ljust(120, "x"),
            "expiresIn": 3600,
            "profileArn": "arn:aws:codewhisperer:us-east-1:000000000000:profile/BENCH",
        }
        models = Catalogue(offer=model_list("2026-11")).page((), {"origin": "AI_EDITOR"})
        self.others = {
            b"refreshtoken": render(json_response(200, login)),
            b"listavailablemodels": render(json_response(200, models)),
            b"getusagelimits": render(json_response(200, operations.get_usage_limits(0, {}))),
        }


class Connection(asyncio.Protocol):
    """One connection, with one request at a time."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._received = bytearray()
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n") + 4
        if end < 4:
            return
        head = self._received[:end].lower()
        length = 0
        if (at := head.find(_LENGTH)) >= 0:
            length = int(head[at + len(_LENGTH) : head.index(b"\r", at)])
        if len(self._received) >= end + length:
            body = bytes(self._received[end : end + length])
            del self._received[: end + length]
            self._serve(bytes(head), body)

    def _serve(self, head: bytes, body: bytes) -> None:
        if head.startswith(SET.lower()):
            self._state.answer = _decode(body)
            self._transport.write(render(json_response(200, {})))
            return
        for word, response in self._state.others.items():
            if word in head:
                self._transport.write(response)
                return
        answer = self._state.answer
        if answer.gap:
            self._later(answer, 0, asyncio.get_running_loop().time() + answer.gap)
        else:
            self._transport.writelines([step.data for step in answer.steps])

    def _later(self, answer: Answer, number: int, moment: float) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_at(moment, self._step, answer, number, moment)

    def _step(self, answer: Answer, number: int, moment: float) -> None:
        self._timer = None
        self._transport.write(stamped(answer.steps[number]))
        if number + 1 < len(answer.steps):
            self._later(answer, number + 1, moment + answer.gap)


def stamped(step: Step) -> bytes:
    """Return the bytes of the step with this moment and the checksum that it makes."""
    if not step.stamp:
        return step.data
    data = bytearray(step.data)
    data[step.stamp : step.stamp + 16] = b"%016d" % (time.monotonic_ns() // 1000)
    checksum = zlib.crc32(memoryview(data)[step.frame : step.end])
    data[step.end : step.end + 4] = checksum.to_bytes(4)
    return bytes(data)


async def serve(port: int, chain: str) -> None:
    """Serve on loopback; with a ``chain`` (a file of key and certificate) over TLS."""
    state, tls = State(), None
    if chain:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(chain)
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(state), "127.0.0.1", port, ssl=tls, backlog=BACKLOG
    )
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await server.serve_forever()


class Upstream(NamedTuple):
    """A running upstream. ``authority``: the file of the certificate to trust, "" without TLS."""

    url: str
    authority: str

    def answer(self, answer: Answer) -> None:
        """Answer every request from now on with this."""
        context = ssl.create_default_context(cafile=self.authority) if self.authority else None
        request = urllib.request.Request(f"{self.url}/__answer", msgspec.msgpack.encode(answer))
        with urllib.request.urlopen(request, timeout=10, context=context) as response:
            response.read()


@contextmanager
def running(work: Path, *, tls: bool = False) -> Iterator[Upstream]:
    """Run an upstream in a process of its own, with what it needs in the directory ``work``."""
    chain = authority = ""
    if tls:
        chain, authority = str(work / "chain.pem"), str(work / "authority.pem")
        issuer = trustme.CA()
        issuer.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(chain)
        issuer.cert_pem.write_to_path(authority)
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.rows.upstream", str(port), chain]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert process.stdout
        if process.stdout.readline() != b"ready\n":
            raise RuntimeError("the upstream did not start; see above")
        yield Upstream(f"{'https' if tls else 'http'}://127.0.0.1:{port}", authority)
    finally:
        process.terminate()
        process.wait()


@click.command()
@click.argument("port", type=int)
@click.argument("chain", default="")
def main(port: int, chain: str) -> None:
    """Serve until a signal ends the process."""
    asyncio.run(serve(port, chain))


if __name__ == "__main__":
    main()
