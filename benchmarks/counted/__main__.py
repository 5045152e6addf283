"""``make counts RENEW=1``: count, write ``references.json``, and tell what has changed."""

from collections.abc import Iterator

import click

from benchmarks.counted import references
from benchmarks.counted.references import References
from benchmarks.tables import table


@click.command()
def main() -> None:
    """Renew the references."""
    former = references.load() if references.PATH.exists() else References({}, {}, {}, {})
    found = references.count()
    references.save(found)
    click.echo(references.build())
    before = dict(_rows(former))
    rows = [(name, before.get(name, "-"), now) for name, now in _rows(found)]
    click.echo(table(("What", "before", "now"), rows, texts=1))


def _rows(found: References) -> Iterator[tuple[str, str]]:
    for name, count in found.instructions.get(references.build(), {}).items():
        yield f"instructions of {name}", f"{count:,.0f}"
    for name, ratio in found.ratios.items():
        yield f"instructions of {name}, relative to the floor", f"{ratio:.2f}"
    for name, calls in found.calls.items():
        yield f"system calls of {name}", f"{sum(calls.values())}"
    for name, used in found.memory.get(references.version(), {}).items():
        yield f"garbage of {name}, objects", f"{used.garbage}"
        yield f"memory in use for {name}, KB", f"{used.peak / 1024:.0f}"


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.counted")
