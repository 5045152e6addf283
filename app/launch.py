"""The processes that the command line starts: gunicorn, and the simulator beside it.

Both must import this ``app``, also from a directory that has an ``app`` of its own, which Python
and gunicorn would find first. Run as a module, this file is gunicorn.
"""

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, NamedTuple

_PACKAGE = Path(__file__).parent
_CONFIGURATION = "gunicorn.conf.py"


def server() -> list[str]:
    """The command line of gunicorn; to be run in :func:`environment`."""
    return [sys.executable, "-m", "app.launch", "-c", str(_configuration()), "app.wsgi:app"]


def companion() -> list[str]:
    """The command line of the simulator beside a server; to be run in :func:`environment`."""
    return [sys.executable, "-m", "app", "companion"]


class Companion(NamedTuple):
    """A simulator beside a server. ``environment`` points a gateway at it."""

    environment: Mapping[str, str]
    process: "subprocess.Popen[bytes]"
    lifeline: IO[bytes]

    def end(self) -> None:
        """End it, for a server that does not hold its lifeline."""
        self.lifeline.close()
        self.process.wait()


def start_companion(given: Mapping[str, str]) -> Companion:
    """Start the simulator. Ends this process if that does not start.

    A server that is this process itself inherits the other end of the simulator's stdin, its
    lifeline. It closes when the last process of the server is gone, however that ended, and the
    simulator follows.
    """
    process = subprocess.Popen(  # nosec B603 # our own arguments
        companion(),
        env=environment(given),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the server, which may still need an answer
    )
    assert process.stdin
    assert process.stdout
    os.set_inheritable(process.stdin.fileno(), True)
    line = process.stdout.readline()
    if not line:
        sys.exit("kiro2api cannot start: the simulator did not; its error is above")
    told = json.loads(line)
    pointing = {
        **dict.fromkeys(("KIRO_API_URL", "KIRO_AUTH_URL", "KIRO_OIDC_URL"), told["url"]),
        "KIRO_TOKEN_CACHE": told["cache"],
        "KIRO_UPSTREAM_PROXY": "",
        "KIRO_TOKEN_STORE": "",  # what is simulated must not reach the accounts of others
        "KIRO_AUTH_TOKEN": json.dumps(
            {
                "refreshToken": secrets.token_hex(100),  # as long as a real one
                "description": "the simulator",
            }
        ),
    }
    return Companion(pointing, process, process.stdin)


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
    # until the master has its own handler: an exception for Ctrl-C may come where Python can only
    # print it, and nothing has begun that needs an end
    signal.signal(signal.SIGINT, signal.SIG_DFL)

    # gunicorn puts the current directory first in sys.path; what is imported before stays. It runs
    # this file by its path when it starts anew upon SIGUSR2, so that nothing else imports app.
    from gunicorn.app.wsgiapp import run

    import app  # noqa: F401

    run(prog="kiro2api serve")
