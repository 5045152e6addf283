"""Installs released clients into the user's cache directory.

Each set of requirements gets its own directory, which is created once: different clients need
different versions of shared packages.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from clients.case import Case

NODE = "node@24.21.0"  # several clients want Node 22 or newer
INSTALL_SECONDS = 600


class NotInstalled(Exception):
    """A client cannot be installed here. The message contains that of the installer."""


def installed(case: Case) -> Path:
    """Return the directory of a client. Raises NotInstalled."""
    return _npm(case.packages) if case.registry == "npm" else _pypi(case.packages)


def node() -> Path:
    """Return the directory with the program ``node``. Raises NotInstalled."""
    return _npm((NODE,)) / "node_modules" / ".bin"


@cache
def _npm(packages: tuple[str, ...]) -> Path:
    def fill(place: Path) -> None:
        _run(["npm", "install", "--no-audit", "--no-fund", "--prefix", str(place), *packages])

    return _made("npm", packages, fill)


@cache
def _pypi(packages: tuple[str, ...]) -> Path:
    def fill(place: Path) -> None:
        _run([sys.executable, "-m", "venv", str(place)])
        pip = [str(place / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
        _run([*pip, "install", "--quiet", *packages])

    return _made("pypi", (*packages, sys.version), fill)


def _made(kind: str, key: Sequence[str], fill: Callable[[Path], None]) -> Path:
    """Return the directory for a key; create and fill it if necessary."""
    top = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "kiro2api"
    place = top / f"{kind}-{hashlib.sha256(repr(key).encode()).hexdigest()[:12]}"
    complete = place / "complete"
    if not complete.exists():
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        fill(place)
        complete.touch()
    return place


def _run(command: Sequence[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    except FileNotFoundError as error:
        raise NotInstalled(f"{command[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise NotInstalled(f"timeout after {INSTALL_SECONDS} s: {' '.join(command)}") from error
    except subprocess.CalledProcessError as error:
        raise NotInstalled(f"{' '.join(command)}\n{error.stderr[-2000:]}") from error
