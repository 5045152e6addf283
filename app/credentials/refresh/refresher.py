"""The requests that turn a refresh token into a new access token.

Social logins: ``POST {auth}/refreshToken`` with camelCase JSON, no client id (Kiro desktop's auth
service). Builder ID and IAM Identity Center: ``POST {oidc}/token`` with camelCase JSON (AWS SSO
OIDC's CreateToken; not the form encoding of OAuth). External identity providers: an OAuth 2.0 form
at their own token endpoint (RFC 6749 section 6). API keys are never refreshed.

Each call makes one attempt and contains no policy: the callers decide when to refresh and what an
error means. LOGIN_OVER is a refusal that no retry can fix, which only the service itself can say,
in its own form: JSON with a known code. Every other error may be temporary, for instance any 401 of
a proxy on the way.
"""

import re
import time
from collections.abc import Callable

from app.aws.regions import DEFAULT_REGION
from app.common.errors import GatewayError, Kind
from app.common.program import command
from app.credentials.model import AuthKind, Grant, Login, is_usable_profile
from app.credentials.times import parse_time

from .client import ServiceClient, ServiceResponse

AUTH_URL = "https://prod.{region}.auth.desktop.kiro.dev"
OIDC_URL = "https://oidc.{region}.amazonaws.com"

_DEFAULT_LIFETIME = 3600.0  # the services' usual lifetime, if a response names none
_LONGEST_LIFETIME = 10 * 365 * 86400.0
_REGISTRATION_OVER = "its client registration has expired or does not match"
_REFRESH_TOKEN_OVER = "its refresh token was already used, was revoked or has expired"  # nosec B105
_FINAL_CODES = {  # of OAuth 2.0 (RFC 6749 section 5.2), or InvalidGrantException of AWS SSO OIDC
    "invalidgrant": _REFRESH_TOKEN_OVER,
    "expiredtoken": _REFRESH_TOKEN_OVER,
    "invalidclient": _REGISTRATION_OVER,
    "unauthorizedclient": _REGISTRATION_OVER,
}
_FINAL_MESSAGE = "invalid refresh token"
"""Kiro's auth service sends a message without a code (caidaoli/kiro2api, issue 4). "Bad
credentials" does not end a login: no public source shows that this service says so, and of other
services it is the general answer to a request without rights.
"""

_SENDABLE = re.compile(r"[!-~]+")  # what a header can carry

HOW_TO_LOG_IN = (
    f"log in again (`{command()} login`, the Kiro IDE or kiro-cli), or replace the refresh token "
    "where it is configured"
)


class Refresher:
    """``auth_url`` and ``oidc_url`` are base URLs; ``{region}`` in them is replaced."""

    def __init__(
        self,
        client: ServiceClient,
        *,
        auth_url: str | None = None,
        oidc_url: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._auth_url = auth_url or AUTH_URL
        self._oidc_url = oidc_url or OIDC_URL
        self._clock = clock

    def refresh(self, login: Login, grant: Grant) -> Grant:
        """The grant that follows ``grant``. What the response leaves out is kept.

        Raises GatewayError: LOGIN_OVER, or a kind that may be temporary.
        """
        response = _REQUESTS[login.kind](self, login, grant)
        if response.status != 200:
            raise _refused(login, response)
        return grant_from(response, grant, self._clock())

    def close(self) -> None:
        """Close the idle connections."""
        self._client.close()

    def _social(self, login: Login, grant: Grant) -> ServiceResponse:
        url = f"{in_region(self._auth_url, login.region)}/refreshToken"
        return self._client.post(url, json={"refreshToken": grant.refresh_token})

    def _oidc(self, login: Login, grant: Grant) -> ServiceResponse:
        body = {
            "clientId": login.client_id,
            "clientSecret": login.client_secret,
            "grantType": "refresh_token",
            "refreshToken": grant.refresh_token,
        }
        return self._client.post(f"{in_region(self._oidc_url, login.region)}/token", json=body)

    def _external(self, login: Login, grant: Grant) -> ServiceResponse:
        form = {
            "grant_type": "refresh_token",
            "client_id": login.client_id,
            "refresh_token": grant.refresh_token,
        }
        if login.scopes:
            form["scope"] = login.scopes
        return self._client.post(login.token_endpoint, data=form)

    def _api_key(self, login: Login, grant: Grant) -> ServiceResponse:
        raise AssertionError("API keys are not refreshed")


_REQUESTS: dict[AuthKind, Callable[[Refresher, Login, Grant], ServiceResponse]] = {
    AuthKind.SOCIAL: Refresher._social,
    AuthKind.IDC: Refresher._oidc,
    AuthKind.EXTERNAL_IDP: Refresher._external,
    AuthKind.API_KEY: Refresher._api_key,
}


def in_region(url: str, region: str | None) -> str:
    """The base URL of a service in a region."""
    return url.replace("{region}", region or DEFAULT_REGION)


def grant_from(response: ServiceResponse, before: Grant, now: float) -> Grant:
    """The grant in a successful response. Raises GatewayError if it has no access token.

    A profile with an invalid region name is ignored: the region becomes part of the host name that
    the tokens are sent to. The tokens themselves are still good.
    """
    access_token = response.text("accessToken", "access_token")
    refresh_token = response.text("refreshToken", "refresh_token") or before.refresh_token
    if not access_token:
        raise GatewayError(
            Kind.UPSTREAM_ERROR, "The sign-in service sent a response without a token."
        )
    if not all(map(_SENDABLE.fullmatch, filter(None, (access_token, refresh_token)))):
        raise GatewayError(
            Kind.UPSTREAM_ERROR,
            "The sign-in service sent a token that no header can carry: it contains a space, a "
            "line break or a character outside ASCII. It was not stored.",
        )
    profile = response.text("profileArn", "profile_arn")
    is_usable = _SENDABLE.fullmatch(profile) and is_usable_profile(profile)
    return Grant(
        access_token=access_token,
        refresh_token=refresh_token,
        expires_at=_expiry(response, now),
        profile_arn=profile if is_usable else before.profile_arn,
        refreshed_at=now,
        generation=before.generation + 1,
    )


def _expiry(response: ServiceResponse, now: float) -> float:
    """When the token expires. Prefers a lifetime, which does not depend on a correct clock."""
    if lifetime := response.number("expiresIn", "expires_in"):
        return now + min(lifetime, _LONGEST_LIFETIME)
    try:
        expires_at = parse_time(response.members["expiresAt"])
        return min(max(0.0, expires_at), now + _LONGEST_LIFETIME)
    except (KeyError, ValueError, OverflowError):
        return now + _DEFAULT_LIFETIME


def _refused(login: Login, response: ServiceResponse) -> GatewayError:
    if response.status in (400, 401) and (why := _why_over(response)):
        return GatewayError(
            Kind.LOGIN_OVER,
            f"The login of account {login.account} ({login.source}) is over: {why}. To continue, "
            f"{HOW_TO_LOG_IN}. To try the same login once more, run "
            f"`{command()} accounts --clear {login.account}` or restart.",
        )
    kind, what = Kind.UPSTREAM_ERROR, f"refused the refresh with status {response.status}"
    if response.status == 401:
        what += (
            ", but did not say that the login is over (a proxy may have answered in its place); "
            "the refresh is tried again"
        )
    if response.status == 429:
        kind, what = Kind.THROTTLED, "throttles this client"
    elif response.status >= 500:
        kind, what = Kind.UNAVAILABLE, f"responded with status {response.status}"
    # a 403 comes from the edge in front of the service and says nothing about the login
    return GatewayError(
        kind,
        f"The sign-in service {what} (account {login.account}, {login.source}).",
        retry_after=response.retry_after,
    )


def _why_over(response: ServiceResponse) -> str:
    """Why the login is over, "" if the response does not say so."""
    code = response.text("error", "__type", "code").partition(":")[0].rpartition("#")[2]
    code = code.lower().replace("_", "").removesuffix("exception")
    if code in _FINAL_CODES:
        return _FINAL_CODES[code]
    text = response.text("error_description", "message", "Message").lower()
    return _REFRESH_TOKEN_OVER if text.startswith(_FINAL_MESSAGE) else ""
