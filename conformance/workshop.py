"""Installs the virtual environment and unpacks the suites for a run.

Both are in the user's cache directory, and are created once for each set of versions.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOCK_VARIABLE = "CONFORMANCE_LOCK"
"""The environment variable that names another lock, to try other versions of the suites."""
LOCK = Path(os.environ.get(LOCK_VARIABLE) or ROOT / "requirements" / "conformance.txt")
PIP = ("-m", "pip", "--disable-pip-version-check", "--quiet")
INSTALL_SECONDS = 600


def cache() -> Path:
    """Where things are kept between runs."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "kiro2api"


def pinned(package: str) -> str:
    """Return the locked version of a package, which this project's own tests use too."""
    return _locked(package)[1]


def python() -> Path:
    """Return the interpreter of an environment with the dependencies of the suites."""
    wanted = LOCK.read_bytes() + sys.version.encode()
    place = cache() / f"conformance-venv-{hashlib.sha256(wanted).hexdigest()[:12]}"
    interpreter, complete = place / "bin" / "python", place / "complete"
    if not complete.exists():
        shutil.rmtree(place, ignore_errors=True)
        _run(sys.executable, "-m", "venv", str(place))
        _run(str(interpreter), *PIP, "install", "--require-hashes", "-r", str(LOCK))
        complete.touch()
    return interpreter


def sources(package: str) -> Path:
    """Return the directory of a package's unpacked source distribution, in its pinned version."""
    name = f"{package}-{pinned(package)}"
    place = cache() / "sdists" / name
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent) as work:
            _download(package, Path(work))
            (Path(work) / name).rename(place)
    return place


def _download(package: str, work: Path) -> None:
    """Fetch a source distribution into ``work`` and unpack it there."""
    wanted = work / "wanted.txt"
    wanted.write_text(_locked(package)[0])
    source_only = ("--no-binary", ":all:", "--no-deps", "--dest", str(work))
    _run(str(python()), *PIP, "download", *source_only, "--require-hashes", "-r", str(wanted))
    [archive] = work.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(work, filter="data")


def _locked(package: str) -> re.Match[str]:
    """The requirement of a package with its hashes; its first group is the version."""
    entry = rf"^{re.escape(package)}==(\S+)(?: \\\n +\S+)+"
    found = re.search(entry, LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    if not found:
        raise SystemExit(f"{LOCK.name} pins no version of {package}")
    return found


def _run(*command: str) -> None:
    subprocess.run(command, check=True, timeout=INSTALL_SECONDS)
