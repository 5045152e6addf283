"""The operations beside chat: models, quota, profiles and web search."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from app.simulator.catalogue.faults import NAMED, Fault
from app.simulator.checks.request_shape import PROFILE_ARN
from app.simulator.wire.bindings import Binding

from . import operations
from .catalogue import Catalogue, InvalidListRequest
from .routes import on_control_plane
from .tokens import Tokens


@dataclass(frozen=True, slots=True)
class Call:
    """A call of an operation. `form` has the members of query and body, `keys` name the account
    (see `Catalogue.accounts`), `spent` are the credits used so far, and `region` is the host's, if
    it is known."""

    operation: str
    binding: Binding
    bearer: str
    form: dict[str, Any]
    keys: tuple[str, ...]
    spent: float
    region: str | None


class Refused(Exception):
    """The service refuses the call with `fault`."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def answer(
    call: Call,
    catalogue: Catalogue,
    tokens: Tokens,
    quota: dict[str, Any],
    search: dict[str, Any],
) -> dict[str, Any]:
    """Return the body of the answer. Raises Refused.

    `quota` are members of the answer to GetUsageLimits, see `operations.get_usage_limits`, and
    `search` changes that of InvokeMCP, see `operations.invoke_mcp`.
    """
    answers: dict[str, Callable[[], dict[str, Any]]] = {
        "ListAvailableModels": lambda: _models(call, catalogue),
        "GetUsageLimits": lambda: _usage(call, quota),
        "ListAvailableProfiles": lambda: {"profiles": [_profile(call, tokens)]},
        "GetProfile": lambda: {"profile": _profile(call, tokens)},
        "InvokeMCP": lambda: _mcp(call, search),
    }
    return answers[call.operation]()


def _models(call: Call, catalogue: Catalogue) -> dict[str, Any]:
    _check_arn(call)
    try:
        return catalogue.page(call.keys, call.form)
    except InvalidListRequest:
        raise Refused(NAMED["improperly_formed"]) from None


def _usage(call: Call, quota: dict[str, Any]) -> dict[str, Any]:
    _check_arn(call)
    return operations.get_usage_limits(call.spent, quota)


def _check_arn(call: Call) -> None:
    """Refuse a profile ARN of another form, and on the control plane a call without one."""
    arn = call.form.get("profileArn")
    if arn is None and not on_control_plane(call.operation, call.binding):
        return
    if not isinstance(arn, str) or not re.fullmatch(PROFILE_ARN, arn, re.ASCII):
        raise Refused(NAMED["profile_arn_invalid"])


def _profile(call: Call, tokens: Tokens) -> dict[str, Any]:
    """Return the profile of the account, which is in one region; elsewhere the token is refused."""
    if call.operation == "ListAvailableProfiles" and call.bearer.startswith("ksk_"):
        raise Refused(replace(NAMED["bearer_invalid"], message="Unsupported token type"))
    home = next((tokens.regions[key] for key in call.keys if key in tokens.regions), None)
    if home and call.region and home != call.region:
        raise Refused(NAMED["bearer_invalid"])
    return operations.profile(home or call.region)


def _mcp(call: Call, search: dict[str, Any]) -> dict[str, Any]:
    if call.binding == "json-rpc" and "profileArn" not in call.form:
        raise Refused(NAMED["profile_arn_required"])
    return operations.invoke_mcp(call.form, search)
