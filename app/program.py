"""The command that a reader types to run this program, for the messages that name one."""

import shutil
import sys
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
