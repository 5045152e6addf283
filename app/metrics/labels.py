"""Values of labels, bounded: each new value is a series that Prometheus keeps for weeks."""

import re
from collections.abc import Callable

OTHER, NOTHING = "other", "none"

MOST = 100
"""Values of one label that are told apart; what comes later is :data:`OTHER`."""

_SANE = re.compile(r"[A-Za-z0-9_.@-]{1,64}").fullmatch
_DETAIL = re.compile(r"[:\[]")


class Label:
    """The values of one label. ``known`` says which there are; without it, the first MOST sane ones
    are told apart. A part of a value behind ``:`` or ``[`` is left out: it says which one.
    """

    def __init__(self, known: Callable[[str], bool] | None = None) -> None:
        self._known = known
        self._seen = {"": NOTHING}

    def __call__(self, value: str) -> str:
        """What the label says for ``value``: itself, OTHER, or NOTHING for ""."""
        return self._seen.get(value) or self._new(value)

    def _new(self, value: str) -> str:
        short = _DETAIL.split(value[:100], maxsplit=1)[0]
        if short in self._seen:
            return self._seen[short]
        is_known = self._known is None or self._known(short)
        if not _SANE(short) or not is_known or len(self._seen) > MOST:
            return OTHER
        self._seen[short] = short
        return short
