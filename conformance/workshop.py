"""What is installed for a run, and where: a virtual environment and the suites, unpacked.

Both lie in the user's cache directory and are made once for each set of versions.
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
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
PINS = ROOT / "requirements-dev.txt"
PIP = ("-m", "pip", "--disable-pip-version-check", "--quiet")
INSTALL_SECONDS = 600


def cache() -> Path:
    """Where things are kept between runs."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "kiro2api"


def pinned(package: str) -> str:
    """The version of a package that the tests of this project are run with."""
    found = re.search(rf"^{re.escape(package)}==(\S+)$", PINS.read_text(), re.MULTILINE)
    if not found:
        raise SystemExit(f"{PINS.name} pins no version of {package}")
    return found[1]


def python() -> Path:
    """The interpreter of an environment that has what the suites import."""
    wanted = REQUIREMENTS.read_bytes() + PINS.read_bytes() + sys.version.encode()
    place = cache() / f"conformance-venv-{hashlib.sha256(wanted).hexdigest()[:12]}"
    interpreter, complete = place / "bin" / "python", place / "complete"
    if not complete.exists():
        shutil.rmtree(place, ignore_errors=True)
        _run(sys.executable, "-m", "venv", str(place))
        _run(str(interpreter), *PIP, "install", "-r", str(REQUIREMENTS))
        complete.touch()
    return interpreter


def sources(package: str) -> Path:
    """The unpacked source distribution of a package, in its pinned version."""
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
    source_only = ("--no-binary", ":all:", "--no-deps", "--dest", str(work))
    _run(str(python()), *PIP, "download", *source_only, f"{package}=={pinned(package)}")
    [archive] = work.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(work, filter="data")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, timeout=INSTALL_SECONDS)
