"""nginx in front of gateways, with the project's own configuration."""

import os
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from tests.live.servers import ROOT, free_port

MAIN = """\
{user} daemon off; pid {work}/pid; error_log {work}/errors; worker_processes 2;
events {{}}
http {{
  access_log off;
  client_body_temp_path {work}/1; proxy_temp_path {work}/2; fastcgi_temp_path {work}/3;
  uwsgi_temp_path {work}/4; scgi_temp_path {work}/5;
  include {work}/kiro2api.conf;
}}
"""


def program() -> str | None:
    """Where it is installed; Debian keeps it out of users' PATH."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


class Nginx:
    """``deploy/nginx/kiro2api.conf`` for several gateways: what a front for three hosts has."""

    def __init__(self, work: Path, ports: Sequence[int]) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.errors = work / "errors"
        user = "" if os.geteuid() else "user root;"  # who else may not read our directories
        each = "server 127.0.0.1:{} max_fails=1 fail_timeout=1s;"  # the default is away for 10 s
        servers = " ".join(["least_conn;", *map(each.format, ports)])
        text = (ROOT / "deploy" / "nginx" / "kiro2api.conf").read_text(encoding="utf-8")
        for shipped, here in (
            ("server 127.0.0.1:8080;", servers),
            ("listen 80;", f"listen {self.port};"),
            ("listen [::]:80;", ""),  # not every machine has IPv6
        ):
            assert text.count(shipped) == 1
            text = text.replace(shipped, here)
        (work / "kiro2api.conf").write_text(text, encoding="utf-8")
        (work / "nginx.conf").write_text(MAIN.format(work=work, user=user), encoding="utf-8")
        command = [str(program()), "-e", str(self.errors), "-c", str(work / "nginx.conf")]
        self.process = subprocess.Popen(command)
        self._wait()

    def reload(self) -> None:
        """Read the configuration again, with new workers."""
        self.process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        """At once, whatever is in progress."""
        self.process.terminate()
        self.process.wait(10)

    def _wait(self) -> None:
        for _ in range(200):
            try:
                urllib.request.urlopen(self.url + "/health", timeout=5).close()
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(self.errors.read_text(encoding="utf-8"))
