"""The processes that the command line starts: gunicorn, and the simulator beside it.

Both must import this ``app``, also from a directory that has an ``app`` of its own, which Python
and gunicorn would find first. Run as a module, this file is gunicorn.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

_PACKAGE = Path(__file__).parent
_CONFIGURATION = "gunicorn.conf.py"


def server() -> list[str]:
    """The command line of gunicorn; to be run in :func:`environment`."""
    return [sys.executable, "-m", "app.launch", "-c", str(_configuration()), "app.wsgi:app"]


def companion() -> list[str]:
    """The command line of the simulator beside a server; to be run in :func:`environment`."""
    return [sys.executable, "-m", "app", "companion"]


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """``given``, changed so that Python finds this ``app`` and not the current directory's."""
    changed = {**given, "PYTHONSAFEPATH": "1"}
    if not _is_installed():
        paths = filter(None, [str(_PACKAGE.parent), given.get("PYTHONPATH")])
        changed["PYTHONPATH"] = os.pathsep.join(paths)
    return changed


def _is_installed() -> bool:
    """Whether this is the package of a wheel, which has the configuration of gunicorn inside."""
    return (_PACKAGE / _CONFIGURATION).is_file()


def _configuration() -> Path:
    return (_PACKAGE if _is_installed() else _PACKAGE.parent) / _CONFIGURATION


if __name__ == "__main__":
    # gunicorn puts the current directory first in sys.path; what is imported before stays. It runs
    # this file by its path when it starts anew upon SIGUSR2, so that nothing else imports app.
    from gunicorn.app.wsgiapp import run

    import app  # noqa: F401

    run(prog="kiro2api serve")
