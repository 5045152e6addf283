"""Asks a worker for ``/health`` until its stdin ends, in a process of its own; prints what it saw.

``python prober.py PORT PID [INTERVAL]``. Prints an empty line when it begins. At its end it prints
JSON: ``worst`` (seconds that one request took), ``memory`` (the most bytes that the worker kept),
``failed`` (requests without an answer), ``asked``.

From each time it takes off what the worker, or the prober, was ready to run and had no processor:
other programs on the machine are no fault of the gateway.
"""

import http.client
import json
import os
import select
import sys
import time
from contextlib import suppress
from pathlib import Path

INTERVAL = 0.02
"""Seconds between an answer and the next request."""
GIVES_UP = 20.0


def waits(pid: int | str) -> dict[str, int]:
    """For how many nanoseconds each of its threads has waited for a processor."""
    found = {}
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended
            found[thread.name] = int((thread / "schedstat").read_text().split()[1])
    return found


def waited(before: dict[str, int], after: dict[str, int]) -> float:
    """For how many seconds those threads waited in between that have not ended."""
    return sum(total - before.get(thread, 0) for thread, total in after.items()) / 1e9


def memory(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def ask(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=GIVES_UP)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().read() == b"OK"
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main(port: int, pid: int, interval: float = INTERVAL) -> dict[str, float]:
    worst, most, failed, asked = 0.0, memory(pid), 0, 0
    sys.stdout.write("\n")
    sys.stdout.flush()
    while not select.select([sys.stdin], [], [], interval)[0]:
        before = waits(pid) | waits("self")
        began = time.monotonic()
        failed += not ask(port)
        took = time.monotonic() - began
        worst = max(worst, took - waited(before, waits(pid) | waits("self")))
        most = max(most, memory(pid))
        asked += 1
    return {"worst": worst, "memory": most, "failed": failed, "asked": asked}


if __name__ == "__main__":
    try:
        port, pid, *rest = sys.argv[1:]
        seen = main(int(port), int(pid), *map(float, rest))
    except FileNotFoundError:
        seen = {"worst": GIVES_UP, "memory": 0, "failed": 1, "asked": 0}  # the worker has ended
    sys.stdout.write(json.dumps(seen))
