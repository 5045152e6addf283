"""Text that stands for another: of the same length and script, and without its meaning.

The same text gets the same filler within one recording, so that names still match each other. The
filler cannot be turned back: the key that it is made with is not kept. What makes JSON stay JSON is
left as it is: punctuation, escapes, ``true``, ``false`` and ``null``.
"""

import random
import re
import unicodedata
from functools import lru_cache
from hashlib import blake2b
from secrets import token_bytes
from string import ascii_lowercase, ascii_uppercase

LONG_RUN = 4096
"""Characters after which a run without a space is data, such as an image in base64."""

_RUNS = re.compile(
    r"\\u[0-9a-fA-F]{4}|\\."  # escapes in a string that holds JSON
    r"|\b(?:true|false|null)\b"
    r"|(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
    r"|(?P<lower>[a-z]+)|(?P<upper>[A-Z]+)"
    r"|(?P<other>[^\x00-\x7f]+)"
)
_DIGITS = "123456789"
_BLOCK = 64  # code points with the same first bytes in UTF-8


class Filler:
    """Makes the filler of one recording."""

    def __init__(self) -> None:
        self._key = token_bytes(32)

    def text(self, text: str) -> str:
        """The filler for a text: as many characters, and as many bytes in UTF-8."""
        chance = random.Random(self._seed(text))  # nosec B311 # seeded with a secret key
        return _RUNS.sub(lambda run: _run(run, chance), text)

    def data(self, text: str, keep: int) -> str:
        """The filler for base64: the first ``keep`` characters stay, since they tell the format."""
        head, rest = text[:keep], text[keep:]
        if len(rest) > LONG_RUN:
            padding = len(rest) - len(rest.rstrip("="))
            return head + "A" * (len(rest) - padding) + "=" * padding
        return head + self.text(rest)

    def number(self, value: int | float) -> int | float:
        """Another number with as many digits."""
        if isinstance(value, bool):
            return value
        return type(value)(self.text(repr(value)))

    def _seed(self, text: str) -> bytes:
        return blake2b(text.encode("utf-8", "surrogatepass"), key=self._key).digest()


def _run(run: re.Match[str], chance: random.Random) -> str:
    found = run[0]
    if run.lastgroup == "number":
        return "".join(chance.choice(_DIGITS) if c in _DIGITS else c for c in found)
    if run.lastgroup == "lower":
        return "".join(chance.choices(ascii_lowercase, k=len(found)))
    if run.lastgroup == "upper":
        return "".join(chance.choices(ascii_uppercase, k=len(found)))
    if run.lastgroup == "other":
        return "".join([chance.choice(_alike(character)) for character in found])
    return found


@lru_cache(maxsize=4096)
def _alike(character: str) -> str:
    """The characters of the same kind near this one; itself if it is no letter and no digit."""
    kind = unicodedata.category(character)
    if kind[0] not in "LN":
        return character
    first = ord(character) // _BLOCK * _BLOCK
    block = map(chr, range(first, first + _BLOCK))
    return "".join(one for one in block if unicodedata.category(one) == kind)
