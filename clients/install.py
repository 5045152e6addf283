"""Released clients, installed where the checkout is not: in the user's cache directory.

Each set of requirements gets a directory of its own, made once. Clients of different makers would
not agree on the versions of what they share.
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
    """A client could not be had here; the message says what its installer said."""


def installed(case: Case) -> Path:
    """The directory of a client; raises NotInstalled."""
    return _npm(case.packages) if case.registry == "npm" else _pypi(case.packages)


def node() -> Path:
    """The directory with the program ``node``; raises NotInstalled."""
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
    """The directory for a key, filled unless it is already."""
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
        raise NotInstalled(f"there is no {command[0]} here") from error
    except subprocess.TimeoutExpired as error:
        raise NotInstalled(f"not done in {INSTALL_SECONDS} s: {' '.join(command)}") from error
    except subprocess.CalledProcessError as error:
        raise NotInstalled(f"{' '.join(command)}\n{error.stderr[-2000:]}") from error
