"""Names of binary documents: legal, and unique in the conversation.

Source: the service's own message, "Names must be 1-200 characters containing only alphanumeric
characters, whitespace, hyphens, underscores, parentheses, or square brackets, with no consecutive
whitespace" (seen by public gateways), and its reason DOCUMENT_DUPLICATE_NAME (Amazon Q Developer
CLI source). The name goes without its ending, as Kiro sends it. Other services with this rule
refuse letters beyond ASCII, so a name that loses letters is told to the model beside the document.
"""

import re
import unicodedata

from msgspec.structs import replace

from app.core.conversation import Conversation, Document, Message, Part, Text, ToolResult

from .attachments import is_document
from .edit import map_messages, with_content, with_parts

LONGEST = 200
UNNAMED = "document"

_ENDING = re.compile(r"\.(pdf|docx?|xlsx?)$", re.IGNORECASE)
_ILLEGAL = re.compile(r"[^A-Za-z0-9 _()\[\]-]+")
_LONGEST_QUOTE = 300


def legal_names(conversation: Conversation) -> Conversation:
    """Give every binary document a legal name that no other one has. The first keeps its name, so
    a later turn renames no earlier document.
    """
    return map_messages(conversation, _Namer().message)


def legal_name(title: str) -> str:
    """The name for a title, legal but not yet unique."""
    stem = unicodedata.normalize("NFKD", _ENDING.sub("", title.strip()))
    stem = "".join(letter for letter in stem if not unicodedata.combining(letter))
    return _shortened(" ".join(_ILLEGAL.sub("-", " ".join(stem.split())).strip(" -").split()))


def _shortened(name: str, suffix: str = "") -> str:
    return f"{name[: LONGEST - len(suffix)].rstrip(' -')}{suffix}"


class _Namer:
    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._numbers: dict[str, int] = {}  # the last suffix of each name

    def message(self, message: Message) -> Message:
        return with_parts(message, self._named(message.parts))

    def _named(self, parts: tuple[Part, ...]) -> tuple[Part, ...]:
        named: list[Part] = []
        for part in parts:
            if isinstance(part, ToolResult):
                content = self._named(part.content)
                named.append(with_content(part, content))  # type: ignore[arg-type]
            elif isinstance(part, Document) and is_document(part):
                named += self._document(part)
            else:
                named.append(part)
        unchanged = len(named) == len(parts) and all(map(lambda a, b: a is b, named, parts))
        return parts if unchanged else tuple(named)

    def _document(self, document: Document) -> list[Part]:
        title = document.title or ""
        name = legal_name(title)
        unique = self._unique(name or UNNAMED)
        renamed = document if unique == title else replace(document, title=unique)
        if name == _ENDING.sub("", title):
            return [renamed]
        quoted = " ".join(title.split())[:_LONGEST_QUOTE]
        return [Text(f'[document "{unique}" is the file "{quoted}"]'), renamed]

    def _unique(self, name: str) -> str:
        unique, key = name, name.casefold()
        while unique.casefold() in self._taken:
            number = self._numbers[key] = self._numbers.get(key, 1) + 1
            unique = _shortened(name, f" ({number})")
        self._taken.add(unique.casefold())
        return unique
