"""One text of the page."""

from typing import NamedTuple


class Text(NamedTuple):
    """The same in both languages; values are in braces."""

    en: str
    zh: str
