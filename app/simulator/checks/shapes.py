"""Checkers of JSON values, built from the shapes of an AWS service model. All shapes are closed.

A checker is a function `(value, path, report)`. It reports every violation that it finds under the
name of a rule, and never raises. Reports name the place and the sizes, never the content.
"""

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any

ReportViolation = Callable[[str, str], None]
"""Called with the name of a rule and a message."""

Checker = Callable[[Any, str, ReportViolation], None]


def string(
    shortest: int = 0,
    longest: int | None = None,
    pattern: str | None = None,
    *,
    rule: str | None = None,
) -> Checker:
    """A string of `shortest` to `longest` characters that `pattern` matches in full."""
    compiled = re.compile(pattern, re.ASCII) if pattern else None

    def check(value: Any, path: str, report: ReportViolation) -> None:
        if not isinstance(value, str):
            report("type", f"{path} must be a string")
        elif len(value) < shortest or (longest is not None and len(value) > longest):
            bounds = f"{shortest}..{'' if longest is None else longest}"
            report(rule or "length", f"{path} has {len(value)} characters; allowed are {bounds}")
        elif compiled and not compiled.fullmatch(value):
            report(rule or "pattern", f"{path} does not match {compiled.pattern}")

    return check


def enum(*values: str, rule: str = "enum") -> Checker:
    """One of the given strings, case-sensitive."""

    def check(value: Any, path: str, report: ReportViolation) -> None:
        if not isinstance(value, str) or value not in values:
            report(rule, f"{path} must be one of {', '.join(values)}")

    return check


def integer(lowest: int, highest: int) -> Checker:
    """An integer from `lowest` to `highest`."""

    def check(value: Any, path: str, report: ReportViolation) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            report("type", f"{path} must be an integer")
        elif not lowest <= value <= highest:
            report("length", f"{path} must be within {lowest}..{highest}")

    return check


def array(item: Checker, longest: int | None = None, *, rule: str = "length") -> Checker:
    """A list of at most `longest` items."""

    def check(value: Any, path: str, report: ReportViolation) -> None:
        if not isinstance(value, list):
            report("type", f"{path} must be a list")
            return
        if longest is not None and len(value) > longest:
            report(rule, f"{path} has {len(value)} items; allowed are {longest}")
        for index, element in enumerate(value):
            item(element, f"{path}[{index}]", report)

    return check


def structure(members: Mapping[str, Checker], *required: str) -> Checker:
    """An object with these members and no others; those in `required` must be present."""

    def check(value: Any, path: str, report: ReportViolation) -> None:
        if not isinstance(value, dict):
            report("type", f"{path or 'the body'} must be an object")
            return
        for name in required:
            if name not in value:
                report("missing-member", f"{_join(path, name)} is required")
        for name, element in value.items():
            if name in members:
                members[name](element, _join(path, name), report)
            else:
                report("unknown-member", f"{_join(path, name)} is not a known member")

    return check


def union(members: Mapping[str, Checker]) -> Checker:
    """An object with exactly one of these members."""
    closed = structure(members)

    def check(value: Any, path: str, report: ReportViolation) -> None:
        closed(value, path, report)
        if isinstance(value, dict) and len(value.keys() & members.keys()) != 1:
            report("union", f"{path} must have exactly one of {', '.join(members)}")

    return check


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def document(value: Any, path: str, report: ReportViolation) -> None:
    """Any JSON value."""


def mapping(*, rule: str = "type") -> Checker:
    """Any JSON object."""

    def check(value: Any, path: str, report: ReportViolation) -> None:
        if not isinstance(value, dict):
            report(rule, f"{path} must be an object")

    return check


def boolean(value: Any, path: str, report: ReportViolation) -> None:
    """True or false."""
    if not isinstance(value, bool):
        report("type", f"{path} must be a boolean")


def blob(longest: int, *, rule: str) -> Checker:
    """Base64 of 1 to `longest` bytes."""

    def check(value: Any, path: str, report: ReportViolation) -> None:
        try:
            size = len(base64.b64decode(value, validate=True))
        except (TypeError, ValueError):
            report(rule, f"{path} must be base64")
            return
        if not 1 <= size <= longest:
            report(rule, f"{path} holds {size} bytes; allowed are 1..{longest}")

    return check
