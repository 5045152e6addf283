"""The catalogue of models: what ListAvailableModels answers, and which models chat serves.

The list depends on the account and on the origin of the request, as the service's does.
"""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from app.simulator.catalogue.models import CURRENT, ModelList, model_list
from app.simulator.wire.bindings import Binding

CONSOLE = "KIRO_CONSOLE"
ORIGINS = frozenset({"AI_EDITOR", "KIRO_CLI", "KIRO_WEB", CONSOLE, "IDE", "CLI"})
"""The origins that the models are listed for. The console's list is the administrator's."""


class InvalidListRequest(ValueError):
    """A member of a ListAvailableModels request is missing or has a value that is not allowed."""


@dataclass(slots=True)
class Catalogue:
    """The state of the catalogue. `configure` changes it.

    `offer` is offered to every account that `accounts` does not name. `accounts` has lists by
    account: an access token, an API key, the first refresh token of a login, or a profile ARN.
    `origins` has lists by origin, which come first. `refused` are ids that are listed, but that
    chat on a binding answers with INVALID_MODEL_ID. `default` is the id in defaultModel, "" for
    none; it need not be listed. A page has `page_size` rows, or as many as the request asks for.
    With `repeat_token` every page has the same nextToken, without end. With `empty` no row is
    listed, and chat serves the models all the same.
    """

    offer: ModelList = CURRENT
    accounts: dict[str, ModelList] = field(default_factory=dict)
    origins: dict[str, ModelList] = field(default_factory=dict)
    refused: dict[str, list[str]] = field(default_factory=dict)
    default: str = "auto"
    page_size: int | None = None
    repeat_token: bool = False
    empty: bool = False

    def configure(self, form: Any) -> None:
        """Set the members of an object to its values.

        In JSON a list of models is a name ("2026-11", "2026-07", "free", "enterprise") or a list of
        ids and rows, and `refused` is a list of ids, or an object of them by binding. Raises
        ValueError, and then sets nothing.
        """
        names = {member.name for member in dataclasses.fields(self)}
        if not isinstance(form, dict) or form.keys() - names:
            raise ValueError(f"expected an object of {', '.join(sorted(names))}")
        for name, value in {name: _READ[name](value) for name, value in form.items()}.items():
            setattr(self, name, value)

    def offered(self, keys: tuple[str, ...], origin: Any) -> ModelList:
        """Return the list for an account, which is known by any of `keys`, and an origin."""
        if isinstance(origin, str) and origin in self.origins:
            return self.origins[origin]
        return next((self.accounts[key] for key in keys if key in self.accounts), self.offer)

    def served(self, keys: tuple[str, ...], origin: Any, binding: Binding) -> ModelList:
        """Return the models that chat serves to an account on a binding."""
        offered, refused = self.offered(keys, origin), self.refused.get(binding)
        if not refused:
            return offered
        kept = {name: model for name, model in offered.models.items() if name not in refused}
        return ModelList(kept)

    def page(self, keys: tuple[str, ...], query: dict[str, Any]) -> dict[str, Any]:
        """Return one answer to ListAvailableModels. Raises InvalidListRequest."""
        origin = query.get("origin")
        if origin not in ORIGINS:
            raise InvalidListRequest("origin is required and is one of the modelled ones")
        rows = [model.row for model in self.offered(keys, origin).models.values()]
        rows = [] if self.empty else rows
        try:
            start = int(query.get("nextToken") or 0)
            size = int(query.get("maxResults") or self.page_size or max(len(rows), 1))
        except (TypeError, ValueError):
            raise InvalidListRequest("nextToken and maxResults are numbers") from None
        page: dict[str, Any] = {"models": rows[start : start + size]}
        if self.default and start == 0:
            page = {"defaultModel": {"modelId": self.default}, **page}
        if self.repeat_token:
            page["nextToken"] = str(start or size)
        elif start + size < len(rows):
            page["nextToken"] = str(start + size)
        return page


def _lists(value: Any) -> dict[str, ModelList]:
    if not isinstance(value, dict):
        raise ValueError("expected an object with a list of models for each key")
    return {key: model_list(each) for key, each in value.items()}


def _refused(value: Any) -> dict[str, list[str]]:
    if isinstance(value, list):
        return {"rest": value, "json-rpc": value}
    if not isinstance(value, dict) or not value.keys() <= {"rest", "json-rpc"}:
        raise ValueError("refused is a list of ids, or an object of them by binding")
    return value


def _typed(kind: Any) -> Any:
    def read(value: Any) -> Any:
        if not isinstance(value, kind):
            raise ValueError("a member has a value of another type")
        return value

    return read


_READ: dict[str, Any] = {
    "offer": model_list,
    "accounts": _lists,
    "origins": _lists,
    "refused": _refused,
    "default": _typed(str),
    "page_size": _typed(int | None),
    "repeat_token": _typed(bool),
    "empty": _typed(bool),
}
