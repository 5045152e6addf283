"""What is filled into the lines of every client."""

from dataclasses import dataclass, replace
from typing import Self

from app.models.model import Model

from .gateway import PLACEHOLDER, Key


@dataclass(frozen=True, slots=True)
class Setup:
    """``url`` is the base URL without ``/v1``. ``secret`` is the key itself, which goes into files
    only; ``key`` is how it is shown. ``models`` are those that the accounts have, ``model`` is the
    chosen one.
    """

    url: str
    key: Key
    secret: str
    model: Model
    models: tuple[Model, ...]

    def __repr__(self) -> str:
        return f"Setup({self.url!r}, {self.model.id!r})"

    def to_show(self) -> Self:
        """The same with a key that may be printed in a file's content."""
        return replace(self, secret=self.key.shell if self.key.is_public else PLACEHOLDER)
