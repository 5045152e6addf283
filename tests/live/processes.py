"""What the kernel says of a process: memory, files, sockets, children. Linux only."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

_STATES = {"01": "ESTABLISHED", "08": "CLOSE_WAIT", "0A": "LISTEN"}


def children(pid: int) -> list[int]:
    """The processes that it started and that live."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


def memory(pid: int) -> int:
    """Bytes that it keeps in memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def files(pid: int) -> Iterator[str]:
    """What its open file descriptors lead to."""
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            yield os.readlink(link)
        except OSError:  # closed meanwhile
            continue


def sockets(pid: int) -> Counter[str]:
    """How many TCP sockets it has, by state."""
    states = {}
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        states[f"socket:[{fields[9]}]"] = _STATES.get(fields[3], fields[3])
    return Counter(states[name] for name in files(pid) if name in states)
