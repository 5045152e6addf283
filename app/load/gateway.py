"""A gateway for the test: the settings of the user, a simulated upstream, a port of its own."""

import secrets
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, NamedTuple

from app import launch
from app.settings import setting_fields, variable

_STARTS_WITHIN = 30.0
_STOPS_WITHIN = 15.0
_NOT_FOR_TESTS = {"KIRO_CLIENT_KEYS_FILE", "KIRO_CLIENT_TOKEN", "KIRO_RECORD_DIR", "LOG_FILE"}


class NotStarted(Exception):
    """Why the gateway did not start: what it said."""


class Running(NamedTuple):
    """Where it listens, and its key."""

    port: int
    key: str


@contextmanager
def own_gateway(environ: Mapping[str, str]) -> Iterator[Running]:
    """Raises NotStarted."""
    key, port = secrets.token_hex(16), _free_port()
    companion = launch.start_companion(environ)
    environment = {
        **launch.environment(environ),
        **dict.fromkeys(_left_out(), ""),
        **companion.environment,
        "KIRO_CLIENT_TOKEN": key,
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "LOG_CONSOLE": "true",
        "LOG_LEVEL": "warning",
    }
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(  # nosec B603 # our own arguments
            launch.server(), env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            _wait_for(server, port, log)
            yield Running(port, key)
        finally:
            server.terminate()
            try:
                server.wait(_STOPS_WITHIN)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
            companion.end()


def _left_out() -> Iterator[str]:
    """Variables that are empty for the test: no login of the user may reach the simulator, which
    would replace it, and nothing is written where the user's own gateway writes.
    """
    for item in setting_fields():
        name = variable(item)
        if item.metadata["group"] == "Credential" or name in _NOT_FOR_TESTS:
            yield from (name, f"{name}_FILE")


def _wait_for(server: subprocess.Popen[bytes], port: int, log: IO[bytes]) -> None:
    end = time.monotonic() + _STARTS_WITHIN
    while time.monotonic() < end and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    log.seek(0)
    raise NotStarted(log.read().decode(errors="replace").strip())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
