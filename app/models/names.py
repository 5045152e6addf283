"""Finds the model for a client's name.

The name is looked for in this order: the user's aliases, the models in any spelling
(:mod:`.spelling`), the nearest model of the same family, the default model. The caller reports to
the client which of the last two answered.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from app.core.conversation import Conversation, Effort

from .catalogue import STATIC, Catalogue
from .model import Model
from .spelling import LONGEST_NAME, Spelling, spelling

UnknownModel: TypeAlias = Literal["nearest", "pass", "refuse"]
"""What happens to a name that no model has: the nearest model answers, the service is sent the name
as it is, or the request is refused."""

_UPSTREAM_ID = re.compile(r"[a-zA-Z0-9_:.-]{1,1024}")
_CACHE_SIZE = 256


By: TypeAlias = Literal["name", "alias", "default", "nearest", "unlisted", "fallback"]
"""How a model was found: it has the name; the user's alias, or default, is the name; it is the
nearest of the same family; the name is sent as it is, since no list has it; nothing is near the
name, so the default answers."""


class Resolution(Struct, frozen=True):
    """The model for a client's name. ``matched`` is false if no model has the name, and ``model``
    is the nearest one or the default.

    ``effort`` and ``thinking`` are what the suffixes of the name asked for. ``refused`` holds the
    ids of the nearest models if the request is to be refused. ``by`` says how it was found.
    """

    name: str
    model: Model
    matched: bool = True
    effort: Effort | None = None
    thinking: bool | None = None
    refused: tuple[str, ...] = ()
    by: By = "name"

    def apply(self, conversation: Conversation) -> Conversation:
        """Add what the name's suffixes ask for, unless the conversation sets it itself, and a note
        ``model:<name>`` if another model is used instead of the named one.
        """
        if self.matched and self.effort is None and self.thinking is None:
            return conversation
        given = conversation.reasoning
        reasoning = replace(
            given,
            enabled=self.thinking if given.enabled is None else given.enabled,
            effort=given.effort or self.effort,
        )
        notes = conversation.notes if self.matched else (*conversation.notes, f"model:{self.name}")
        if reasoning == given and notes is conversation.notes:
            return conversation
        return replace(conversation, reasoning=reasoning, notes=notes)


def resolve(
    name: str,
    default: str,
    aliases: Mapping[str, str],
    catalogue: Catalogue = STATIC,
    unknown: UnknownModel = "nearest",
) -> Resolution:
    """The model for a client's ``name``. ``default`` is "" for the catalogue's own.

    Raises ValueError for an alias or a default that :func:`check` rejects.
    """
    wanted = name.strip().lower()
    for alias, target in aliases.items():
        if alias.lower() == wanted:
            return _chosen("alias", _target(name, target, catalogue, unknown))
    if found := catalogue.find(name):
        return _resolution(name, name, found)
    if wanted and wanted == default.lower():
        return _chosen("default", _target(name, default, catalogue, unknown))
    if instead := _instead(name, name, catalogue, unknown):
        return instead
    refused = catalogue.suggestions(name) if unknown == "refuse" else ()
    answers = (
        _target(name, default, catalogue) if default else Resolution(name, catalogue.preferred)
    )
    return replace(answers, matched=False, refused=refused, by="fallback")


def _chosen(by: By, found: Resolution) -> Resolution:
    return replace(found, by=by) if found.matched else found


def check(target: str) -> None:
    """Raises ValueError if ``target`` cannot be the target of an alias, or the default: it must be
    a model of the table in any spelling, or the service's id of a model that the table lacks.
    """
    _target(target, target, STATIC)


def _target(
    name: str, target: str, catalogue: Catalogue, unknown: UnknownModel = "nearest"
) -> Resolution:
    """The model that the user chose for a name. An id that nothing is known of is sent as it is."""
    if found := catalogue.find(target):
        return _resolution(name, target, found)
    if known := STATIC.find(target):  # it exists, but the accounts do not have it
        return _instead(name, target, catalogue, unknown) or _resolution(name, target, known)
    if not _UPSTREAM_ID.fullmatch(target):
        raise ValueError(f"{target!r} is not a model id: letters, digits and _ : . - only")
    return Resolution(name, _bare(target), by="unlisted")


def _instead(
    name: str, missing: str, catalogue: Catalogue, unknown: UnknownModel
) -> Resolution | None:
    """What is done for ``name`` while the catalogue lacks the model ``missing``, None if that is
    not of a known family.
    """
    if unknown == "pass":
        if known := STATIC.find(missing):
            return _resolution(name, missing, known)
        if _UPSTREAM_ID.fullmatch(missing):
            return Resolution(name, _bare(missing), by="unlisted")
    nearest = catalogue.nearest(missing)
    if not nearest:
        return None
    refused = catalogue.suggestions(missing) if unknown == "refuse" else ()
    return replace(_resolution(name, missing, nearest[0], matched=False), refused=refused)


def _resolution(name: str, spelled: str, model: Model, *, matched: bool = True) -> Resolution:
    """With what the suffixes of ``spelled`` ask for, unless they are a part of the model's id."""
    is_id = spelled.strip().lower() in (model.id.lower(), model.current_id.lower())
    asked = Spelling("") if is_id or len(spelled) > LONGEST_NAME else spelling(spelled)
    by: By = "name" if matched else "nearest"
    return Resolution(name, model, matched, asked.effort, asked.thinking, by=by)


def _bare(upstream_id: str) -> Model:
    return Model(upstream_id, upstream_id, upstream_id)


class Names:
    """The names of one catalogue: :func:`resolve` with what it found kept, since every request
    names one of a few models.
    """

    def __init__(
        self,
        catalogue: Catalogue = STATIC,
        *,
        default: str = "",
        aliases: Mapping[str, str],
        unknown: UnknownModel = "nearest",
    ) -> None:
        """Raises ValueError for an alias or a default that :func:`check` rejects."""
        self.catalogue = catalogue
        self.default = default
        self.aliases = aliases
        self.unknown: UnknownModel = unknown
        self._found: dict[str, Resolution] = {}
        for target in filter(None, (default, *aliases.values())):
            check(target)

    def resolve(self, name: str) -> Resolution:
        """The model for a client's name."""
        found = self._found.get(name)
        if found is None:
            found = resolve(name, self.default, self.aliases, self.catalogue, self.unknown)
            if len(name) <= LONGEST_NAME:
                if len(self._found) >= _CACHE_SIZE:
                    self._found.clear()
                self._found[name] = found
        return found

    def default_name(self) -> str:
        """The name of the model for a request that names none."""
        return self.default or self.catalogue.preferred.id

    def listing(self) -> Iterator[Model]:
        """Every model that a client may name: the user's aliases, the default if the catalogue
        lacks it, then the catalogue.
        """
        for alias in self.aliases:
            yield replace(self.resolve(alias).model, id=alias, name=alias)
        taken = {alias.lower() for alias in self.aliases}
        lacks_default = self.default and not self.catalogue.find(self.default)
        extra = (self.resolve(self.default).model,) if lacks_default else ()
        ids = dict.fromkeys((*extra, *self.catalogue.models))
        yield from (model for model in ids if model.id.lower() not in taken)
