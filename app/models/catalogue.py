"""The models that can be asked for, indexed by name, upstream id and family."""

from collections.abc import Iterable, Iterator
from functools import cached_property

from msgspec import Struct

from .model import Model
from .spelling import LADDERS, LONGEST_NAME, Version, own_key, place, spelling
from .table import MODELS

SUGGESTED = 3
"""How many models are named to a client that asked for one that is not there."""


class Catalogue(Struct, frozen=True, dict=True):
    """The models in the order of their source, the table or the service's list.

    ``default`` is the upstream id of the model that the service itself uses where none is chosen,
    "" if not known.
    """

    models: tuple[Model, ...]
    default: str = ""

    def find(self, name: str) -> Model | None:
        """The model that a name means in any spelling, None if no model has it.

        A family without a version means its newest model.
        """
        if len(name) > LONGEST_NAME:
            return None
        if found := self._by_id.get(name.strip().lower()):
            return found
        key = spelling(name).key
        if found := self._by_key.get(key):
            return found
        family, version = place(key)
        alone = key in (family, family.rpartition("-")[2])
        return self._newest(family) if alone and not version else None

    def with_upstream_id(self, upstream_id: str) -> Model | None:
        """The model with this id on any generation of hosts."""
        return self._by_upstream_id.get(upstream_id)

    def with_current_id(self, upstream_id: str) -> Model | None:
        """The model with this id on the newest hosts."""
        found = self._by_upstream_id.get(upstream_id)
        return found if found and found.current_id == upstream_id else None

    def nearest(self, name: str) -> list[Model]:
        """The models that could answer instead of ``name``, the best first; empty for a name of no
        known family.

        First those of its family: the versions at or below the one that it names, the highest
        first, then those above, the lowest first. Then the newest of each family beside it.
        """
        if len(name) > LONGEST_NAME:
            return []
        family, version = place(spelling(name).key)
        found = list(_by_distance(self._families.get(family, ()), version))
        beside = (self._newest(other) for other in _beside(family))
        return found + [model for model in beside if model]

    @property
    def preferred(self) -> Model:
        """The model where none is chosen: the service's default, else the newest Sonnet, else the
        first. Raises IndexError if there are no models.
        """
        own = self.with_upstream_id(self.default)
        return own or self._newest("claude-sonnet") or self.models[0]

    def suggestions(self, name: str) -> tuple[str, ...]:
        """The ids of the models nearest to a name, for a refusal."""
        others = (self.preferred, *self.models)
        ids = dict.fromkeys(model.id for model in (*self.nearest(name), *others))
        return tuple(ids)[:SUGGESTED]

    def _newest(self, family: str) -> Model | None:
        known = self._families.get(family)
        return known[0][1] if known else None

    @cached_property
    def _by_id(self) -> dict[str, Model]:
        ids = ((name.lower(), model) for model in self.models for name in _ids(model))
        return _first_of_each(ids)

    @cached_property
    def _by_upstream_id(self) -> dict[str, Model]:
        ids = ((upstream, model) for model in self.models for upstream in _upstream_ids(model))
        return _first_of_each(ids)

    @cached_property
    def _by_key(self) -> dict[str, Model]:
        keys = ((own_key(name), model) for model in self.models for name in _ids(model))
        return _first_of_each(keys)

    @cached_property
    def _families(self) -> dict[str, list[tuple[Version, Model]]]:
        """The versions of each family, the newest first."""
        families: dict[str, list[tuple[Version, Model]]] = {}
        for upstream_id, model in _first_of_each(
            (model.current_id, model) for model in self.models
        ).items():
            family, version = place(own_key(upstream_id))
            if version and model.lifecycle != "retired":
                families.setdefault(family, []).append((version, model))
        for known in families.values():
            known.sort(key=lambda one: one[0], reverse=True)
        return families


STATIC = Catalogue(MODELS)
"""The table, for accounts whose list could not be read."""


def _ids(model: Model) -> tuple[str, ...]:
    """The names that mean this model. An upstream id that two rows share means the first."""
    return (model.id, *_upstream_ids(model))


def _upstream_ids(model: Model) -> tuple[str, ...]:
    return tuple(filter(None, (model.current_id, model.legacy_id)))


def _first_of_each(pairs: Iterable[tuple[str, Model]]) -> dict[str, Model]:
    found: dict[str, Model] = {}
    for name, model in pairs:
        found.setdefault(name, model)
    return found


def _by_distance(known: Iterable[tuple[Version, Model]], version: Version) -> Iterator[Model]:
    newest_first = list(known)
    yield from (model for have, model in newest_first if not version or have <= version)
    if version:
        yield from (model for have, model in reversed(newest_first) if have > version)


def _beside(family: str) -> Iterator[str]:
    for ladder in LADDERS:
        if family in ladder:
            step = ladder.index(family)
            yield from ladder[step + 1 :]
            yield from reversed(ladder[:step])
