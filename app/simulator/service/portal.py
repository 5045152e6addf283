"""The sign-in page for Google and GitHub accounts, and the exchange of its code for tokens.

The page does what the browser of a user who signs in at once would do: it goes back to the client
with a code. Source: the published source of kiro-cli; reports of other open gateways for what
happens to a code whose address does not fit.
"""

import base64
import hashlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from app.simulator.checks.body import as_dict
from app.simulator.wire.http import HttpRequest, HttpResponse, json_response, parse_json

from .tokens import SOCIAL_PROFILE_ARN, Tokens

CALLBACK_PATH = "/oauth/callback"
_REQUIRED = ("state", "code_challenge", "redirect_uri", "redirect_from")


@dataclass(frozen=True, slots=True)
class _Code:
    challenge: str
    redirect_uri: str


class Portal:
    """Issues codes and exchanges them. A code is used up by the first attempt."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._issued = 0
        self._codes: dict[str, _Code] = {}

    def sign_in(self, request: HttpRequest) -> HttpResponse:
        """Return a redirection to the client, with a code and the state."""
        query = request.query
        if any(not query.get(name) for name in _REQUIRED):
            return json_response(400, {"message": f"required are {', '.join(_REQUIRED)}"})
        if query.get("code_challenge_method") != "S256":
            return json_response(400, {"message": "code_challenge_method must be S256"})
        self._issued += 1
        code, option = f"sim-code-{self._issued}", query.get("signin_methods") or "google"
        address = query["redirect_uri"].rstrip("/") + CALLBACK_PATH
        self._codes[code] = _Code(query["code_challenge"], f"{address}?login_option={option}")
        back = {"login_option": option, "code": code, "state": query["state"]}
        return HttpResponse(302, headers={"location": f"{address}?{urlencode(back)}"})

    def exchange(self, request: HttpRequest) -> HttpResponse:
        """Return the tokens for a code, its verifier and the very address it was sent to."""
        form = as_dict(parse_json(request.body))
        code = self._codes.pop(str(form.get("code")), None)
        if code is None:
            return json_response(400, {"message": "Invalid code"})
        if form.get("redirect_uri") != code.redirect_uri:
            return json_response(500, {"message": "Internal server error"})
        if _challenge(form.get("code_verifier")) != code.challenge:
            return json_response(400, {"message": "Invalid code verifier"})
        grant = self._tokens.grant("social")
        assert grant is not None, "a grant without a refresh token is never refused"
        answer = {
            "accessToken": grant.access_token,
            "refreshToken": grant.refresh_token,
            "expiresIn": grant.expires_in,
            "profileArn": SOCIAL_PROFILE_ARN,
        }
        return json_response(200, answer)


def _challenge(verifier: Any) -> str:
    digest = hashlib.sha256(str(verifier).encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
