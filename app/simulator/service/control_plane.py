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


@dataclass(frozen=True, slots=True)
class Call:
    """A call of an operation. `form` has the members of query and body, `keys` name the account
    (see `Catalogue.accounts`), and `spent` are the credits used so far."""

    operation: str
    binding: Binding
    bearer: str
    form: dict[str, Any]
    keys: tuple[str, ...]
    spent: float


class Refused(Exception):
    """The service refuses the call with `fault`."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def answer(call: Call, catalogue: Catalogue) -> dict[str, Any]:
    """Return the body of the answer. Raises Refused."""
    answers: dict[str, Callable[[], dict[str, Any]]] = {
        "ListAvailableModels": lambda: _models(call, catalogue),
        "GetUsageLimits": lambda: operations.get_usage_limits(call.spent),
        "ListAvailableProfiles": lambda: _profiles(call),
        "GetProfile": lambda: {"profile": operations.profile()},
        "InvokeMCP": lambda: operations.invoke_mcp(call.form),
    }
    return answers[call.operation]()


def _models(call: Call, catalogue: Catalogue) -> dict[str, Any]:
    arn = call.form.get("profileArn")
    if arn is not None or on_control_plane(call.operation, call.binding):
        _check_arn(arn)
    try:
        return catalogue.page(call.keys, call.form)
    except InvalidListRequest:
        raise Refused(NAMED["improperly_formed"]) from None


def _check_arn(arn: Any) -> None:
    if not isinstance(arn, str) or not re.fullmatch(PROFILE_ARN, arn, re.ASCII):
        raise Refused(NAMED["profile_arn_invalid"])


def _profiles(call: Call) -> dict[str, Any]:
    if call.bearer.startswith("ksk_"):
        raise Refused(replace(NAMED["bearer_invalid"], message="Unsupported token type"))
    return operations.list_available_profiles()
