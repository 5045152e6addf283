"""Operations of the control plane: an account's profile and quota.

They are called rarely, and never while a client waits for a model's answer. Source of the shapes:
the service models of the AWS language servers and the Amazon Q CLI. Every member may be missing,
and unknown members are skipped.
"""

import logging
from collections.abc import Iterable, Mapping
from time import time
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec import Struct

from app.aws.quota import Quota
from app.aws.regions import home_regions
from app.codewhisperer.client import Client
from app.common.errors import GatewayError, Kind
from app.models.catalogue import Catalogue

from .error_table import OLDER_HOST
from .hosts import Host, HostChoice, Operation, authorization
from .model_list import list_models
from .profiles import profile_for
from .usage import Usage, quota

log = logging.getLogger("kiro2api.upstream")

T = TypeVar("T")

_REFUSED = (Kind.REJECTED, Kind.REFUSED_TOKEN, Kind.FORBIDDEN)
"""HTTP 400, 401 and 403: another region, or another form of the request, may be served."""


class _Profile(Struct):
    arn: str | None = None


class _Profiles(Struct):
    profiles: list[_Profile] = []


class _ProfileResponse(Struct):
    profile: _Profile | None = None


class _QuotaWay(NamedTuple):
    """A form of the request for the quota."""

    host: Host
    profile_arn: str | None

    def __str__(self) -> str:
        return f"of {self.host.generation} {'with' if self.profile_arn else 'without'} a profile"

    def parameters(self) -> dict[str, Any]:
        """The parameters, some of which exist in one binding only."""
        found: dict[str, Any] = {"origin": self.host.origin}
        if self.host.binding == "json-rpc":
            found |= {"isEmailRequired": False}
        else:
            found |= {"resourceType": "AGENTIC_REQUEST"}
        return found | ({"profileArn": self.profile_arn} if self.profile_arn else {})


class ControlPlane:
    """Calls control-plane operations. One per worker; every method raises GatewayError."""

    def __init__(self, client: Client, hosts: HostChoice) -> None:
        self._client = client
        self._hosts = hosts
        self._worked: dict[tuple[str, ...], _QuotaWay] = {}  # where the first way did not

    def find_profile(self, access_token: str, kind: str, region: str | None) -> str | None:
        """The ARN of the account's first profile; None if it has no profile (such as Builder ID).
        ``region`` is that of the login, None if not known.

        A profile exists in one region; the other regions respond as if the token were invalid. An
        API key that every region refuses is over.
        """
        auth = authorization(access_token, kind)
        look_up = self._profile_of_key if kind == "api_key" else self._listed_profile
        refusals: list[GatewayError] = []
        hosts = list(dict.fromkeys(map(self._hosts.first, home_regions(region))))
        for host in hosts:
            try:
                if arn := look_up(host, auth):
                    return arn
            except GatewayError as error:
                if error.kind not in _REFUSED:
                    raise
                refusals.append(error)
        if len(refusals) < len(hosts):
            return None
        if kind == "api_key" and not any(map(_is_of_the_network, refusals)):
            raise _key_is_over(hosts, refusals[0])
        raise refusals[-1]

    def _listed_profile(self, host: Host, auth: Mapping[str, str]) -> str | None:
        found = self._call(host, "ListAvailableProfiles", {}, auth, _Profiles)
        return next((profile.arn for profile in found.profiles), None)

    def _profile_of_key(self, host: Host, auth: Mapping[str, str]) -> str | None:
        """ListAvailableProfiles refuses API keys."""
        response = self._call(host, "GetProfile", {}, auth, _ProfileResponse)
        return response.profile.arn if response.profile else None

    def quota(
        self, access_token: str, kind: str, profile_arn: str | None, region: str | None
    ) -> Quota | None:
        """The account's used and available credits; None if the service reports none. ``region`` is
        the account's region, None if not known.
        """
        auth = authorization(access_token, kind)
        host = self._hosts.first(region)
        ways = self._quota_ways(host, kind, profile_arn)
        memory = (host.generation, host.region, profile_arn or kind)
        known = self._worked.get(memory)
        refusal: GatewayError | None = None
        for way in [known] if known in ways else ways:
            try:
                usage = self._call(way.host, "GetUsageLimits", way.parameters(), auth, Usage)
            except GatewayError as error:
                if error.kind not in _REFUSED:
                    raise
                refusal = refusal or error
                continue
            if refusal:
                log.info("GetUsageLimits is asked %s: %s", way, refusal.message)
                self._worked[memory] = way
            return quota(usage, time())
        assert refusal
        self._worked.pop(memory, None)
        raise refusal

    def _quota_ways(self, host: Host, kind: str, known: str | None) -> list["_QuotaWay"]:
        """How to ask for the quota, the most probable way first: the newest hosts refuse a call
        without a profile or, of some logins, one with it; the older ones serve all.
        """
        ways = [_QuotaWay(host, profile_for(host, kind, known)), _QuotaWay(host, None)]
        older = self._hosts.of("q", host.region) if host.generation == "kiro" else None
        if older:
            ways.append(_QuotaWay(older, known))
        return list(dict.fromkeys(ways))

    def models(
        self, access_token: str, kind: str, profile_arn: str | None, region: str | None
    ) -> Catalogue:
        """The models that the service offers the account, never an empty list. ``region`` is the
        account's, None if not known.
        """
        return list_models(self._call, self._hosts, access_token, kind, profile_arn, region)

    def origin(self, region: str | None) -> str:
        """The ``origin`` that the chat requests of an account in this region send; an account may
        be offered other models for another one.
        """
        return self._hosts.first(region).origin

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


def _is_of_the_network(refusal: GatewayError) -> bool:
    """Whether a refusal names neither a reason nor the token; a firewall may have sent it."""
    return refusal.kind is Kind.FORBIDDEN and refusal.code == "http_403"


def _key_is_over(hosts: Iterable[Host], refusal: GatewayError) -> GatewayError:
    regions = ", ".join(host.region for host in hosts)
    return GatewayError(
        Kind.LOGIN_OVER,
        f"The API key was refused in every region that was asked ({regions}). It was deleted, its"
        " plan has ended, or its organisation does not allow keys. Make a new one at app.kiro.dev"
        f" and replace it where it is configured. {refusal.message}",
        code=refusal.code,
    )
