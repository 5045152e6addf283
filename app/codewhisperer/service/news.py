"""What the service sends and this program does not know: each name is in the log once per worker.

How often it came is in the log line of each request (``skipped``, ``error_code``).
"""

import logging

log = logging.getLogger("kiro2api.upstream")

MOST = 1000
"""Names that are remembered. The service chooses them, and how many there are."""

_told: set[str] = set()


def tell(what: str, name: str) -> None:
    """Say that the service sent ``name``, which is a ``what``, unless that was said before."""
    if name in _told or len(_told) >= MOST:
        return
    _told.add(name)
    log.warning(
        "The upstream sent %s %s, which this version does not know. Answers go on without it. If"
        " they are not right, please report it with a recording (KIRO_RECORD_DIR).",
        what,
        name,
    )
