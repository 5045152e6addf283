"""How the estimator of tokens was fitted, and how far it is off: docs/counting.md.

``samples.json`` has the texts and what the reference tokenizers count in them. ``references``
counts them again (it needs packages that nothing else needs), ``fit`` fits the weights to the first
half of the texts, and ``errors`` writes the table of errors into docs/counting.md, of the other
half.
"""

from pathlib import Path
from typing import Any

import msgspec

from app.core.tokens.weights import Family

SAMPLES = Path(__file__).with_name("samples.json")


class Sample(msgspec.Struct):
    """A text, and its tokens by each reference. ``fitted``: the weights were fitted to it."""

    kind: str
    name: str
    source: str
    fitted: bool
    text: str
    tokens: dict[Family, int] = {}


def samples() -> list[Sample]:
    """All samples of the file."""
    return msgspec.json.decode(SAMPLES.read_bytes(), type=list[Sample])


def write(found: list[Sample]) -> None:
    """Replace the file, one line for each sample."""
    lines: list[Any] = [msgspec.json.encode(sample) for sample in found]
    SAMPLES.write_bytes(b"[\n" + b",\n".join(lines) + b"\n]\n")
