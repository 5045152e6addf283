"""What was found, and how it is told."""

import re
from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import Any, NamedTuple

from app.common.masking import TOKENS
from app.settings import Settings, setting_fields, variable

_SHORTEST = 6
"""Characters of a secret that is looked for in what is told; a shorter one is a part of words."""


class Level(IntEnum):
    """How bad it is. The value is the exit code that the worst finding gives."""

    OK = 0
    WARNING = 1
    PROBLEM = 2


class Finding(NamedTuple):
    """``text`` says what is so, ``meaning`` what follows from it, ``advice`` what to do; the last
    two are "" where all is well.
    """

    area: str
    level: Level
    text: str
    meaning: str = ""
    advice: str = ""


def ok(area: str, text: str) -> Finding:
    """All is well there."""
    return Finding(area, Level.OK, text)


def warning(area: str, text: str, meaning: str, advice: str) -> Finding:
    """It works, or may work, but not as it should."""
    return Finding(area, Level.WARNING, text, meaning, advice)


def problem(area: str, text: str, meaning: str, advice: str) -> Finding:
    """Requests fail because of it."""
    return Finding(area, Level.PROBLEM, text, meaning, advice)


class Mask:
    """Hides the secrets of the settings, and what looks like a token, in any text."""

    def __init__(self, settings: Settings | None) -> None:
        hidden = [TOKENS, *map(re.escape, _secrets(settings) if settings else ())]
        self._pattern = re.compile("|".join(hidden))

    def __call__(self, finding: Finding) -> Finding:
        """The finding without secrets."""
        hidden = (self._pattern.sub("(hidden)", text) for text in finding[2:])
        return Finding(finding.area, finding.level, *map(_tidy, hidden))


def _tidy(text: str) -> str:
    """The text without more spaces than it needs; its lines stay lines."""
    return "\n".join(" ".join(line.split()) for line in text.splitlines())


def _secrets(settings: Settings) -> Iterator[str]:
    """The secrets that the user has set."""
    for item in setting_fields():
        if item.metadata["secret"] and variable(item) in settings.origins:
            value = getattr(settings, item.name) or ""
            if len(value) >= _SHORTEST:
                yield value


def lines(finding: Finding) -> Iterator[str]:
    """The finding as lines of text."""
    name = {Level.OK: "ok", Level.WARNING: "WARNING", Level.PROBLEM: "PROBLEM"}[finding.level]
    first, *rest = finding.text.splitlines() or [""]
    yield f"{name:8} {finding.area:11} {first}"
    for label, text in (("that means", finding.meaning), ("what to do", finding.advice)):
        if text:
            rest += f"{label}: {text}".splitlines()
    yield from (f"{'':20} {line}" for line in rest)


def summary(found: Iterable[Finding]) -> str:
    """The last line."""
    levels = [finding.level for finding in found]
    problems, warnings = levels.count(Level.PROBLEM), levels.count(Level.WARNING)
    if not problems and not warnings:
        return "Nothing is wrong."
    return f"{problems} problem(s), {warnings} warning(s)."


def document(found: Iterable[Finding], exit_code: int) -> dict[str, Any]:
    """The findings for JSON."""
    findings = [finding._asdict() | {"level": finding.level.name.lower()} for finding in found]
    return {"findings": findings, "exit_code": exit_code}
