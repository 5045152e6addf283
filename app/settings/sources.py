"""Reads the text of settings from the environment and ``.env``, and finds unknown names there.

The environment is never written to: a reload must see the file's new content, and child processes
must not inherit what only this program should know. A variable that the user set and nothing reads
causes a warning.
"""

from __future__ import annotations

import difflib
import io
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from dotenv.parser import parse_stream

from .historic import HISTORIC


class RawValue(NamedTuple):
    """The text of one variable, stripped, and a description of where it was found."""

    text: str
    where: str


def read_dotenv(path: Path) -> tuple[dict[str, RawValue], list[str]]:
    """The variables of a ``.env`` file, and its problems. A missing file counts as empty.

    Values are literal: ``${...}`` is not expanded, since secrets may contain any character.
    """
    try:
        source = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}, []
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        return {}, [f"{path}: cannot be read: {reason}"]
    found: dict[str, RawValue] = {}
    problems = []
    for binding in parse_stream(io.StringIO(source)):
        where = f"{path} line {binding.original.line}"
        if binding.error or (binding.key and binding.value is None):
            problems.append(f"{where}: not understood, allowed: NAME=value")
        elif binding.key and binding.value and binding.value.strip():
            found[binding.key] = RawValue(binding.value.strip(), where)
    return found, problems


def merge(environ: Mapping[str, str], dotenv: Mapping[str, RawValue]) -> dict[str, RawValue]:
    """Both sources; the environment takes precedence. An empty variable counts as unset, since
    compose files and shells pass unset variables that way; it still hides the file's value.
    """
    merged = {name: found for name, found in dotenv.items() if name not in environ}
    for name, text in environ.items():
        if text.strip():
            merged[name] = RawValue(text.strip(), "the environment")
    return merged


def hiding(environ: Mapping[str, str], dotenv: Mapping[str, RawValue]) -> list[str]:
    """A warning for each variable that is empty in the environment and hides a value of ``.env``:
    the user sees the value in the file and believes that it is used.
    """
    return [
        f"{name} is empty in the environment, which hides {found.where}: unset it there to use the "
        "file's value"
        for name, found in dotenv.items()
        if name in environ and not environ[name].strip()
    ]


def read_secret_files(
    found: dict[str, RawValue], secrets: Collection[str]
) -> tuple[dict[str, Path], list[str]]:
    """Replace each NAME_FILE in ``found`` by the secret NAME with the file's content, the way
    Docker passes secrets.

    Returns the files by NAME, and their problems.
    """
    files, problems = {}, []
    for name in secrets:
        pointer = found.pop(f"{name}_FILE", None)
        if pointer is None:
            continue
        path = Path(pointer.text).expanduser()
        try:
            text = path.read_text(encoding="utf-8-sig").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            problems.append(f"{name}_FILE: found {pointer.text!r} in {pointer.where}: {reason}")
            continue
        if name in found:
            problems.append(f"{name} and {name}_FILE are both set, allowed: one of them")
        files[name] = path
        if text:
            found[name] = RawValue(text, str(path))
    return files, problems


def honour_historic(found: dict[str, RawValue]) -> list[str]:
    """Apply historic variables to ``found`` as their rows say. Returns a warning for each one."""
    warnings = []
    for name, historic in HISTORIC.items():
        if name not in found:
            continue
        if historic.sets and found[name].text.lower() in ("1", "true"):
            variable, text = historic.sets
            found[variable] = RawValue(text, f"{name} in {found[name].where}")
        warnings.append(f"{name} (in {found[name].where}): {historic.now}")
    return warnings


def unknown_names(
    found: Mapping[str, RawValue], dotenv: Mapping[str, RawValue], known: Collection[str]
) -> Iterator[str]:
    """A warning for each unknown variable: KIRO_* from anywhere, and any name in ``.env``."""
    for name, (_, where) in found.items():
        if name in known or name in HISTORIC:
            continue
        if name.startswith("KIRO_") or name in dotenv:
            nearest = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {nearest[0]}?" if nearest else ""
            yield f"{name} (in {where}) is not a setting and has no effect{hint}"
