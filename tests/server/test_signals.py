"""What a worker is told between its fork and its own handlers waits for them."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
FORK = """
import os, signal, sys
from app.server import signals

def say(text):
    os.write(1, text.encode() + b"\\n")

signal.signal(signal.SIGTERM, lambda *_: say("master"))
signals.release_after_forks()
signals.hold()
os.kill(os.getpid(), signal.SIGTERM)  # the parent's, pending over the fork
say("held")
child = os.fork()
if child:
    os.waitpid(child, 0)
else:
    os.kill(os.getpid(), signal.SIGTERM)
    say("the worker starts")
    signal.signal(signal.SIGTERM, lambda *_: say("worker"))
    signals.release()
    os._exit(0)
say(f"blocked in the master: {sorted(signal.pthread_sigmask(signal.SIG_BLOCK, []))}")
"""


def test_each_side_gets_its_own_signal_by_its_own_handler() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORK], cwd=ROOT, capture_output=True, text=True, timeout=20
    )
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0] == "held"
    assert lines[-1] == "blocked in the master: []"
    assert sorted(lines[1:-1]) == ["master", "the worker starts", "worker"]
    assert lines.index("the worker starts") < lines.index("worker")
