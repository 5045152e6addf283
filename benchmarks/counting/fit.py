"""Fits the weights to the samples: ``python -m benchmarks.counting.fit`` prints the table for
``app/core/tokens/weights.py``.

Least squares of the relative errors, with weights above 0, so that a longer text counts more. What
gateways are sent counts more than prose: most of it is prompts of agents, schemas of tools, code
and results.
"""

from collections import Counter
from typing import get_args

from app.core.tokens.weights import KINDS, Family, kind_of

from . import Sample, samples

IMPORTANCE = {"agent's prompt": 4, "JSON schema": 4, "code": 2, "tool result": 2}
LEAST = 0.05
"""Tokens; a text of nothing but line feeds counts too."""
ROUNDS = 2000


def kinds(text: str) -> Counter[str]:
    """How many characters of each kind a text has."""
    found = Counter(map(kind_of, text.encode()))
    return Counter({kind: count for kind, count in found.items() if kind is not None})


def importance(sample: Sample) -> int:
    """How much a sample's error counts."""
    return 4 if sample.name.startswith("English") else IMPORTANCE.get(sample.kind, 1)


def fit(fitted: list[Sample], family: Family) -> dict[str, int]:
    """The weights in thousandths of a token, by coordinate descent."""
    roots = [importance(sample) ** 0.5 for sample in fitted]
    counts = [kinds(sample.text) for sample in fitted]
    columns = {
        kind: [
            count[kind] / sample.tokens[family] * root
            for count, sample, root in zip(counts, fitted, roots, strict=True)
        ]
        for kind in KINDS
    }
    squares = {kind: sum(value * value for value in columns[kind]) for kind in KINDS}
    weights = dict.fromkeys(KINDS, 0.0)
    errors = [-root for root in roots]
    for _ in range(ROUNDS):
        for kind, column in columns.items():
            slope = sum(value * error for value, error in zip(column, errors, strict=True))
            weight = max(LEAST, weights[kind] - slope / squares[kind])
            step, weights[kind] = weight - weights[kind], weight
            errors = [error + step * v for error, v in zip(errors, column, strict=True)]
    return {kind: round(1000 * weight) for kind, weight in weights.items()}


def main() -> None:
    """Print the weights of all families."""
    fitted = [sample for sample in samples() if sample.fitted]
    for family in get_args(Family):
        print(f'    "{family}": {{')  # noqa: T201
        for kind, weight in fit(fitted, family).items():
            print(f'        "{kind}": {weight},')  # noqa: T201
        print("    },")  # noqa: T201


if __name__ == "__main__":
    main()
