"""The calls that turn a refresh token into a new access token.

Social logins: ``POST {auth}/refreshToken`` with camelCase JSON, no client id (Kiro desktop's auth
service). Builder ID and IAM Identity Center: ``POST {oidc}/token`` with camelCase JSON (AWS SSO
OIDC's CreateToken; not the form encoding of OAuth). External identity providers: an OAuth 2.0 form
at their own token endpoint (RFC 6749 section 6). API keys are never refreshed.

One attempt a call, no policy: when to call and what follows from an error is decided elsewhere. A
refusal that no retry can cure is LOGIN_OVER; everything else may pass. Neither the request nor the
answer is ever logged or repeated in an error, since both are made of secrets.
"""

import time
from collections.abc import Callable, Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import msgspec
import requests

from app.errors import GatewayError, Kind

from .model import AuthKind, Grant, Login
from .times import parse_time

_DEFAULT_REGION = "us-east-1"
AUTH_URL = "https://prod.{region}.auth.desktop.kiro.dev"
OIDC_URL = "https://oidc.{region}.amazonaws.com"

_ANSWER_TIMEOUT = 30.0
_LONGEST_LIFETIME = 10 * 365 * 86400.0
_DEFAULT_LIFETIME = 3600.0  # what the services give, for an answer that does not say

HOW_TO_LOG_IN = (
    "log in again (`python -m app login`, the Kiro IDE or kiro-cli), or give a new refresh token "
    "where this one came from"
)


class Refresher:
    """Makes the calls, over a session of its own."""

    def __init__(
        self,
        *,
        user_agent: str,
        auth_url: str | None = None,
        oidc_url: str | None = None,
        proxy: str | None = None,
        connect_timeout: float = 10.0,
        answer_timeout: float = _ANSWER_TIMEOUT,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._auth_url = auth_url or AUTH_URL
        self._oidc_url = oidc_url or OIDC_URL
        self._timeout = (connect_timeout, answer_timeout)
        self._clock = clock
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers["User-Agent"] = user_agent
        if proxy:
            self._session.proxies = {"http": proxy, "https": proxy}

    def refresh(self, login: Login, grant: Grant) -> Grant:
        """The grant that follows ``grant``. What the answer leaves out stays as it was.

        Raises GatewayError: LOGIN_OVER, or a kind that may pass.
        """
        answer = _CALLS[login.kind](self, login, grant)
        access_token = _string(answer, "accessToken", "access_token")
        if not access_token:
            raise _failed(login, Kind.UPSTREAM_ERROR, "answered without an access token")
        now = self._clock()
        return Grant(
            access_token=access_token,
            refresh_token=_string(answer, "refreshToken", "refresh_token") or grant.refresh_token,
            expires_at=_expiry(answer, now),
            profile_arn=_string(answer, "profileArn", "profile_arn") or grant.profile_arn,
            refreshed_at=now,
            generation=grant.generation + 1,
        )

    def post(self, login: Login, url: str, **body: Any) -> Mapping[str, Any]:
        """The JSON object of a 200. Raises GatewayError for anything else."""
        try:
            response = self._session.post(url, **body, timeout=self._timeout, allow_redirects=False)
        except requests.RequestException as error:
            raise _no_answer(login, error) from None  # the error holds the request
        answer = _decode(response.content)
        if response.status_code != 200:
            raise _refused(login, response.status_code, response.headers, answer)
        return answer

    def close(self) -> None:
        """Close the idle connections."""
        self._session.close()

    def _social(self, login: Login, grant: Grant) -> Mapping[str, Any]:
        base = _in_region(self._auth_url, login)
        return self.post(login, f"{base}/refreshToken", json={"refreshToken": grant.refresh_token})

    def _oidc(self, login: Login, grant: Grant) -> Mapping[str, Any]:
        base = _in_region(self._oidc_url, login)
        body = {
            "clientId": login.client_id,
            "clientSecret": login.client_secret,
            "grantType": "refresh_token",
            "refreshToken": grant.refresh_token,
        }
        return self.post(login, f"{base}/token", json=body)

    def _external(self, login: Login, grant: Grant) -> Mapping[str, Any]:
        form = {
            "grant_type": "refresh_token",
            "client_id": login.client_id,
            "refresh_token": grant.refresh_token,
        }
        if login.scopes:
            form["scope"] = login.scopes
        return self.post(login, login.token_endpoint, data=form)

    def _api_key(self, login: Login, grant: Grant) -> Mapping[str, Any]:
        raise GatewayError(
            Kind.LOGIN_OVER,
            f"The API key of account {login.account} ({login.source}) was refused, and keys are "
            "not refreshed: give a new one.",
        )


_CALLS: dict[AuthKind, Callable[[Refresher, Login, Grant], Mapping[str, Any]]] = {
    AuthKind.SOCIAL: Refresher._social,
    AuthKind.IDC: Refresher._oidc,
    AuthKind.EXTERNAL_IDP: Refresher._external,
    AuthKind.API_KEY: Refresher._api_key,
}


def _in_region(url: str, login: Login) -> str:
    return url.replace("{region}", login.region or _DEFAULT_REGION)


def _decode(content: bytes) -> Mapping[str, Any]:
    try:
        answer = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _string(answer: Mapping[str, Any], *names: str) -> str:
    for name in names:
        value = answer.get(name)
        if isinstance(value, str) and value:
            return value
    return ""


def _expiry(answer: Mapping[str, Any], now: float) -> float:
    """By our own clock where the answer allows it: a lifetime does not mind a clock that is off."""
    for name in ("expiresIn", "expires_in"):
        value = answer.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            return now + min(value, _LONGEST_LIFETIME)
    try:
        return parse_time(answer["expiresAt"])
    except (KeyError, ValueError, OverflowError):
        return now + _DEFAULT_LIFETIME


_FINAL = {"invalid_grant", "invalid_client", "unauthorized_client", "expired_token"}


def _refused(
    login: Login, status: int, headers: Mapping[str, str], answer: Mapping[str, Any]
) -> GatewayError:
    code = _string(answer, "error", "__type", "code").lower()
    text = _string(answer, "error_description", "message", "Message").lower()
    is_final = status == 401 or (
        status == 400 and (code in _FINAL or "invalid refresh token" in text)
    )
    if is_final:
        return _over(login, code)
    if status == 429:
        return _failed(login, Kind.THROTTLED, "throttles us", _retry_after(headers))
    if status >= 500:
        return _failed(login, Kind.UNAVAILABLE, f"answered {status}", _retry_after(headers))
    # 403 comes from the edge in front of the service and says nothing about the login
    return _failed(login, Kind.UPSTREAM_ERROR, f"refused the refresh with status {status}")


def _over(login: Login, code: str) -> GatewayError:
    if code in ("invalid_client", "unauthorized_client"):
        why = "its client registration has expired or does not fit"
    else:
        why = "its refresh token was used up, revoked or has expired"
    return GatewayError(
        Kind.LOGIN_OVER,
        f"The login of account {login.account} ({login.source}) is over: {why}. To go on, "
        f"{HOW_TO_LOG_IN}.",
    )


def _failed(login: Login, kind: Kind, what: str, after: float | None = None) -> GatewayError:
    return GatewayError(
        kind,
        f"The service that refreshes tokens {what} (account {login.account}, {login.source}).",
        retry_after=after,
    )


def _no_answer(login: Login, error: Exception) -> GatewayError:
    if isinstance(error, requests.Timeout):
        return _failed(login, Kind.TIMEOUT, "did not answer in time")
    if isinstance(error, requests.exceptions.SSLError):
        return _failed(login, Kind.TLS, "has a certificate that was not accepted")
    if isinstance(error, requests.exceptions.ProxyError):
        return _failed(login, Kind.CONNECTION, "cannot be reached through KIRO_UPSTREAM_PROXY")
    return _failed(login, Kind.CONNECTION, f"cannot be reached ({type(error).__name__})")


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of a Retry-After header, None without a usable one."""
    value = headers.get("Retry-After", "")
    return float(value) if value.isascii() and value.isdigit() else None
