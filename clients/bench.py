"""Runs one case with its own gateway and simulator, and collects the evidence."""

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from app.simulator import Simulator
from clients.case import Case, Launch, Place
from clients.install import installed, node
from clients.verdict import Evidence
from tests.live.servers import KEY, Gateway

RUN_SECONDS = 120
NOWHERE = "http://127.0.0.1:9"  # the discard port, where no process listens
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


def run(case: Case) -> Evidence:
    """Run a client through its task. Raises NotInstalled."""
    place, path = installed(case), os.environ["PATH"]
    if case.registry == "npm":
        path = f"{node()}:{path}"
    with tempfile.TemporaryDirectory(prefix="clients-") as name, Simulator() as simulator:
        top = Path(name)
        for directory in ("work", "home", "gateway"):
            (top / directory).mkdir()
        gateway = Gateway(simulator.url, top / "gateway")
        try:
            launch = case.launch(Place(place, top / "work", gateway.url, KEY))
            status, output = _execute(launch, top, path)
        finally:
            gateway.stop()
        log = [line for line in gateway.log_lines() if line["path"] != "/health"]
        return Evidence(status, output, log, [seen.to_json() for seen in simulator.requests])


def _environment(top: Path, path: str) -> dict[str, str]:
    """Return an environment without this machine's variables and without network access."""
    return {
        "PATH": path,
        "HOME": str(top / "home"),
        "LANG": "C.UTF-8",
        **dict.fromkeys(PROXIES, NOWHERE),
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "npm_config_registry": NOWHERE,
    }


def _execute(launch: Launch, top: Path, path: str) -> tuple[int | None, str]:
    """Run the command. Return its exit status (None if it was killed) and its output.

    Its whole process group is killed at the end.
    """
    given, output = top / "input", top / "output"
    given.write_text(launch.stdin, encoding="utf-8")
    environ: Mapping[str, str] = {**_environment(top, path), **launch.environ}
    with given.open("rb") as source, output.open("wb") as sink:
        process = subprocess.Popen(
            launch.argv,
            cwd=top / "work",
            env=environ,
            stdin=source,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            status: int | None = process.wait(RUN_SECONDS)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return status, output.read_text(encoding="utf-8", errors="replace")
