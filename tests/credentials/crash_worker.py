"""A worker that refreshes continuously until it is killed; started by test_crash.py.

Each line of stdin is one job as JSON. A fork runs it, so that nothing is imported again. The output
is the pid, then the number of each refresh token once the worker has promised that it is stored,
then ``end`` from the parent after the fork has died.
"""

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.common import files
from app.credentials.pool import Credentials
from app.credentials.refresh.client import ServiceClient
from app.credentials.refresh.refresher import Refresher
from app.credentials.sources.documents import read_refresh_tokens
from app.credentials.sources.token_files import FileSource
from app.credentials.sources.variables import TextSource, Variable
from app.credentials.store.files import FileStore


def main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if not child:
            work(json.loads(line))
        os.waitpid(child, 0)
        say("end")


def work(job: dict[str, Any]) -> None:
    say(str(os.getpid()))
    if job["point"]:
        arm(job["point"], job["count"])
    directory = Path(job["directory"])
    source = (
        FileSource("the token file", directory / "token.json", is_explicit=True)
        if job["from_file"]
        else TextSource(Variable("AWS_REFRESHTOKEN", job["refresh_token"]), read_refresh_tokens)
    )
    credentials = Credentials(
        [source],
        store=FileStore(directory / "cache", shared_memory=directory / "none"),
        refresher=Refresher(ServiceClient(user_agent="kiro2api/test"), auth_url=job["url"]),
    )
    while True:  # tokens expire at once, so that each request refreshes
        token = credentials.token()
        say(token.access_token[3:7])
        time.sleep(0.001)


def say(word: str) -> None:
    os.write(1, f"{word}\n".encode())


def arm(point: str, count: int) -> None:
    """Die when ``point`` is reached for the ``count``-th time."""
    when, name = point.split()
    owner: Any = {
        "mkstemp": tempfile,
        "fsync": os,
        "replace": os,
        "refresh": Refresher,
        "sweep": files,
    }[name]
    original: Callable[..., Any] = getattr(owner, name)
    left = count

    def armed(*args: Any, **kwargs: Any) -> Any:
        nonlocal left
        left -= 1
        if left <= 0 and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*args, **kwargs)
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, armed)


if __name__ == "__main__":
    main()
