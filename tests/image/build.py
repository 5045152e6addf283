"""Builds the Dockerfile and runs the image where there is no engine: with buildah and chroots.

The base image is a Debian made by debootstrap instead of the registry's ``python:slim``; all else
is the Dockerfile as it is. Needs root, ``buildah`` and ``debootstrap``.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
BASE = "localhost/debian-python"
SUITE = "bookworm"
MIRROR = os.environ.get("DEBIAN_MIRROR", "")  # else debootstrap's own
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")


def lacking() -> str:
    """What this machine lacks for it, "" for nothing."""
    if os.geteuid():
        return "root"
    return ", ".join(name for name in ("buildah", "debootstrap") if shutil.which(name) is None)


class Builder:
    """buildah with a store of its own in ``work``."""

    def __init__(self, work: Path) -> None:
        self._work = work
        store = ("--root", str(work / "store"), "--runroot", str(work / "run"))
        self._buildah = ("buildah", *store, "--storage-driver", "vfs")

    def run(self, *arguments: str) -> str:
        """What ``buildah`` prints for these arguments. Raises CalledProcessError."""
        command = [*self._buildah, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
        if done.returncode:
            raise RuntimeError(f"{command} failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
        return done.stdout.strip()

    def make_base(self, system: Path | None) -> None:
        """Make the base image, of the system in that directory if it is given."""
        if system is None:
            system = self._work / "debian"
            packages = "--include=python3,python3-venv,ca-certificates"
            command = ["debootstrap", "--variant=minbase", packages, SUITE, str(system)]
            command += [MIRROR] if MIRROR else []
            subprocess.run(command, check=True, capture_output=True, timeout=1800)
        container = self.run("from", "scratch")
        self.run("add", "-q", container, str(system), "/")
        paths = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        self.run("config", "--env", f"PATH={paths}", container)
        self.run("commit", "-q", "--rm", "--format", "docker", container, BASE)

    def build(self) -> None:
        """Build the Dockerfile. A machine whose network has an authority of its own lends it."""
        volumes: Sequence[str] = ()
        if AUTHORITIES.exists():
            pip = self._work / "pip.conf"
            pip.write_text(f"[global]\ncert = {AUTHORITIES}\n", encoding="utf-8")
            volumes = ("-v", f"{AUTHORITIES}:{AUTHORITIES}:ro", "-v", f"{pip}:/etc/pip.conf:ro")
        self.run(
            "bud", "--isolation", "chroot", "--format", "docker", *volumes,
            "--build-arg", f"PYTHON_IMAGE={BASE}", "-t", "kiro2api", str(ROOT),
        )  # fmt: skip

    def unpacked(self) -> Path:
        """The image's files."""
        container = self.run("from", "--pull-never", "localhost/kiro2api")
        return Path(self.run("mount", container))

    def inspected(self) -> str:
        """The image's configuration, as JSON."""
        return self.run("inspect", "--type", "image", "localhost/kiro2api")
