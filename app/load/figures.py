"""What was measured, and how it is told. Pure."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Figures:
    """Of all answers that ended. ``first``, ``gaps`` and ``totals`` are in seconds: from the
    request to the first piece of text, between two readings of pieces, and to the answer's end.
    ``lags``: by how much the load generator itself was late. ``failures`` counts by reason.
    """

    first: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)
    totals: list[float] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    pieces: int = 0
    seconds: float = 0.0

    def lines(self) -> Iterator[str]:
        """The figures for people."""
        answers, failed = len(self.totals), self.failures.total()
        yield (
            f"{answers} answers in {self.seconds:.1f} s ({answers / self.seconds:.1f} a second, "
            f"{self.pieces / self.seconds:.0f} pieces a second), {failed} failed"
        )
        yield f"{'milliseconds':22}{'p50':>9}{'p90':>9}{'p99':>9}{'max':>9}"
        for name, values in self._rows():
            shown = "".join(f"{value * 1000:9.1f}" for value in _points(values)) or f"{'none':>9}"
            yield f"{name:22}{shown}"
        for reason, count in self.failures.most_common():
            yield f"{count} x {reason}"

    def document(self) -> dict[str, Any]:
        """The figures for JSON, in milliseconds."""
        names = ("p50", "p90", "p99", "max")
        times = {
            name.replace(" ", "_"): {
                point: round(value * 1000, 2)
                for point, value in zip(names, _points(values), strict=False)
            }
            for name, values in self._rows()
        }
        return {
            "answers": len(self.totals),
            "failures": dict(self.failures),
            "pieces": self.pieces,
            "seconds": round(self.seconds, 2),
            "milliseconds": times,
        }

    def _rows(self) -> Sequence[tuple[str, Sequence[float]]]:
        return (
            ("first piece", self.first),
            ("gap", self.gaps),
            ("whole answer", self.totals),
            ("lag of this program", self.lags),
        )


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that is not exceeded by this share (0 to 1) of the values."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _points(values: Sequence[float]) -> list[float]:
    return [percentile(values, share) for share in (0.5, 0.9, 0.99, 1.0)] if values else []
