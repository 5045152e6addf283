"""Chooses the model for a request. A choice that the client may not expect is logged once."""

import logging
from collections.abc import Mapping

from app.errors import GatewayError, Kind
from app.models.catalogue import STATIC, Catalogue
from app.models.names import Names, Resolution, UnknownModel

log = logging.getLogger("kiro2api.models")

_SHOWN = 200  # characters of a name
_WARNED = 1000  # names that are remembered; clients choose them, and how many there are


class ModelChoice:
    """The names of the present catalogue. One per worker, shared by its greenlets.

    ``names`` is replaced as a whole by :meth:`use`, never changed.
    """

    def __init__(
        self,
        *,
        default: str,
        aliases: Mapping[str, str],
        unknown: UnknownModel,
        catalogue: Catalogue = STATIC,
    ) -> None:
        """``default`` is "" for the catalogue's own. Raises ValueError for an alias or a default
        that cannot be a model.
        """
        self.names = Names(catalogue, default=default, aliases=aliases, unknown=unknown)
        self._warned: set[str] = set()

    def use(self, catalogue: Catalogue) -> None:
        """Resolve names in this catalogue from now on."""
        if catalogue != self.names.catalogue:
            now = self.names
            self.names = Names(
                catalogue, default=now.default, aliases=now.aliases, unknown=now.unknown
            )

    def resolve(self, name: str) -> Resolution:
        """The model for a client's name, for those who only compare it."""
        return self.names.resolve(name)

    def choose(self, name: str) -> Resolution:
        """The model for a request. Raises GatewayError INVALID_MODEL for a name that no model has,
        if such names are refused.
        """
        found = self.names.resolve(name)
        if found.matched:
            return found
        if found.refused:
            raise GatewayError(
                Kind.INVALID_MODEL,
                f"model: there is no model {name[:_SHOWN]!r} here. The nearest are "
                f"{', '.join(found.refused)}; GET /v1/models lists all.",
                field="model",
                code="model_not_found",
            )
        self._warn(name[:_SHOWN], found.model.id)
        return found

    def _warn(self, name: str, instead: str) -> None:
        if name in self._warned:
            return
        if len(self._warned) >= _WARNED:
            self._warned.clear()
        self._warned.add(name)
        log.warning("no model is named %r; %s answers instead", name, instead)
