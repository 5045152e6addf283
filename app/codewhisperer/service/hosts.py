"""The hosts of the service: where each operation lives, and in which of two bindings it is called.

Three generations of host serve the same operations with the same bodies. The two older ones are
called by REST paths, the newest as JSON RPC with the operation's name in a header and its chat
apart from its control plane. Sources: the Amazon Q CLI and the AWS language servers for the first
two, traffic of kiro-cli for the third. Nothing here opens a connection: whether a host answers is
found out by whoever calls it.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias
from urllib.parse import urlencode

import msgspec

from app.aws.regions import A_REGION, DEFAULT_REGION, is_region
from app.errors import GatewayError, Kind
from app.models.table import Generation

log = logging.getLogger("kiro2api.upstream")

Binding: TypeAlias = Literal["rest", "json-rpc"]
Operation: TypeAlias = Literal[
    "GetUsageLimits",
    "ListAvailableProfiles",
    "GetProfile",
]

REGIONS = ("us-east-1", "eu-central-1")
"""Regions known to have the service; others are tried as they are named."""


class ControlRequest(NamedTuple):
    """What to send, but for the authorization; ``body`` is empty where there is none."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Host:
    """One place to call. ``chat_url`` and ``control_url`` are base URLs without a final slash.

    ``generation`` is also the column of the model table. ``origin`` is the value of the request
    member of that name: which models an account is offered depends on it.
    """

    generation: Generation
    region: str
    chat_url: str
    control_url: str
    binding: Binding
    origin: str

    def chat_endpoint(self) -> tuple[str, dict[str, str]]:
        """URL and headers of a chat request, a POST; its body is the same in both bindings."""
        if self.binding == "json-rpc":
            return f"{self.chat_url}/", _RPC_CHAT_HEADERS.copy()
        return f"{self.chat_url}/generateAssistantResponse", _REST_CHAT_HEADERS.copy()

    def control_request(
        self, operation: Operation, parameters: Mapping[str, Any]
    ) -> ControlRequest:
        """The call of an operation of the control plane with its JSON parameters.

        The JSON RPC binding wants those that REST has in the query string both there and in the
        body, as the Amazon Q CLI sends them.
        """
        method, path = _OPERATIONS[operation]
        query = f"?{urlencode(_query(parameters))}" if method == "GET" and parameters else ""
        body = msgspec.json.encode(dict(parameters))
        if self.binding == "json-rpc":
            headers = _rpc_headers(f"AmazonCodeWhispererService.{operation}")
            return ControlRequest("POST", f"{self.control_url}/{query}", headers, body)
        body = body if method == "POST" else b""
        return ControlRequest(
            method, f"{self.control_url}{path}{query}", _REST_HEADERS.copy(), body
        )


class _Row(NamedTuple):
    chat_url: str
    control_url: str
    binding: Binding
    origin: str
    only_region: str = ""


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
    ),
    "codewhisperer": _Row(
        "https://codewhisperer.{region}.amazonaws.com",
        "https://codewhisperer.{region}.amazonaws.com",
        "rest",
        "AI_EDITOR",
        only_region="us-east-1",
    ),
}


_OPERATIONS: dict[Operation, tuple[str, str]] = {  # method and path of the REST binding
    "GetUsageLimits": ("GET", "/getUsageLimits"),
    "ListAvailableProfiles": ("POST", "/ListAvailableProfiles"),
    "GetProfile": ("POST", "/GetProfile"),
}

_TOKEN_TYPES = {"external_idp": "EXTERNAL_IDP", "api_key": "API_KEY"}
"""Kinds of login of whose tokens the service must be told; for others the header is absent."""


def _rpc_headers(target: str) -> dict[str, str]:
    return {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": target}


_REST_HEADERS = {"Content-Type": "application/json"}
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
    """The headers that say who asks; ``kind`` is how the account signed in."""
    headers = {"Authorization": f"Bearer {access_token}"}
    if token_type := _TOKEN_TYPES.get(kind):
        headers["TokenType"] = token_type
    return headers


def candidates(region: str, api_url: str | None) -> tuple[Host, ...]:
    """The hosts to try in a region, best first.

    ``api_url`` is the setting: None for all generations, newest first; the name of one for that
    alone; else a base URL, taken for a host of generation ``q`` that serves the control plane too.
    Raises ValueError for a region that is none, and for a generation that the region does not have.
    """
    if api_url is not None and api_url not in _GENERATIONS:
        base = api_url.rstrip("/")
        row = _GENERATIONS["q"]
        return (Host("q", region, base, base, row.binding, row.origin),)
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
        )
        for generation, row in _GENERATIONS.items()
        if row.only_region in ("", region) and api_url in (None, generation)
    )
    if not hosts:
        only = ", ".join(row.only_region for name, row in _GENERATIONS.items() if name == api_url)
        raise ValueError(f"{api_url} hosts exist in {only} only, not in {region}")
    return hosts


class HostChoice:
    """Remembers, for each region, which host answered last; one per worker.

    ``api_url`` and ``region`` are the settings, None where unset; without a region it is the
    account's own, else the default.
    """

    def __init__(self, api_url: str | None, region: str | None) -> None:
        self._api_url = api_url
        self._region = region
        self._worked: dict[str, Host] = {}

    def first(self, account_region: str | None) -> Host:
        """The host to begin with: the one that worked, else the newest."""
        region = self._region or account_region or DEFAULT_REGION
        return self._worked.get(region) or self._candidates(region)[0]

    def older(self, host: Host) -> Host | None:
        """The next to try where ``host`` could not be reached. After the oldest there is none, and
        the next request begins with the newest again.
        """
        known = self._candidates(host.region)
        rest = known[known.index(host) + 1 :]
        if rest:
            return rest[0]
        self._worked.pop(host.region, None)
        return None

    def worked(self, host: Host) -> None:
        """Note that ``host`` answered."""
        if self._worked.get(host.region) != host:
            self._worked[host.region] = host
            log.info("The upstream answers at %s (%s).", host.chat_url, host.generation)

    def _candidates(self, region: str) -> tuple[Host, ...]:
        try:
            return candidates(region, self._api_url)
        except ValueError as error:
            raise GatewayError(
                Kind.INTERNAL,
                f"No upstream host: {error}. Check KIRO_API_URL, KIRO_REGION and the region in the "
                "account's profile.",
            ) from error
