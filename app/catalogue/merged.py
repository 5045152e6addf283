"""The lists of all accounts as one catalogue, and which account lacks which model. Pure."""

from collections.abc import Mapping

from app.models.catalogue import STATIC, Catalogue
from app.models.model import Model
from app.models.table import context_window


class Merged:
    """``lists`` are the catalogues by account, in the order in which the accounts are used; None
    for an account whose list could not be read, which may have any model of the table.

    ``catalogue`` has each model once, as the first account that has it is offered it.
    """

    def __init__(self, lists: Mapping[str, Catalogue | None]) -> None:
        self.lists = dict(lists)
        self.catalogue = _union(self.lists)

    def lacking(self, model: Model) -> frozenset[str]:
        """The accounts that are known not to have the model."""
        if len(self.lists) < 2:
            return frozenset()
        return frozenset(
            account
            for account, listed in self.lists.items()
            if listed is not None and listed.with_upstream_id(model.current_id) is None
        )

    def lists_model(self, account: str, model: Model) -> bool:
        """Whether the account's list was read and has the model."""
        listed = self.lists.get(account)
        return listed is not None and listed.with_upstream_id(model.current_id) is not None

    def may_have(self, account: str, model: Model) -> bool:
        """Whether the account's list has the model, or was not read."""
        return self.lists.get(account) is None or self.lists_model(account, model)

    def window(self, account: str, upstream_id: str | None) -> int | None:
        """The context window, in tokens, that this model has for the account; None if not known."""
        for known in (self.lists.get(account), self.catalogue):
            row = known.with_upstream_id(upstream_id or "") if known else None
            if row and row.context_window:
                return row.context_window
        return context_window(upstream_id)


def _union(lists: Mapping[str, Catalogue | None]) -> Catalogue:
    read = [listed for listed in lists.values() if listed is not None]
    if not read:
        return STATIC
    all_read = len(read) == len(lists)
    models: dict[str, Model] = {}
    for listed in (*read, *(() if all_read else (STATIC,))):
        for model in listed.models:
            models.setdefault(model.current_id, model)
    default = next((listed.default for listed in read if listed.default), "")
    return Catalogue(tuple(models.values()), default)
