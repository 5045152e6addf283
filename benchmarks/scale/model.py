"""The model: calls to Redis, and how a wave of refreshes passes through many gateways.

Calls grow with workers and answers. In a wave, all hosts want the lock of one login at once: the
first holder refreshes, each later one finds the new token; who waits tries again about every 50 ms,
each host in a rhythm of its own, and in a host only one worker does so, since the others wait for
the host's own lock.
"""

import heapq
import random

from msgspec import Struct

LOCK_POLL = 0.025, 0.075
"""Seconds between two tries for the lock, at least and at most, as in
``app/credentials/store/redis_backend.py``: a host keeps to what it has drawn."""

TOGETHER = 0.001
"""Seconds within which hosts begin: at once, which is the worst."""


class Model(Struct, frozen=True):
    """``idle``: calls per second of a worker; ``answer``: calls per answer. Of a wave: ``first``
    and ``later`` are the calls of the first holder of the lock and of each later one, ``refresh``
    and ``look`` the seconds for which they have it.
    """

    idle: float
    answer: float
    first: float
    later: float
    refresh: float
    look: float

    def calls_per_second(self, workers: int, answers: float) -> float:
        """With this many workers on all hosts, and answers per second on all hosts."""
        return self.idle * workers + self.answer * answers

    def wave(self, hosts: int) -> tuple[float, float]:
        """Seconds until the last host has the new token, and all calls. All hosts begin at once."""
        chance = random.Random(1)  # nosec B311 # no secret
        tries = [(chance.random() * TOGETHER, host) for host in range(hosts)]
        pauses = [chance.uniform(*LOCK_POLL) for _ in range(hosts)]
        heapq.heapify(tries)
        free, calls, hold, cost = 0.0, 0.0, self.refresh, self.first
        while tries:
            now, host = heapq.heappop(tries)
            if now < free:
                calls += 1
                heapq.heappush(tries, (now + pauses[host], host))
                continue
            calls += cost
            free, hold, cost = now + hold, self.look, self.later
        return free, calls


def error(predicted: float, counted: float) -> float:
    """The error of a prediction, as a share of what was counted."""
    return abs(predicted - counted) / counted if counted else abs(predicted)
