"""HTTP client of the sign-in services.

Requests and responses contain secrets: neither is logged, quoted in an error, or attached to an
exception that might be logged. From the environment only the trusted certificate authorities are
read (:mod:`app.tls`). No cookies are stored, and redirects are not followed, since they would send
the secrets to another host. Each exchange has a deadline, and each body a size
(:mod:`.exchange`).
"""

import time
from collections.abc import Mapping
from http.client import HTTPException
from http.cookiejar import DefaultCookiePolicy
from typing import Any, NamedTuple

import msgspec
import requests
from urllib3.exceptions import HTTPError, ReadTimeoutError

from app.errors import GatewayError, Kind
from app.tls import HOW_TO_TRUST
from app.waits import retry_after

from .exchange import BadBody, BoundedAdapter, read_body, within

_RESPONSE_TIMEOUT = 30.0


class ServiceResponse(NamedTuple):
    """``members`` is empty if the body is not a JSON object."""

    status: int
    members: Mapping[str, Any]
    retry_after: float | None

    def text(self, *names: str) -> str:
        """The first of these members that is a non-empty string, else ""."""
        for name in names:
            value = self.members.get(name)
            if isinstance(value, str) and value:
                return value
        return ""

    def number(self, *names: str) -> float:
        """The first of these members that is a positive number, else 0."""
        for name in names:
            value = self.members.get(name)
            if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
                return value
        return 0.0


class ServiceClient:
    """Has its own session; shared by all greenlets of the process. An exchange ends within the sum
    of the two timeouts, in seconds.
    """

    def __init__(
        self,
        *,
        user_agent: str,
        proxy: str | None = None,
        connect_timeout: float = 10.0,
        response_timeout: float = _RESPONSE_TIMEOUT,
    ) -> None:
        self._timeout = (connect_timeout, response_timeout)
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers.update({"User-Agent": user_agent, "Accept-Encoding": "identity"})
        adapter = BoundedAdapter()
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, adapter)
        if proxy:
            self._session.proxies = {"http": proxy, "https": proxy}

    def post(self, url: str, **body: Any) -> ServiceResponse:
        """POST ``json=`` or ``data=``. Raises GatewayError when there is no whole response."""
        with within(sum(self._timeout)) as deadline:
            try:
                reply = self._session.post(
                    url, **body, timeout=self._timeout, allow_redirects=False, stream=True
                )
                content = read_body(reply)
                if deadline.passed:
                    raise requests.Timeout
            except BadBody as error:
                raise GatewayError(
                    Kind.UPSTREAM_ERROR,
                    f"The sign-in service ({_host(url)}) sent a body that is {error}.",
                ) from None
            except (requests.RequestException, HTTPError, HTTPException, OSError) as error:
                failure = requests.Timeout() if deadline.passed else error
                raise _no_response(url, failure) from None  # the error holds the request
            finally:
                self._session.close()  # the next request is an hour away
        after = retry_after(reply.headers.get("Retry-After", ""), time.time())
        return ServiceResponse(reply.status_code, _members(content), after)

    def close(self) -> None:
        """Close the idle connections."""
        self._session.close()


def _members(content: bytes) -> Mapping[str, Any]:
    try:
        members = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return members if isinstance(members, dict) else {}


def _host(url: str) -> str:
    return url.split("/")[2] if url.count("/") > 1 else url


def _no_response(url: str, error: Exception) -> GatewayError:
    kind, why = Kind.CONNECTION, f"cannot be reached ({type(error).__name__})"
    if isinstance(error, requests.Timeout | TimeoutError | ReadTimeoutError):
        kind, why = Kind.TIMEOUT, "did not respond in time"
    elif isinstance(error, requests.exceptions.SSLError):
        kind, why = Kind.TLS, f"has a certificate that was not accepted; {HOW_TO_TRUST}"
    elif isinstance(error, requests.exceptions.ProxyError):
        why = "cannot be reached through KIRO_UPSTREAM_PROXY"
    return GatewayError(kind, f"The sign-in service ({_host(url)}) {why}.")
