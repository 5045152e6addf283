"""What the command line is to its reader: the command to type, for the messages that name one, and
tables of text.
"""

import shutil
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

NAME = "kiro2api"


@cache
def command() -> str:
    """``kiro2api`` where it is on the PATH; in a checkout ``.venv/bin/kiro2api``, or
    ``python -m app`` where the project is not installed. Never an absolute path, since some of the
    messages reach clients.
    """
    if shutil.which(NAME):
        return NAME
    script = Path(sys.executable).with_name(NAME)
    if script.is_file() and script.is_relative_to(Path.cwd()):
        return str(script.relative_to(Path.cwd()))
    return NAME if script.is_file() else "python -m app"


def columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The lines of a table, each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()
