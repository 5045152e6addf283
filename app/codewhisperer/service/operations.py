"""What the upstream tells of an account: its profile and its quota.

Operations of the control plane, called rarely and never for a request that waits for an answer of
the model. Shapes: the service models of the AWS language servers and the Amazon Q CLI; every member
may be missing, and unknown ones are skipped.
"""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from app.aws.quota import Quota
from app.codewhisperer.client import Client
from app.errors import GatewayError, Kind

from .error_table import OLDER_HOST
from .hosts import REGIONS, Host, HostChoice, Operation, authorization

T = TypeVar("T")

_WRONG_REGION = (Kind.REFUSED_TOKEN, Kind.FORBIDDEN)


class _Profile(Struct):
    arn: str | None = None


class _Profiles(Struct):
    profiles: list[_Profile] = []


class _ProfileAnswer(Struct):
    profile: _Profile | None = None


class _Extra(Struct, rename="camel"):
    """A free trial, or a bonus: another quota that is used up first."""

    status: str = ""
    free_trial_status: str = ""
    current_usage: float = 0
    current_usage_with_precision: float | None = None
    usage_limit: float = 0
    usage_limit_with_precision: float | None = None


class _Breakdown(_Extra):
    resource_type: str = ""
    next_date_reset: float | None = None
    overage_cap: float = 0
    current_overages: float = 0
    free_trial_info: _Extra | None = None
    bonuses: list[_Extra] = []


class _Overage(Struct, rename="camel"):
    overage_status: str = ""


class _Usage(Struct, rename="camel"):
    usage_breakdown_list: list[_Breakdown] = []
    next_date_reset: float | None = None
    overage_configuration: _Overage | None = None


class ControlPlane:
    """One per worker; every method raises GatewayError."""

    def __init__(self, client: Client, hosts: HostChoice) -> None:
        self._client = client
        self._hosts = hosts

    def find_profile(self, access_token: str, kind: str) -> str | None:
        """The ARN of the account's first profile, None if it has none (as Builder ID).

        A profile lives in one region, and another one answers as if the token were wrong.
        """
        who = authorization(access_token, kind)
        if kind == "api_key":  # ListAvailableProfiles refuses these
            answer = self._call(self._hosts.first(None), "GetProfile", {}, who, _ProfileAnswer)
            return answer.profile.arn if answer.profile else None
        refusal: GatewayError | None = None
        for host in dict.fromkeys(self._hosts.first(region) for region in REGIONS):
            try:
                found = self._call(host, "ListAvailableProfiles", {}, who, _Profiles)
            except GatewayError as error:
                if error.kind not in _WRONG_REGION:
                    raise
                refusal = error
                continue
            for profile in found.profiles:
                return profile.arn
            refusal = None
        if refusal:
            raise refusal
        return None

    def quota(
        self, access_token: str, kind: str, profile_arn: str | None, region: str | None
    ) -> Quota | None:
        """What is used of the account's credits, None if the service counts none. ``region`` is the
        account's own, None if not known.
        """
        host = self._hosts.first(region)
        parameters: dict[str, Any] = {"origin": host.origin}
        if host.binding == "json-rpc":  # refuses the profile of an enterprise login
            parameters |= {"isEmailRequired": False}
        else:
            parameters |= {"resourceType": "AGENTIC_REQUEST"}
            parameters |= {"profileArn": profile_arn} if profile_arn else {}
        who = authorization(access_token, kind)
        return _quota(self._call(host, "GetUsageLimits", parameters, who, _Usage))

    def _call(
        self,
        host: Host,
        operation: Operation,
        parameters: Mapping[str, Any],
        who: Mapping[str, str],
        answer: type[T],
    ) -> T:
        tried: Host | None = host
        while tried:
            call = tried.control_request(operation, parameters)
            try:
                content = self._client.call(
                    call.method, call.url, {**call.headers, **who}, call.body or None
                )
                return msgspec.json.decode(content, type=answer, strict=False)
            except GatewayError as error:
                host, failure = tried, error
                tried = self._hosts.older(host) if error.code in OLDER_HOST else None
            except msgspec.MsgspecError:
                raise GatewayError(
                    Kind.CORRUPT, f"The answer of {operation} is not understood."
                ) from None
        raise failure


def _quota(usage: _Usage) -> Quota | None:
    """The credits of the plan, with what is used up before them and what may be overdrawn."""
    breakdown = next(_credits(usage), None)
    if breakdown is None:
        return None
    extras = [breakdown.free_trial_info, *breakdown.bonuses]
    counted = [breakdown, *(extra for extra in extras if extra and _is_active(extra))]
    used = sum(_precise(one.current_usage_with_precision, one.current_usage) for one in counted)
    limit = sum(_precise(one.usage_limit_with_precision, one.usage_limit) for one in counted)
    overage = usage.overage_configuration
    if overage and overage.overage_status == "ENABLED":
        used += breakdown.current_overages
        limit += breakdown.overage_cap
    resets_at = breakdown.next_date_reset or usage.next_date_reset or 0.0
    return Quota(used=used, limit=limit, resets_at=resets_at)


def _credits(usage: _Usage) -> Iterator[_Breakdown]:
    for breakdown in usage.usage_breakdown_list:
        if breakdown.resource_type == "CREDIT":
            yield breakdown
    yield from usage.usage_breakdown_list


def _is_active(extra: _Extra) -> bool:
    return "ACTIVE" in (extra.status, extra.free_trial_status)


def _precise(precise: float | None, rounded: float) -> float:
    return rounded if precise is None else precise
