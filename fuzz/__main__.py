"""``python -m fuzz [--minutes N] [TARGET ...]``: fuzz for N minutes in total.

Exits with 1 upon a finding. Interesting inputs are stored in ``.fuzz``, and the next run continues
with them.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from fuzz.targets import TARGETS

DIRECTORY = Path(".fuzz")
LARGEST = 64 * 1024
WORD = re.compile(rb'"([A-Za-z_0-9.-]{1,40})"')


@click.command()
@click.argument("targets", nargs=-1, type=click.Choice(list(TARGETS)))
@click.option("--minutes", default=5.0, show_default=True, help="For all targets together.")
def main(targets: tuple[str, ...], minutes: float) -> None:
    """Fuzz the code that parses untrusted bytes."""
    chosen = targets or tuple(TARGETS)
    broken = [name for name in chosen if not _passes(name, round(60 * minutes / len(chosen)))]
    click.echo(f"fuzz: {len(chosen) - len(broken)} passed, {len(broken)} failed")
    sys.exit(bool(broken))


def _passes(name: str, seconds: int) -> bool:
    corpus = DIRECTORY / name
    corpus.mkdir(parents=True, exist_ok=True)
    seeds = list(TARGETS[name].seeds())
    for number, seed in enumerate(seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    words = DIRECTORY / f"{name}.words"
    words.write_text("".join(f"{json.dumps(word)}\n" for word in _words(seeds)))
    click.echo(f"fuzz: {name}, {seconds} s")
    command = [sys.executable, "-m", "fuzz.run", name, str(corpus)]
    command += [f"-max_total_time={seconds}", f"-max_len={LARGEST}", "-timeout=20"]
    command += [
        f"-dict={words}",
        f"-artifact_prefix={DIRECTORY}/{name}-",
        "-print_final_stats=1",
        "-verbosity=0",
    ]
    if subprocess.run(command, check=False).returncode == 0:
        return True
    click.echo(f"fuzz: to reproduce: python -m fuzz.run {name} {DIRECTORY}/{name}-...", err=True)
    return False


def _words(seeds: list[bytes]) -> Iterator[str]:
    """Return the names in the seeds, which mutations of single bytes would not produce."""
    found = {word.decode() for seed in seeds for word in WORD.findall(seed)}
    return (f'"{word}"' for word in sorted(found))


if __name__ == "__main__":
    main()
