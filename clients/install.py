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
    if case.registry == "npm":
        return _npm(case.packages)
    return _pypi(case.packages, case.python)


def node() -> Path:
    """Return the directory with the program ``node``. Raises NotInstalled."""
    return _npm((NODE,)) / "node_modules" / ".bin"


@cache
def _npm(packages: tuple[str, ...]) -> Path:
    def fill(place: Path) -> None:
        _run(["npm", "install", "--no-audit", "--no-fund", "--prefix", str(place), *packages])

    return _made("npm", packages, fill)


@cache
def _pypi(packages: tuple[str, ...], python: str) -> Path:
    program, version = _interpreter(python) if python else (sys.executable, sys.version)

    def fill(place: Path) -> None:
        _run([program, "-m", "venv", str(place)])
        pip = [str(place / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
        _run([*pip, "install", "--quiet", *packages])

    return _made("pypi", (*packages, version), fill)


def _interpreter(wanted: str) -> tuple[str, str]:
    """Return a Python of a minor version and its full version. Raises NotInstalled.

    One on the path may be a shim of pyenv's, which fails if that version is not switched on.
    """
    name = f"python{wanted}"
    pyenv = Path(os.environ.get("PYENV_ROOT") or "~/.pyenv").expanduser()
    found = [shutil.which(name), *sorted(pyenv.glob(f"versions/{wanted}.*/bin/{name}"))]
    for program in map(str, filter(None, found)):
        ask = [program, "-c", "import ensurepip, sys; print(sys.version)"]
        asked = subprocess.run(ask, capture_output=True, text=True)
        if asked.returncode == 0:
            return program, asked.stdout.strip()
    raise NotInstalled(f"Python {wanted} is not installed, neither on the path nor by pyenv")


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
