"""Operations of the control plane: an account's profile and quota.

They are called rarely, and never while a client waits for a model's answer. Source of the shapes:
the service models of the AWS language servers and the Amazon Q CLI. Every member may be missing,
and unknown members are skipped.
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


class _ProfileResponse(Struct):
    profile: _Profile | None = None


class _Extra(Struct, rename="camel"):
    """A free trial or a bonus: an extra quota that is used first."""

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
    """Calls control-plane operations. One per worker; every method raises GatewayError."""

    def __init__(self, client: Client, hosts: HostChoice) -> None:
        self._client = client
        self._hosts = hosts

    def find_profile(self, access_token: str, kind: str) -> str | None:
        """The ARN of the account's first profile; None if it has no profile (such as Builder ID).

        A profile exists in one region; the other regions respond as if the token were invalid.
        """
        auth = authorization(access_token, kind)
        if kind == "api_key":  # ListAvailableProfiles rejects these tokens
            response = self._call(self._hosts.first(None), "GetProfile", {}, auth, _ProfileResponse)
            return response.profile.arn if response.profile else None
        refusal: GatewayError | None = None
        for host in dict.fromkeys(self._hosts.first(region) for region in REGIONS):
            try:
                found = self._call(host, "ListAvailableProfiles", {}, auth, _Profiles)
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
        """The account's used and available credits; None if the service reports none. ``region`` is
        the account's region, None if not known.
        """
        host = self._hosts.first(region)
        parameters: dict[str, Any] = {"origin": host.origin}
        if host.binding == "json-rpc":  # this binding rejects the profile of an enterprise login
            parameters |= {"isEmailRequired": False}
        else:
            parameters |= {"resourceType": "AGENTIC_REQUEST"}
            parameters |= {"profileArn": profile_arn} if profile_arn else {}
        auth = authorization(access_token, kind)
        return _quota(self._call(host, "GetUsageLimits", parameters, auth, _Usage))

    def _call(
        self,
        host: Host,
        operation: Operation,
        parameters: Mapping[str, Any],
        auth: Mapping[str, str],
        response_type: type[T],
    ) -> T:
        tried: Host | None = host
        while tried:
            request = tried.control_request(operation, parameters)
            try:
                content = self._client.call(
                    request.method, request.url, {**request.headers, **auth}, request.body or None
                )
                return msgspec.json.decode(content, type=response_type, strict=False)
            except GatewayError as error:
                host, failure = tried, error
                tried = self._hosts.older(host) if error.code in OLDER_HOST else None
            except msgspec.MsgspecError:
                raise GatewayError(
                    Kind.CORRUPT,
                    f"The upstream's response to {operation} cannot be read. Try again; if this"
                    " happens again, please report it.",
                ) from None
        raise failure


def _quota(usage: _Usage) -> Quota | None:
    """The credits of the plan, plus active extras and, if enabled, the allowed overage."""
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
