"""The sign-in services: social refresh, AWS SSO OIDC, and an external identity provider."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from app.simulator.catalogue.faults import NAMED, fault_response
from app.simulator.checks.body import as_dict
from app.simulator.wire.http import HttpRequest, HttpResponse, json_response, parse_json

from .portal import Portal
from .tokens import SOCIAL_PROFILE_ARN, Grant, Tokens

PENDING_POLLS = 1

_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_SECRETS = frozenset({"refreshToken", "clientSecret", "deviceCode", "code", "code_verifier"})
_CLIENT_SECONDS = 90 * 24 * 3600
_DEVICE_SECONDS = 600


class SignIn:
    """The routes that issue tokens. A device code is approved after `PENDING_POLLS` polls.

    `pages` are those of `routes` that a browser opens, with GET; the others take POST.
    """

    def __init__(self, tokens: Tokens, base_url: Callable[[], str]) -> None:
        self._tokens = tokens
        self._base_url = base_url
        self._clients = 0
        self._devices: dict[str, int] = {}
        portal = Portal(tokens)
        self.pages: dict[str, Callable[[HttpRequest], HttpResponse]] = {"/signin": portal.sign_in}
        self.routes: dict[str, Callable[[HttpRequest], HttpResponse]] = {
            **self.pages,
            "/oauth/token": portal.exchange,
            "/refreshToken": self._social,
            "/token": self._oidc,
            "/client/register": self._register,
            "/device_authorization": self._device,
            "/idp/token": self._external,
        }

    def _social(self, request: HttpRequest) -> HttpResponse:
        token = _json_object(request).get("refreshToken")
        if not isinstance(token, str) or not token:
            return json_response(400, {"message": "refreshToken is required"})
        grant = self._tokens.grant("social", token)
        if grant is None:
            return fault_response(NAMED["social_dead_401"], "rest")
        return json_response(200, {**_camel(grant), "profileArn": SOCIAL_PROFILE_ARN})

    def _oidc(self, request: HttpRequest) -> HttpResponse:
        form = _json_object(request)
        client = form.get("clientId")
        if not isinstance(client, str) or not isinstance(form.get("clientSecret"), str):
            return fault_response(NAMED["oauth_invalid_request"], "rest")
        if self._tokens.is_dead(client):
            return fault_response(NAMED["oauth_invalid_client"], "rest")
        grant_type = form.get("grantType")
        if grant_type == _DEVICE_GRANT:
            return self._poll(form.get("deviceCode"))
        if grant_type != "refresh_token":
            return fault_response(NAMED["oauth_unsupported_grant"], "rest")
        token = form.get("refreshToken")
        grant = self._tokens.grant("oidc", token) if isinstance(token, str) else None
        return _oidc_response(grant)

    def _poll(self, code: Any) -> HttpResponse:
        if not isinstance(code, str) or code not in self._devices:
            return fault_response(NAMED["oauth_expired"], "rest")
        self._devices[code] -= 1
        if self._devices[code] >= 0:
            return fault_response(NAMED["oauth_pending"], "rest")
        del self._devices[code]
        return _oidc_response(self._tokens.grant("oidc"))

    def _register(self, request: HttpRequest) -> HttpResponse:
        form = _json_object(request)
        if not form.get("clientName") or form.get("clientType") != "public":
            return fault_response(NAMED["oauth_invalid_request"], "rest")
        self._clients += 1
        now = int(time.time())
        return json_response(
            200,
            {
                "clientId": f"sim-client-{self._clients}",
                "clientSecret": f"sim-secret-{self._clients}",
                "clientIdIssuedAt": now,
                "clientSecretExpiresAt": now + _CLIENT_SECONDS,
            },
        )

    def _device(self, request: HttpRequest) -> HttpResponse:
        form = _json_object(request)
        if not all(form.get(name) for name in ("clientId", "clientSecret", "startUrl")):
            return fault_response(NAMED["oauth_invalid_request"], "rest")
        code = f"sim-device-{len(self._devices) + 1}-{time.monotonic_ns()}"
        self._devices[code] = PENDING_POLLS
        page = f"{self._base_url()}/device"
        return json_response(
            200,
            {
                "deviceCode": code,
                "userCode": "SIMU-LATE",
                "verificationUri": page,
                "verificationUriComplete": f"{page}?user_code=SIMU-LATE",
                "expiresIn": _DEVICE_SECONDS,
                "interval": 1,
            },
        )

    def _external(self, request: HttpRequest) -> HttpResponse:
        form = dict(parse_qsl(request.body.decode("latin-1")))
        if form.get("grant_type") != "refresh_token":
            return fault_response(NAMED["oauth_unsupported_grant"], "rest")
        if not form.get("client_id") or not form.get("refresh_token"):
            return fault_response(NAMED["oauth_invalid_request"], "rest")
        grant = self._tokens.grant("external", form["refresh_token"])
        if grant is None:
            return fault_response(NAMED["oauth_invalid_grant"], "rest")
        answer = {"access_token": grant.access_token, "expires_in": grant.expires_in}
        if grant.refresh_token:
            answer["refresh_token"] = grant.refresh_token
        return json_response(200, {**answer, "token_type": "Bearer"})


def masked(form: Any) -> Any:
    """Return the body of a sign-in request with secrets masked, unless the simulator issued
    them."""
    if not isinstance(form, dict):
        return form
    return {name: _mask(value) if name in _SECRETS else value for name, value in form.items()}


def _mask(value: Any) -> str:
    text = str(value)
    return text if text.startswith("sim-") else text[:4] + "***"


def _camel(grant: Grant) -> dict[str, Any]:
    answer: dict[str, Any] = {"accessToken": grant.access_token, "expiresIn": grant.expires_in}
    return answer | ({"refreshToken": grant.refresh_token} if grant.refresh_token else {})


def _oidc_response(grant: Grant | None) -> HttpResponse:
    if grant is None:
        return fault_response(NAMED["oauth_invalid_grant"], "rest")
    return json_response(200, {**_camel(grant), "tokenType": "Bearer"})


def _json_object(request: HttpRequest) -> dict[str, Any]:
    return as_dict(parse_json(request.body))
