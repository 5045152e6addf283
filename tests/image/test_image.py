"""The image: built from the Dockerfile, started as an engine would start it, and asked.

An engine would give it namespaces; here it is a chroot in mount and process namespaces of its own,
with a read-only root, the volume and ``/tmp`` to write to, and the image's own user, variables and
command.
"""

import json
import os
import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.simulator import Simulator
from tests.image import build
from tests.live.servers import free_port

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(bool(build.lacking()), reason=f"this machine lacks {build.lacking()}"),
]

KEY = "image-test-key"
TOLERANCE = 10
"""Megabytes that the image may add more or less to its base than README.md says."""


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> build.Builder:
    builder = build.Builder(tmp_path_factory.mktemp("image"))
    given = os.environ.get("DEBIAN_SYSTEM")
    builder.make_base(Path(given) if given else None)
    builder.build()
    return builder


@pytest.fixture(scope="module")
def config(builder: build.Builder) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(builder.inspected())["Docker"]["config"]
    return found


@pytest.fixture(scope="module")
def files(builder: build.Builder) -> Path:
    return builder.unpacked()


class Container:
    """The image's command in a chroot that is read-only but for the volume and ``/tmp``."""

    def __init__(self, files: Path, config: dict[str, Any], volume: Path, **settings: str) -> None:
        user = config["User"]
        environ = dict(pair.split("=", 1) for pair in config["Env"]) | settings
        variables = [f"{name}={value}" for name, value in environ.items()]
        script = (
            'set -e; mount --rbind -o ro "$0" "$0"; mount -o remount,bind,ro "$0"; '
            'mount --bind "$1" "$0/var/lib/kiro2api"; mount -t tmpfs tmpfs "$0/tmp"; '
            'mount -t proc proc "$0/proc"; mount -t tmpfs tmpfs "$0/dev"; '
            'for name in null urandom zero; do touch "$0/dev/$name"; '
            'mount --bind "/dev/$name" "$0/dev/$name"; done; '
            "shift; root=$0; "
            'exec env -i "$@"'
        )
        inside = ["chroot", f"--userspec={user}", str(files), *config["Cmd"]]
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script,
             str(files), str(volume), *variables, *inside],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def stop(self, seconds: float = 40) -> str:
        """Send the container's first process the stop signal; what it has printed."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        for child in children.split():
            os.kill(int(child), signal.SIGTERM)
        printed, _ = self.process.communicate(timeout=seconds)
        return printed


@pytest.fixture(scope="module")
def upstream() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def running(
    files: Path, config: dict[str, Any], upstream: Simulator, tmp_path: Path
) -> Iterator[tuple[Container, int]]:
    volume = tmp_path / "volume"
    volume.mkdir(mode=0o700)
    os.chown(volume, 1000, 1000)
    port = free_port()
    container = Container(
        files, config, volume, PORT=str(port), HOST="127.0.0.1", KIRO_CLIENT_TOKEN=KEY,
        AWS_REFRESHTOKEN="image-test-refresh-token".ljust(120, "x"), KIRO_API_URL=upstream.url,
        KIRO_AUTH_URL=upstream.url, KIRO_OIDC_URL=upstream.url,
    )  # fmt: skip
    try:
        wait_until_healthy(port, container)
        yield container, port
    finally:
        container.process.kill()
        container.process.wait(10)


def wait_until_healthy(port: int, container: Container) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
            return
        except OSError:
            if container.process.poll() is not None:
                assert container.process.stdout is not None
                pytest.fail(container.process.stdout.read())
            time.sleep(0.1)
    pytest.fail("it does not answer")


def test_an_engine_is_told_what_it_needs(config):
    user, group = config["User"].split(":")
    assert user.isdecimal()
    assert int(user) > 0
    assert group.isdecimal()
    assert config["StopSignal"] == "SIGTERM"
    assert list(config["Volumes"]) == ["/var/lib/kiro2api"]
    assert "org.opencontainers.image.version" in config["Labels"]
    assert config["Healthcheck"]["Test"][0] == "CMD"  # without a shell


def test_nothing_that_builds_or_installs_is_in_it(files):
    names = {path.name for place in ("usr/bin", "usr/local/bin", "opt/kiro2api/bin")
             for path in (files / place).glob("*")}  # fmt: skip
    assert not {name for name in names if name.startswith(("pip", "gcc", "cc1"))}
    assert not list((files / "opt/kiro2api").rglob("site-packages/pip"))


def test_it_adds_to_its_base_what_the_readme_says(files):
    told = re.search(r"The image adds (\d+) MB", (build.ROOT / "README.md").read_text())
    assert told
    used = subprocess.run(
        ["du", "-sm", str(files / "opt")], capture_output=True, text=True, check=True
    )
    assert abs(int(used.stdout.split()[0]) - int(told[1])) <= TOLERANCE, used.stdout


def test_it_answers_with_a_read_only_root_and_stops_at_once(running, tmp_path):
    container, port = running
    body = {"model": "claude-sonnet-4-5", "max_tokens": 64, "stream": True,
            "messages": [{"role": "user", "content": "hi"}]}  # fmt: skip
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/messages", json.dumps(body).encode(), {"x-api-key": KEY}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert b"message_stop" in answer.read()
    printed = container.stop()
    assert "Read-only file system" not in printed
    assert "Traceback" not in printed
    assert any((tmp_path / "volume").iterdir()), "refreshed tokens are kept in the volume"
