"""No signal to a new worker is lost.

A forked worker runs with the master's signal handlers until it has installed its own. Those queue a
signal for the master's loop, which a worker never enters: a SIGTERM at that moment would be lost,
and a stop would take the whole graceful timeout. So the master blocks the signals before it forks.
The kernel keeps those sent to the worker until the worker has its own handlers, and those sent to
the master until the fork is done.
"""

import os
import signal

HELD = frozenset({signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1})
"""The signals by which the master or a terminal makes a worker stop, or reopen its logs."""


def release_after_forks() -> None:
    """Called once in a master: from now on :func:`release` runs in the parent after each fork."""
    os.register_at_fork(after_in_parent=release)


def hold() -> None:
    """Called before a worker is forked."""
    signal.pthread_sigmask(signal.SIG_BLOCK, HELD)


def release() -> None:
    """Called in the master after a fork, even one that failed, and in the worker once its handlers
    are installed. Signals that were held are delivered now."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)
