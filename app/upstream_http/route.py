"""Where a request goes: the origin of its URL, and the proxy on the way."""

from base64 import b64encode
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Route(NamedTuple):
    """An origin and the proxy used to reach it; connections are pooled by it.

    ``proxy`` is a URL, "" for a direct connection; it may hold a password.
    """

    scheme: str
    host: str
    port: int
    proxy: str = ""

    def __repr__(self) -> str:
        return f"Route({self.scheme}://{self.host}:{self.port}{' by a proxy' * bool(self.proxy)})"

    @property
    def uses_http_proxy(self) -> bool:
        """Whether the proxy speaks HTTP, with or without TLS, and not SOCKS."""
        return self.proxy.startswith("http")


class Destination(NamedTuple):
    """What a URL and a proxy come to.

    ``target`` is the request target: the path with the query, or the whole URL where an HTTP proxy
    forwards the request (RFC 9112, section 3.2), which then wants ``proxy_headers`` too.
    ``authority`` is the value of the header Host.
    """

    route: Route
    target: str
    proxy_headers: Mapping[str, str]
    authority: str


@lru_cache(maxsize=256)
def find_destination(url: str, proxy: str) -> Destination:
    """For an absolute URL, and the URL of a proxy or "". Raises ValueError for invalid ones."""
    parts = urlsplit(url)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ValueError("not an http or https URL with a host")
    route = Route(parts.scheme, parts.hostname, port_of(parts), proxy)
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    authority = parts.netloc.rpartition("@")[2]
    if not route.uses_http_proxy:
        return Destination(route, target, {}, authority)
    credentials = proxy_credentials(urlsplit(proxy))
    if route.scheme == "https":  # the tunnel's opening sends them
        return Destination(route, target, {}, authority)
    return Destination(route, f"http://{authority}{target}", credentials, authority)


def proxy_credentials(proxy: SplitResult) -> dict[str, str]:
    """The header for the user and password in a proxy's URL (RFC 7617); {} without a user."""
    if not proxy.username:
        return {}
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {b64encode(pair.encode('latin-1')).decode()}"}


def port_of(parts: SplitResult) -> int:
    """The port of a URL, or the default one of its scheme, 0 if that has none."""
    return parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
