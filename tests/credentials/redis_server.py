"""A private redis-server on a free port, which tests can stop and start again."""

import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import redis


class RedisServer:
    """Keeps its data across restarts."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    @staticmethod
    def is_installed() -> bool:
        return shutil.which("redis-server") is not None

    def start(self) -> None:
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        command += ["--appendonly", "yes", "--appendfsync", "always", "--dir", str(self._directory)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while not self._answers():
            if time.monotonic() > deadline:
                raise RuntimeError("redis-server did not start")
            time.sleep(0.02)

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def contents(self) -> Mapping[bytes, bytes]:
        """All that is stored now, except locks."""
        client: Any = redis.Redis(port=self.port)
        kept = {key: client.dump(key) for key in client.scan_iter() if b":lock:" not in key}
        return {key: value for key, value in kept.items() if value}

    def go_back_to(self, contents: Mapping[bytes, bytes]) -> None:
        """As if a replica with these contents had taken over: at once, though gateways write."""
        client: Any = redis.Redis(port=self.port)
        pipe = client.pipeline(transaction=True)
        pipe.flushall()
        for key, value in contents.items():
            pipe.restore(key, 0, value)
        pipe.execute()

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False
