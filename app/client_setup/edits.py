"""Changes of configuration files that keep everything else in them. Pure: text in, text out.

Each function raises CannotEdit, and then the user adds the lines by hand. An empty text is a file
that does not exist.
"""

import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any


class CannotEdit(Exception):
    """Why a file is left as it is, in words."""


def json_members(text: str, members: Mapping[str, Any]) -> str:
    """Set these members; objects are merged, everything else is replaced."""
    try:
        before = json.loads(text) if text.strip() else {}
    except ValueError:
        raise CannotEdit("it is not plain JSON (comments would be lost)") from None
    if not isinstance(before, dict):
        raise CannotEdit("it is not a JSON object")
    return json.dumps(merged(before, members), indent=2, ensure_ascii=False) + "\n"


def toml_members(
    text: str, members: Mapping[str, Any], table: str, table_members: Mapping[str, Any]
) -> str:
    """Set these members of the top level, and replace the table ``table`` (``a.b``). Comments and
    order of the rest stay.
    """
    before = _toml(text)
    wanted: dict[str, Any] = dict(table_members)
    for part in reversed(table.split(".")):
        wanted = {part: wanted}
    lines = _without_table(text.splitlines(), table)
    first = next((at for at, line in enumerate(lines) if line.lstrip().startswith("[")), len(lines))
    head = [line for line in lines[:first] if _toml_key(line) not in members]
    body = [f"[{table}]", *(_toml_line(*item) for item in table_members.items())]
    new = [*(_toml_line(*item) for item in members.items()), *head, *lines[first:]]
    new += ["", *body] if new and new[-1].strip() else body
    result = "\n".join(new) + "\n"
    if _toml(result) != merged(_without(before, table.split(".")), {**wanted, **members}):
        raise CannotEdit("it sets the same in a form that this program does not change")
    return result


def yaml_scalars(text: str, members: Mapping[str, str]) -> str:
    """Set these top-level members, each on a line of its own. Comments and the rest stay."""
    lines = text.splitlines()
    for name, value in members.items():
        line = f"{name}: {json.dumps(value)}"
        found = [at for at, one in enumerate(lines) if re.match(rf"{re.escape(name)}\s*:", one)]
        if len(found) > 1 or any(_has_more(lines, at) for at in found):
            raise CannotEdit(f"{name} is set there in more than one line")
        if found:
            lines[found[0]] = line
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


_OURS = "# Written by kiro2api, which writes all of this file anew.\n"


def whole(text: str, content: str) -> str:
    """The content of a file that did not exist, or that this function made."""
    if text.strip() and not text.startswith(_OURS):
        raise CannotEdit("it has settings of yours, and this program does not change YAML lists")
    return _OURS + content


def merged(before: Mapping[str, Any], members: Mapping[str, Any]) -> dict[str, Any]:
    """``before`` with ``members`` set in it, deeply."""
    result = dict(before)
    for name, value in members.items():
        known = result.get(name)
        both = isinstance(known, Mapping) and isinstance(value, Mapping)
        result[name] = merged(known, value) if both and known is not None else value
    return result


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CannotEdit(f"it is not valid TOML: {error}") from None


def _toml_key(line: str) -> str:
    name, _, value = line.partition("=")
    return name.strip().strip('"') if value else ""


def _toml_line(name: str, value: str | int) -> str:
    return f"{name} = {json.dumps(value)}"


def _without_table(lines: list[str], table: str) -> list[str]:
    """The lines without those of a table, which ends at the next one."""
    kept, inside = [], False
    for line in lines:
        if header := re.match(r"\s*\[+\s*([^\]]+?)\s*\]+", line):
            inside = header[1] == table
        if not inside:
            kept.append(line)
    return kept


def _without(members: Mapping[str, Any], path: list[str]) -> dict[str, Any]:
    """The members without the one at ``path``."""
    first, *rest = path
    if first not in members:
        return dict(members)
    if rest and isinstance(members[first], Mapping):
        return {**members, first: _without(members[first], rest)}
    return {name: value for name, value in members.items() if name != first}


def _has_more(lines: list[str], at: int) -> bool:
    """Whether the value of a line goes on in the next one."""
    following = lines[at + 1] if at + 1 < len(lines) else ""
    return following[:1] in (" ", "-", "\t") and bool(following.strip())
