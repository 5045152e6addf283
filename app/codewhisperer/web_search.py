"""Searches the web through the service: the hosts that are asked, and the limits of one search."""

import logging
from math import inf
from time import monotonic

from app.aws.regions import region_of
from app.common.errors import GatewayError, Kind
from app.common.ids import random_id
from app.core.conversation import WebPage
from app.upstream import AccessToken

from .client import Client
from .service import mcp
from .service.error_table import OLDER_HOST
from .service.hosts import Host, HostChoice, authorization
from .service.profiles import ProfileChoice

log = logging.getLogger("kiro2api.upstream")

LARGEST_ANSWER = 1024 * 1024
"""Bytes of the answer to one search, many times what the service sends."""


class WebSearches:
    """One per worker. Where the newest host does not know the operation, the one before it is asked
    from then on.
    """

    def __init__(self, client: Client, hosts: HostChoice, profiles: ProfileChoice) -> None:
        self._client = client
        self._hosts = hosts
        self._profiles = profiles
        self._instead: dict[Host, Host] = {}

    def find(self, query: str, token: AccessToken, deadline: float) -> list[WebPage]:
        """The pages for a query. ``deadline`` is on the monotonic clock. Raises GatewayError."""
        usual = self._usual(token)
        host = self._instead.get(usual, usual)
        try:
            return self._find(host, query, token, deadline)
        except GatewayError as error:
            older = self._hosts.of("q", host.region) if error.code in OLDER_HOST else None
            if older is None or older == host:
                raise
        found = self._find(older, query, token, deadline)
        log.info("Web searches are sent to %s, since %s has none.", older.chat_url, host.chat_url)
        self._instead[usual] = older
        return found

    def _usual(self, token: AccessToken) -> Host:
        """The host of the account, in the region of its profile."""
        host = self._hosts.first(token.region)
        region = region_of(self._profiles.first(host, token))
        if region in (None, host.region):
            return host
        return self._hosts.of(host.generation, region) or host

    def _find(self, host: Host, query: str, token: AccessToken, deadline: float) -> list[WebPage]:
        profile = self._profiles.first(host, token)
        try:
            return self._ask(host, query, token, profile, deadline)
        except GatewayError as error:
            other = self._profiles.another(error, host, token, profile)
            if other is None:
                raise
        return self._ask(host, query, token, other, deadline)

    def _ask(
        self, host: Host, query: str, token: AccessToken, profile: str | None, deadline: float
    ) -> list[WebPage]:
        url, headers = host.mcp_endpoint(profile)
        in_body = profile if host.binding == "json-rpc" else None
        body = mcp.request(f"web_search_{random_id()}", query, in_body)
        headers |= authorization(token.access_token, token.kind)
        try:
            return mcp.pages(self._call(url, headers, body, deadline))
        except GatewayError as error:
            if error.kind is not Kind.TIMEOUT:
                raise
            raise GatewayError(
                Kind.TIMEOUT, "The service did not answer a web search in time."
            ) from None

    def _call(self, url: str, headers: dict[str, str], body: bytes, deadline: float) -> bytes:
        left = max(deadline - monotonic(), 0.001)
        response = self._client.open(url, headers, body, timeout=left)
        try:
            response.limit(tick=inf, idle=inf, deadline=deadline, setting="the gateway")
            answer = b""
            for piece in response:
                answer += piece
                if len(answer) > LARGEST_ANSWER:
                    raise GatewayError(
                        Kind.CORRUPT,
                        f"The answer to a web search has more than {LARGEST_ANSWER} bytes.",
                    )
            return answer
        finally:
            response.close()
