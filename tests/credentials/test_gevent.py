"""Behaviour in a worker: everything patched, many greenlets. Each test runs in its own process."""

import json
import subprocess
import sys
import threading
from pathlib import Path

from app.credentials.store.locks import exclusive
from tests.credentials.service import AuthService, access_token, refresh_token

PATCHED = """
from gevent import monkey
monkey.patch_all()

import json, sys, time
from pathlib import Path
import gevent
from app.credentials.refresh.client import ServiceClient
from app.credentials.pool import Credentials
from app.credentials.refresh.refresher import Refresher
from app.credentials.sources.token_files import FileSource
from app.credentials.store.files import FileStore

directory, url = Path(sys.argv[1]), sys.argv[2]
credentials = Credentials(
    [FileSource("the token file", directory / "token.json", is_explicit=True)],
    store=FileStore(directory / "cache"),
    refresher=Refresher(ServiceClient(user_agent="test"), auth_url=url),
)
"""

WAITING_FOR_THE_LOCK = """
longest = 0.0
def tick():
    global longest
    while True:
        before = time.monotonic()
        gevent.sleep(0.005)
        longest = max(longest, time.monotonic() - before)
ticker = gevent.spawn(tick)
gevent.sleep(0.05)
print("waiting", flush=True)
started = time.monotonic()
token = credentials.token()
waited = time.monotonic() - started
print(json.dumps({"token": token.access_token, "longest": longest, "waited": waited}))
"""

KILLED_WHILE_WAITING = """
first = gevent.spawn(credentials.token)
gevent.sleep(0.2)
others = [gevent.spawn(credentials.token) for _ in range(50)]
gevent.sleep(0.05)
first.kill()
others[0].kill()
print("killed", flush=True)
gevent.joinall(others, timeout=20)
print(json.dumps({"tokens": [g.value.access_token for g in others[1:]], "dead": first.dead}))
"""


def start(script: str, service: AuthService, directory: Path) -> "subprocess.Popen[str]":
    (directory / "token.json").write_text(json.dumps({"refreshToken": refresh_token(0)}))
    return subprocess.Popen(
        [sys.executable, "-c", PATCHED + script, str(directory), service.url],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )


def test_waiting_for_another_process_stops_no_other_greenlet(
    service: AuthService, tmp_path: Path
) -> None:
    with exclusive(tmp_path / "token.json.lock", 1):
        process = start(WAITING_FOR_THE_LOCK, service, tmp_path)
        assert process.stdout
        assert process.stdout.readline() == "waiting\n"
        threading.Event().wait(1)
        assert service.calls == []
    said = json.loads(process.communicate(timeout=20)[0])
    assert said["token"] == access_token(1)
    assert said["waited"] > 0.9
    assert said["longest"] < 0.3


def test_a_request_that_is_killed_takes_no_refresh_with_it(
    service: AuthService, tmp_path: Path
) -> None:
    service.hold.clear()
    process = start(KILLED_WHILE_WAITING, service, tmp_path)
    assert process.stdout
    assert process.stdout.readline() == "killed\n"
    service.hold.set()
    said = json.loads(process.communicate(timeout=20)[0])
    assert said == {"tokens": [access_token(1)] * 49, "dead": True}
    assert len(service.calls) == 1
