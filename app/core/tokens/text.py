"""The estimated tokens of a text: each character has a weight, by its kind.

Weights of single characters keep the estimate additive: a text counts the same however it is split,
what is counted once is not counted again, and a longer text never counts less. The characters of a
kind are counted by deleting them: of ways without a loop in Python that is the fastest, whatever
compiled the interpreter, since each pass in C leaves less for the next.
"""

from collections.abc import Iterable
from functools import cache
from typing import Final

from msgspec import Raw

from .weights import KINDS, LOWER, OTHER, WEIGHTS, Family, family_of, kind_of

UNIT: Final = 1000
"""Estimates of texts are in thousandths of a token: integers, so that sums are exact."""

_FREQUENT: Final = (LOWER, "space", OTHER, "capital letter", "line feed", "digit")
_ORDER: Final = tuple(dict.fromkeys((*_FREQUENT, *KINDS)))
_FIRST: Final = {kind: bytes(b for b in range(256) if kind_of(b) == kind) for kind in _ORDER}
"""The bytes with which characters of a kind begin, the most frequent kinds first: each that is
counted leaves less to look at."""
_INSIDE: Final = bytes(byte for byte in range(256) if kind_of(byte) is None)

LONG: Final = 512
"""Characters of a text, or bytes of one in UTF-8, from which on its count is remembered."""

MOST: Final = 4096
"""Counts that are remembered, some 100 bytes each."""


class Estimator:
    """Counts as one family of tokenizers does, about."""

    def __init__(self, family: Family) -> None:
        weights = WEIGHTS[family]
        steps = [(first, weights[kind]) for kind, first in _FIRST.items()]
        self._ascii = [step for step in steps if step[0].isascii()]
        self._every = [steps[0], (_INSIDE, 0), *steps[1:]]
        self.most = max(weights.values())
        """The most that one character counts."""
        self._known: dict[int, int] = {}

    def text(self, text: str) -> int:
        """Thousandths of a token in ``text``."""
        return self.utf8(utf8(text))

    def utf8(self, data: bytes) -> int:
        """Thousandths of a token in text that is UTF-8 already."""
        units = 0
        for kind, weight in self._ascii if data.isascii() else self._every:
            rest = data.translate(None, kind)
            units += (len(data) - len(rest)) * weight
            if not rest:
                break
            data = rest
        return units

    def texts(self, texts: Iterable[str]) -> int:
        """Thousandths of a token in all of ``texts``."""
        return self.text("".join(texts))

    def prompt(self, texts: Iterable[str | bytes]) -> int:
        """Thousandths of a token in all texts of a prompt; bytes are UTF-8 already. Those of a
        conversation come again with each turn: long ones are counted once, and known by their
        hashes then, which mean something in this process alone. For several threads.
        """
        known, short, units = self._known, list[bytes](), 0
        for text in texts:
            if len(text) < LONG:
                short.append(text if isinstance(text, bytes) else utf8(text))
                continue
            # strings of different width can have the same hash, but not of the same length
            key = hash((type(text), len(text), text))
            count = known.get(key)
            if count is None:
                count = self.utf8(text if isinstance(text, bytes) else utf8(text))
                if len(known) >= MOST:
                    known.clear()
                known[key] = count
            units += count
        return units + self.utf8(b"".join(short))


@cache
def estimator(family: Family) -> Estimator:
    """The estimator of a family."""
    return Estimator(family)


def estimator_of(model: str) -> Estimator:
    """The estimator for the upstream's id of a model."""
    return estimator(family_of(model))


def utf8(text: str) -> bytes:
    """``text`` in UTF-8; half a surrogate pair has three bytes.

    CPython caches a string's UTF-8 form inside the string when C code asks for it. ``Raw`` does, so
    the encoder of the request body finds the bytes there and does not encode the text again;
    ``str.encode`` fills no cache.
    """
    if text.isascii():
        return text.encode()
    try:
        return bytes(memoryview(Raw(text)))
    except UnicodeEncodeError:  # a lone surrogate
        return text.encode("utf-8", "surrogatepass")
