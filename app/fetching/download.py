"""One file, by HTTP.

The name of a host is looked up once for each hop, all its addresses are checked, and the connection
goes to one of those: an answer of the name server that changes later changes nothing. Redirects are
followed by the same rules.
"""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any, NamedTuple
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from app.common.tls import tls_context
from app.version import __version__

from . import addresses

MOST_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_AGENT = f"kiro2api/{__version__}"
_PORTS = {"http": 80, "https": 443}
_READ = 64 * 1024
_SAFE = "%/:=&?~+!$,;'@()*[]"
"""Characters of a path and a query that stay as they are."""

Resolve = Callable[[str, int], list[str]]


class FetchError(Exception):
    """A file cannot be fetched. The text says why, and nothing of the URL, which may be secret."""


class File(NamedTuple):
    """A file as it came. ``media_type`` is the server's, in lower case and "" if it gave none;
    ``name`` is the last part of the URL's path.
    """

    content: bytes
    media_type: str
    name: str


class Budget:
    """Bytes that are left for the files of a request."""

    def __init__(self, most: int) -> None:
        self._most = self._left = most

    def take(self, size: int) -> None:
        """Raises :class:`FetchError` if there are not so many."""
        self._left -= size
        if self._left < 0:
            raise FetchError(f"the files of this request have more than {self._most} bytes")


def download(url: str, budget: Budget, seconds: float, resolve: Resolve | None = None) -> File:
    """The file at ``url``. ``seconds`` limits each wait; all together are the caller's to limit.
    ``resolve`` gives the addresses of a host and port, by default those that :func:`resolved` finds
    public. Raises :class:`FetchError`.
    """
    for _ in range(MOST_REDIRECTS + 1):
        parts = _checked(url)
        with _answer(parts, seconds, resolve or resolved) as response:
            if response.status not in _REDIRECTS:
                return _file(response, budget, parts)
            url = _next(url, response.headers.get("Location", ""))
    raise FetchError(f"its server redirects more than {MOST_REDIRECTS} times")


def _checked(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port  # raises ValueError
    except ValueError:
        raise FetchError("its URL is not valid") from None
    if parts.scheme not in _PORTS or not parts.hostname or port == 0:
        raise FetchError("its URL is not an http or https URL with a host")
    if "@" in parts.netloc:
        raise FetchError("its URL has a user name or a password, which are never sent")
    return parts


def _next(url: str, location: str) -> str:
    if not location:
        raise FetchError("its server redirects to nowhere")
    try:
        following = urljoin(url, location)
    except ValueError:
        raise FetchError("its server redirects to a URL that is not valid") from None
    if url.lower().startswith("https:") and not following.lower().startswith("https:"):
        raise FetchError("its server redirects from https to something else")
    return following


def resolved(host: str, port: int) -> list[str]:
    """The addresses of a host. Raises :class:`FetchError` if one of them is not public."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise FetchError("the name of its host cannot be resolved") from None
    every = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not every or not all(map(addresses.is_public, every)):
        raise FetchError("its host has no public address")
    return every


@contextmanager
def _answer(parts: SplitResult, seconds: float, resolve: Resolve) -> Iterator[HTTPResponse]:
    """The answer to a GET, whose body has not been read."""
    host = parts.hostname or ""
    port = parts.port or _PORTS[parts.scheme]
    connection = HTTPConnection(host, port, timeout=seconds)
    try:
        connection.sock = _connected(parts.scheme, host, port, seconds, resolve)
        target = quote(f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}", safe=_SAFE)
        headers = {"Accept-Encoding": "identity", "User-Agent": _AGENT, "Connection": "close"}
        if port == _PORTS[parts.scheme]:
            headers["Host"] = f"[{host}]" if ":" in host else host.encode("idna").decode()
        connection.request("GET", target, headers=headers)
        yield connection.getresponse()
    except TimeoutError:
        raise FetchError(f"its server did not answer within {seconds:g} seconds") from None
    except ssl.SSLError:
        raise FetchError("the certificate of its server is not valid") from None
    except (OSError, HTTPException, UnicodeError):
        raise FetchError("its server cannot be reached, or breaks off") from None
    finally:
        connection.close()


def _connected(scheme: str, host: str, port: int, seconds: float, resolve: Resolve) -> Any:
    """A connection to one of the addresses that were checked."""
    *others, last = resolve(host, port)
    for address in others:
        try:
            sock = socket.create_connection((address, port), seconds)
            break
        except OSError:
            continue
    else:
        sock = socket.create_connection((last, port), seconds)
    if scheme == "http":
        return sock
    try:
        return tls_context().wrap_socket(sock, server_hostname=host)
    except BaseException:
        sock.close()
        raise


def _file(response: HTTPResponse, budget: Budget, parts: SplitResult) -> File:
    if response.status != 200:
        raise FetchError(f"its server answered with the status {response.status}")
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise FetchError("its server sends it compressed, unasked")
    media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type in ("text/html", "application/xhtml+xml"):
        raise FetchError("it is a web page")
    if response.length is not None:
        budget.take(response.length)
    content = bytearray()
    while piece := response.read(_READ):
        if response.length is None:
            budget.take(len(piece))
        content += piece
    if response.length:
        raise FetchError("its server broke off")
    name = unquote(parts.path.rpartition("/")[2])
    return File(bytes(content), media_type, name)
