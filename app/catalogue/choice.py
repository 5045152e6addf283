"""Chooses the model for a request. A choice that the client may not expect is logged once."""

import logging
from collections.abc import Callable, Mapping

from app.common.errors import GatewayError, Kind
from app.models.catalogue import STATIC
from app.models.model import Model
from app.models.names import Names, Resolution, UnknownModel

from .merged import Merged

log = logging.getLogger("kiro2api.models")

_SHOWN = 200  # characters of a name
_WARNED = 1000  # names that are remembered; clients choose them, and how many there are


class ModelChoice:
    """The models that there are now. One per worker, shared by its greenlets.

    ``names`` and ``merged`` are replaced as a whole by :meth:`use`, never changed. ``on_doubt`` is
    called with an account that the service refused a model although its list does not lack it.
    """

    def __init__(
        self, *, default: str, aliases: Mapping[str, str], unknown: UnknownModel = "nearest"
    ) -> None:
        """Knows the table alone. ``default`` is "" for the catalogue's own. Raises ValueError for
        an alias or a default that cannot be a model.
        """
        self.merged = Merged({})
        self.names = Names(self.merged.catalogue, default=default, aliases=aliases, unknown=unknown)
        self.on_doubt: Callable[[str], object] = lambda account: None
        self._warned: set[str] = set()

    def use(self, merged: Merged) -> None:
        """Resolve names in this catalogue from now on."""
        self.merged = merged
        now = self.names
        if merged.catalogue != now.catalogue:
            self.names = Names(
                merged.catalogue, default=now.default, aliases=now.aliases, unknown=now.unknown
            )

    def is_known(self, model_id: str) -> bool:
        """Whether the catalogue or the table has a model with this id."""
        return any(one.id == model_id for one in (*self.names.catalogue.models, *STATIC.models))

    def lacking(self, model: Model) -> frozenset[str]:
        """The accounts that are known not to have the model."""
        return self.merged.lacking(model)

    def window(self, account: str, upstream_id: str | None) -> int | None:
        """The context window, in tokens, that a model has for an account."""
        return self.merged.window(account, upstream_id)

    def doubt(self, account: str, model: Model) -> bool:
        """The service has refused the account this model, as one that it does not know. Whether
        that is a surprise: the account's list has the model, or was not read.
        """
        is_surprise = self.merged.may_have(account, model)
        if is_surprise:
            self.on_doubt(account)
        return is_surprise

    def resolve(self, name: str) -> Resolution:
        """The model for a client's name, for those who only compare it."""
        return self.names.resolve(name)

    def other(self, name: str, model: Model, account: str) -> Model | None:
        """The model of this name, if it is another than ``model`` and the account may have it."""
        found = self.names.resolve(name)
        lacks_it = account in self.lacking(found.model)
        return found.model if found.matched and found.model != model and not lacks_it else None

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
