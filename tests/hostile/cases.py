"""How each side may misbehave: a case is a value, made by a strategy.

``kind`` chooses the behaviour; ``size`` and ``pause`` its pace (bytes of a write, seconds between
two); ``count`` how many at the same time (of clients) or how much (headers, items, levels);
``seed`` what is random in it.
"""

from dataclasses import dataclass
from random import Random
from typing import Literal, TypeAlias

from hypothesis import strategies as st

Side: TypeAlias = Literal["client", "upstream", "sign-in", "proxy"]

KINDS: dict[Side, tuple[str, ...]] = {
    "client": (
        "silent",  # connects, and sends nothing
        "drip",  # a head that never ends, byte by byte
        "pipeline",  # GET / without pause
        "tiny chunks",  # a body of 1-byte chunks
        "headers",  # heads with very many headers
        "noise",  # what is no HTTP
        "damaged",  # a good request with random bytes replaced
        "items",  # valid JSON with very many messages or tools
        "nesting",  # valid JSON, nested deeply, again and again
        "escapes",  # invalid JSON of escapes
        "compressed",  # bodies that decode to gigabytes, to very many empty members, or to noise
        "unread",  # asks for a long answer, and reads nothing
        "leaving",  # leaves with bytes behind its request
    ),
    "upstream": (
        "continues",  # 100 Continue without end
        "drip head",
        "many headers",
        "endless error",  # a 400 whose body does not end
        "endless text",  # frames without pause
        "bomb",  # a gzip body that grows a thousandfold
        "noise",
        "silence",
        "cut",  # closes inside the head or body
        "chunk noise",  # malformed chunk sizes
    ),
    "sign-in": ("html", "drip", "endless", "bomb", "nesting", "noise", "silence", "cut"),
    "proxy": ("drip", "silence", "endless head", "refusal", "noise", "cut"),
}


@dataclass(frozen=True)
class Case:
    side: Side
    kind: str
    size: int
    pause: float
    count: int
    seed: int

    @property
    def random(self) -> Random:
        return Random(self.seed)

    def __str__(self) -> str:
        return f"{self.side}: {self.kind} ({self.size} B, {self.pause} s, x{self.count})"


def cases(side: Side, kind: str | None = None) -> st.SearchStrategy[Case]:
    """Cases of a side, of every kind or of one."""
    return st.builds(
        Case,
        side=st.just(side),
        kind=st.just(kind) if kind else st.sampled_from(KINDS[side]),
        size=st.sampled_from((1, 7, 1000, 16_000)),
        pause=st.sampled_from((0.0, 0.001, 0.02)),
        count=st.sampled_from((2, 20, 200)),
        seed=st.integers(0, 2**32),
    )


def plain(side: Side, kind: str) -> Case:
    """One ordinary case of a kind, for the short form and for tables."""
    return Case(side, kind, size=1000, pause=0.001, count=20, seed=1)
