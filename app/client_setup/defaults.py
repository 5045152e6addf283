"""Which models the common clients ask for by themselves, and which models answer them here."""

from collections.abc import Iterator
from typing import NamedTuple

from app.models import names
from app.models.catalogue import Catalogue
from app.settings import Settings


class Default(NamedTuple):
    """``who`` asks for ``name`` unless its user chooses another model."""

    who: str
    name: str


DEFAULTS = (
    Default("Claude Code", "claude-opus-5-5"),
    Default("Claude Code, sonnet", "claude-sonnet-5-5"),
    Default("Claude Code, haiku", "claude-haiku-5-5"),
    Default("Claude Code, fable", "claude-fable-5-2"),
    Default("Codex", "gpt-6.2-sol"),
)
"""As the released clients send them: Claude Code 2.1.332 (its menu), Codex 0.171 (`codex debug
models`, the entry of the first priority)."""


class Answer(NamedTuple):
    """What answers a default: ``model`` is its id for clients, "" if the name is refused.
    ``is_same``: it is the model that was named.
    """

    default: Default
    model: str
    is_same: bool


def answers(settings: Settings, catalogue: Catalogue) -> Iterator[Answer]:
    """What each default is answered by, with the models of ``catalogue``."""
    for default in DEFAULTS:
        found = names.resolve(
            default.name,
            settings.kiro_default_model or "",
            settings.kiro_models,
            catalogue,
            settings.kiro_unknown_model,
        )
        yield Answer(default, "" if found.refused else found.model.id, found.matched)


def lines(settings: Settings, catalogue: Catalogue) -> Iterator[str]:
    """A line for each default: ``Claude Code  claude-opus-5-5 -> claude-opus-5``."""
    found = list(answers(settings, catalogue))
    who = max(len(answer.default.who) for answer in found)
    name = max(len(answer.default.name) for answer in found)
    for default, model, is_same in found:
        said = model or "refused (KIRO_UNKNOWN_MODEL=refuse)"
        said += "" if is_same or not model else " (the nearest that there is)"
        yield f"{default.who:{who}}  {default.name:{name}}  -> {said}"
