"""The calls that turn a refresh token into a new access token.

Social logins: ``POST {auth}/refreshToken`` with camelCase JSON, no client id (Kiro desktop's auth
service). Builder ID and IAM Identity Center: ``POST {oidc}/token`` with camelCase JSON (AWS SSO
OIDC's CreateToken; not the form encoding of OAuth). External identity providers: an OAuth 2.0 form
at their own token endpoint (RFC 6749 section 6). API keys are never refreshed.

One attempt a call, no policy: when to call and what follows from an error is decided elsewhere. A
refusal that no retry can cure is LOGIN_OVER; everything else may pass.
"""

import time
from collections.abc import Callable

from app.aws.regions import DEFAULT_REGION
from app.credentials.model import AuthKind, Grant, Login, is_usable_profile
from app.credentials.times import parse_time
from app.errors import GatewayError, Kind
from app.program import command

from .client import Answer, Calls

AUTH_URL = "https://prod.{region}.auth.desktop.kiro.dev"
OIDC_URL = "https://oidc.{region}.amazonaws.com"

_DEFAULT_LIFETIME = 3600.0  # what the services give, for an answer that does not say
_LONGEST_LIFETIME = 10 * 365 * 86400.0
_FINAL = {"invalid_grant", "invalid_client", "unauthorized_client", "expired_token"}

HOW_TO_LOG_IN = (
    f"log in again (`{command()} login`, the Kiro IDE or kiro-cli), or give a new refresh token "
    "where this one came from"
)


class Refresher:
    """``auth_url`` and ``oidc_url`` are base URLs, in which ``{region}`` is replaced."""

    def __init__(
        self,
        calls: Calls,
        *,
        auth_url: str | None = None,
        oidc_url: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._calls = calls
        self._auth_url = auth_url or AUTH_URL
        self._oidc_url = oidc_url or OIDC_URL
        self._clock = clock

    def refresh(self, login: Login, grant: Grant) -> Grant:
        """The grant that follows ``grant``. What the answer leaves out stays as it was.

        Raises GatewayError: LOGIN_OVER, or a kind that may pass.
        """
        answer = _CALLS[login.kind](self, login, grant)
        if answer.status != 200:
            raise _refused(login, answer)
        return granted(answer, grant, self._clock())

    def close(self) -> None:
        """Close the idle connections."""
        self._calls.close()

    def _social(self, login: Login, grant: Grant) -> Answer:
        url = f"{in_region(self._auth_url, login.region)}/refreshToken"
        return self._calls.post(url, json={"refreshToken": grant.refresh_token})

    def _oidc(self, login: Login, grant: Grant) -> Answer:
        body = {
            "clientId": login.client_id,
            "clientSecret": login.client_secret,
            "grantType": "refresh_token",
            "refreshToken": grant.refresh_token,
        }
        return self._calls.post(f"{in_region(self._oidc_url, login.region)}/token", json=body)

    def _external(self, login: Login, grant: Grant) -> Answer:
        form = {
            "grant_type": "refresh_token",
            "client_id": login.client_id,
            "refresh_token": grant.refresh_token,
        }
        if login.scopes:
            form["scope"] = login.scopes
        return self._calls.post(login.token_endpoint, data=form)

    def _api_key(self, login: Login, grant: Grant) -> Answer:
        raise AssertionError("API keys are not refreshed")


_CALLS: dict[AuthKind, Callable[[Refresher, Login, Grant], Answer]] = {
    AuthKind.SOCIAL: Refresher._social,
    AuthKind.IDC: Refresher._oidc,
    AuthKind.EXTERNAL_IDP: Refresher._external,
    AuthKind.API_KEY: Refresher._api_key,
}


def in_region(url: str, region: str | None) -> str:
    """The base URL of a service in a region."""
    return url.replace("{region}", region or DEFAULT_REGION)


def granted(answer: Answer, before: Grant, now: float) -> Grant:
    """The grant in a successful answer. Raises GatewayError if there is none.

    A profile whose region is none is not taken: the tokens, which are good, would go to that host.
    """
    access_token = answer.text("accessToken", "access_token")
    if not access_token:
        raise GatewayError(
            Kind.UPSTREAM_ERROR, "The service that gives out tokens answered without a token."
        )
    profile = answer.text("profileArn", "profile_arn")
    return Grant(
        access_token=access_token,
        refresh_token=answer.text("refreshToken", "refresh_token") or before.refresh_token,
        expires_at=_expiry(answer, now),
        profile_arn=profile if profile and is_usable_profile(profile) else before.profile_arn,
        refreshed_at=now,
        generation=before.generation + 1,
    )


def _expiry(answer: Answer, now: float) -> float:
    """By our own clock where the answer allows it: a lifetime does not mind a clock that is off."""
    if lifetime := answer.number("expiresIn", "expires_in"):
        return now + min(lifetime, _LONGEST_LIFETIME)
    try:
        return parse_time(answer.members["expiresAt"])
    except (KeyError, ValueError, OverflowError):
        return now + _DEFAULT_LIFETIME


def _refused(login: Login, answer: Answer) -> GatewayError:
    code = answer.text("error", "__type", "code").lower()
    text = answer.text("error_description", "message", "Message").lower()
    is_final = code in _FINAL or "invalid refresh token" in text
    if answer.status == 401 or (answer.status == 400 and is_final):
        return _over(login, code)
    kind, what = Kind.UPSTREAM_ERROR, f"refused the refresh with status {answer.status}"
    if answer.status == 429:
        kind, what = Kind.THROTTLED, "throttles us"
    elif answer.status >= 500:
        kind, what = Kind.UNAVAILABLE, f"answered {answer.status}"
    # a 403 comes from the edge in front of the service and says nothing about the login
    return GatewayError(
        kind,
        f"The service that refreshes tokens {what} (account {login.account}, {login.source}).",
        retry_after=answer.retry_after,
    )


def _over(login: Login, code: str) -> GatewayError:
    why = "its refresh token was used up, revoked or has expired"
    if code in ("invalid_client", "unauthorized_client"):
        why = "its client registration has expired or does not fit"
    return GatewayError(
        Kind.LOGIN_OVER,
        f"The login of account {login.account} ({login.source}) is over: {why}. To go on, "
        f"{HOW_TO_LOG_IN}.",
    )
