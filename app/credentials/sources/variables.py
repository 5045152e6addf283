"""Logins in environment variables."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.credentials.entries import BadEntry

from .documents import collect
from .source import ReadResult


@dataclass(frozen=True, slots=True)
class Variable:
    """The value of an environment variable, or the ``_FILE`` that holds it and may change."""

    name: str
    value: str | None
    file: Path | None = None

    def __bool__(self) -> bool:
        return bool(self.value or self.file)

    def read(self) -> str:
        """The text. Raises BadEntry for a file that is empty or cannot be read."""
        if self.file is None:
            return self.value or ""
        try:
            text = self.file.read_text(encoding="utf-8-sig").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "not UTF-8 text"
            raise BadEntry(f"{self.name}_FILE ({self.file}) cannot be read: {why}") from None
        if not text:
            raise BadEntry(f"{self.name}_FILE ({self.file}) is empty")
        return text


class TextSource:
    """Logins in the text of one variable; ``parse`` takes the text and the name of the variable."""

    is_explicit = True

    def __init__(self, variable: Variable, parse: Callable[[str, str], ReadResult]) -> None:
        self.name = variable.name
        self._variable = variable
        self._parse = parse

    def read(self) -> ReadResult:
        try:
            return self._parse(self._variable.read(), self.name)
        except BadEntry as problem:
            return ReadResult(problems=[str(problem)])

    def watched(self) -> Sequence[Path]:
        return [self._variable.file] if self._variable.file else []


class IdcSource:
    """The one login that the three ``IDC_`` variables describe."""

    name = "IDC_REFRESH_TOKEN"
    is_explicit = True

    def __init__(
        self, client_id: Variable, client_secret: Variable, refresh_token: Variable
    ) -> None:
        self._members = {
            "clientId": client_id,
            "clientSecret": client_secret,
            "refreshToken": refresh_token,
        }

    def read(self) -> ReadResult:
        missing = [variable.name for variable in self._members.values() if not variable]
        if missing:
            return ReadResult(
                problems=[f"{' and '.join(missing)} must be set too for an IdC login"]
            )
        try:
            entry = {member: variable.read() for member, variable in self._members.items()}
        except BadEntry as problem:
            return ReadResult(problems=[str(problem)])
        return collect([entry | {"authMethod": "IdC"}], self.name, None)

    def watched(self) -> Sequence[Path]:
        return [variable.file for variable in self._members.values() if variable.file]
