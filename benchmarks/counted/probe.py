"""The gateway's application, which tells of its own memory at two more paths: for `memory`."""

import gc
import tracemalloc

from benchmarks.counted.probe_paths import GARBAGE, MEMORY
from wsgi import app

__all__ = ["app"]


def garbage() -> str:
    """Return how many objects only the collector could free. From then on it only runs here."""
    gc.disable()
    return f"{gc.collect()}"


def memory() -> str:
    """Return the bytes in use at most since the last call, and now. They count from the first."""
    if not tracemalloc.is_tracing():
        tracemalloc.start()
    gc.collect()
    now, peak = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    return f"{peak} {now}"


app.add_url_rule(GARBAGE, "garbage", garbage)
app.add_url_rule(MEMORY, "memory", memory)
