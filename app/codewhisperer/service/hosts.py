"""The hosts of the service: the URL of each operation, and the binding it is called in.

Three generations of hosts serve the same operations with the same bodies. The two older ones use
REST paths. The newest uses JSON RPC, with the operation's name in a header, and separate hosts for
chat and control plane. Sources: the Amazon Q CLI and the AWS language servers for the first two,
traffic of kiro-cli for the third. Nothing here opens a connection; the callers find out whether a
host answers.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeAlias
from urllib.parse import urlencode

import msgspec

from app.aws.regions import A_REGION, DEFAULT_REGION, is_gov, is_region
from app.common.errors import GatewayError, Kind
from app.models.model import Generation

log = logging.getLogger("kiro2api.upstream")

Binding: TypeAlias = Literal["rest", "json-rpc"]
Operation: TypeAlias = Literal[
    "GetUsageLimits",
    "ListAvailableProfiles",
    "GetProfile",
    "ListAvailableModels",
]


class ControlRequest(NamedTuple):
    """An HTTP request to the control plane, without its authorization; ``body`` may be empty."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Host:
    """One host. ``chat_url`` and ``control_url`` are base URLs without a trailing slash.

    ``generation`` decides which id of a model the host knows. ``origin`` is the value of the
    request member of that name; the models that an account is offered depend on it. ``opt_out``:
    the service may not use the content of conversations to improve itself.
    """

    generation: Generation
    region: str
    chat_url: str
    control_url: str
    binding: Binding
    origin: str
    opt_out: bool = True

    def chat_endpoint(self) -> tuple[str, dict[str, str]]:
        """URL and headers of a chat request, a POST. The body is the same in both bindings."""
        if self.binding == "json-rpc":
            return f"{self.chat_url}/", _RPC_CHAT_HEADERS | self._choice()
        return f"{self.chat_url}/generateAssistantResponse", _REST_CHAT_HEADERS | self._choice()

    def mcp_endpoint(self, profile_arn: str | None) -> tuple[str, dict[str, str]]:
        """URL and headers of a call of a tool of the service, a POST. The older hosts take the
        profile in a header, the newest in the body.
        """
        if self.binding == "json-rpc":
            return f"{self.chat_url}/", _rpc_headers(_MCP) | self._choice()
        profile = {"x-amzn-kiro-profile-arn": profile_arn} if profile_arn else {}
        return f"{self.chat_url}/mcp", _REST_HEADERS | profile | self._choice()

    def control_request(
        self, operation: Operation, parameters: Mapping[str, Any]
    ) -> ControlRequest:
        """The request for a control-plane operation with JSON parameters.

        In the JSON RPC binding, parameters that REST has in the query string are sent both there
        and in the body, as the Amazon Q CLI does; those of a newer service only in the body.
        """
        row = _OPERATIONS[operation]
        query = f"?{urlencode(_query(parameters))}" if row.method == "GET" and parameters else ""
        body = msgspec.json.encode(dict(parameters))
        if self.binding == "json-rpc":
            query = query if row.service == _SERVICE else ""
            headers = _rpc_headers(f"{row.service}.{operation}") | self._choice()
            return ControlRequest("POST", f"{self.control_url}/{query}", headers, body)
        body = body if row.method == "POST" else b""
        headers = {**_REST_HEADERS, **row.headers, **self._choice()}
        return ControlRequest(row.method, f"{self.control_url}{row.path}{query}", headers, body)

    def _choice(self) -> dict[str, str]:
        """The user's choice about content, which the Amazon Q CLI sends with every call."""
        return _OPTED_OUT if self.opt_out else _SHARING


class _Row(NamedTuple):
    chat_url: str
    control_url: str
    binding: Binding
    origin: str
    only_region: str = ""
    in_gov: bool = False

    def serves(self, region: str) -> bool:
        """Whether there are hosts of this generation in a region."""
        return self.only_region in ("", region) and (self.in_gov or not is_gov(region))

    def where(self) -> str:
        """The regions that have such hosts, in words."""
        return self.only_region or "commercial regions"


_GENERATIONS: dict[Generation, _Row] = {  # newest first
    "kiro": _Row(
        "https://runtime.{region}.kiro.dev",
        "https://management.{region}.kiro.dev",
        "json-rpc",
        "KIRO_CLI",
    ),
    "q": _Row(
        "https://q.{region}.amazonaws.com",
        "https://q.{region}.amazonaws.com",
        "rest",
        "AI_EDITOR",
        in_gov=True,
    ),
    "codewhisperer": _Row(
        "https://codewhisperer.{region}.amazonaws.com",
        "https://codewhisperer.{region}.amazonaws.com",
        "rest",
        "AI_EDITOR",
        only_region="us-east-1",
    ),
}


_SERVICE = "AmazonCodeWhispererService"


class _Operation(NamedTuple):
    """``method``, ``path`` and ``headers`` of the REST binding; ``service`` of the JSON RPC one."""

    method: str
    path: str
    service: str = _SERVICE
    headers: Mapping[str, str] = MappingProxyType({})


_OPERATIONS: dict[Operation, _Operation] = {
    "GetUsageLimits": _Operation("GET", "/getUsageLimits"),
    "ListAvailableProfiles": _Operation("POST", "/ListAvailableProfiles"),
    "GetProfile": _Operation("POST", "/GetProfile"),
    "ListAvailableModels": _Operation(
        "GET",
        "/ListAvailableModels",
        "KiroControlPlaneBearerService",
        {"x-amzn-kiro-agent-mode": "vibe"},
    ),
}

_TOKEN_TYPES = {"external_idp": "EXTERNAL_IDP", "api_key": "API_KEY"}
"""Kinds of login whose requests need the header TokenType; others are sent without it."""


def _rpc_headers(target: str) -> dict[str, str]:
    return {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": target}


_REST_HEADERS = {"Content-Type": "application/json"}
_OPT_OUT = "x-amzn-codewhisperer-optout"
_OPTED_OUT, _SHARING = {_OPT_OUT: "true"}, {_OPT_OUT: "false"}
_MCP = "KiroRuntimeService.InvokeMCP"
_STREAM = {"Accept": "application/vnd.amazon.eventstream"}
_REST_CHAT_HEADERS = _REST_HEADERS | _STREAM
_RPC_CHAT_HEADERS = _STREAM | _rpc_headers(
    "AmazonCodeWhispererStreamingService.GenerateAssistantResponse"
)


def _query(parameters: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in parameters.items()
    }


def authorization(access_token: str, kind: str) -> dict[str, str]:
    """The headers that authenticate the account; ``kind`` is how it signed in."""
    headers = {"Authorization": f"Bearer {access_token}"}
    if token_type := _TOKEN_TYPES.get(kind):
        headers["TokenType"] = token_type
    return headers


def candidates(region: str, api_url: str | None, *, opt_out: bool = True) -> tuple[Host, ...]:
    """The hosts to try in a region, newest first.

    ``api_url`` is the setting: None for all generations; the name of a generation for that one
    only; otherwise a base URL, treated as a host of generation ``q`` that also serves the control
    plane. ``opt_out`` as for :class:`Host`. Raises ValueError for an invalid region name, and for a
    generation that the region does not have.
    """
    if api_url is not None and api_url not in _GENERATIONS:
        base = api_url.rstrip("/")
        row = _GENERATIONS["q"]
        return (Host("q", region, base, base, row.binding, row.origin, opt_out),)
    if not is_region(region):
        raise ValueError(f"{region!r} is not {A_REGION}")
    hosts = tuple(
        Host(
            generation,
            region,
            row.chat_url.format(region=region),
            row.control_url.format(region=region),
            row.binding,
            row.origin,
            opt_out,
        )
        for generation, row in _GENERATIONS.items()
        if row.serves(region) and api_url in (None, generation)
    )
    if not hosts:
        only = ", ".join(row.where() for name, row in _GENERATIONS.items() if name == api_url)
        raise ValueError(f"{api_url} hosts exist in {only} only, not in {region}")
    return hosts


class HostChoice:
    """Chooses the host to call and remembers, for each region, which one answered last. One per
    worker.

    ``api_url`` and ``region`` are the settings, None if unset. Without the setting, the region is
    the account's, else the default. ``share_content``: the service may use the content of
    conversations to improve itself.
    """

    def __init__(
        self, api_url: str | None, region: str | None, *, share_content: bool = False
    ) -> None:
        self._api_url = api_url
        self._region = region
        self._opt_out = not share_content
        self._worked: dict[str, Host] = {}

    def first(self, account_region: str | None) -> Host:
        """The host to try first: the one that answered last, else the newest."""
        region = self._region or account_region or DEFAULT_REGION
        return self._worked.get(region) or self._candidates(region)[0]

    def older(self, host: Host) -> Host | None:
        """The next older host, to try after ``host`` failed. None after the oldest; the next
        request then starts with the newest again.
        """
        known = self._candidates(host.region)
        rest = known[known.index(host) + 1 :]
        if rest:
            return rest[0]
        self._worked.pop(host.region, None)
        return None

    def of(self, generation: Generation, region: str) -> Host | None:
        """The host of a generation, None if the region or the setting rules it out."""
        known = self._candidates(region)
        return next((host for host in known if host.generation == generation), None)

    def worked(self, host: Host) -> None:
        """Remember that ``host`` answered."""
        if self._worked.get(host.region) != host:
            self._worked[host.region] = host
            log.info("The upstream answers at %s (%s).", host.chat_url, host.generation)

    def _candidates(self, region: str) -> tuple[Host, ...]:
        try:
            return candidates(region, self._api_url, opt_out=self._opt_out)
        except ValueError as error:
            raise GatewayError(
                Kind.INTERNAL,
                f"No upstream host: {error}. Check KIRO_API_URL, KIRO_REGION and the region in the "
                "account's profile.",
            ) from error
