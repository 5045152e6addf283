"""Logging in from a terminal: the device authorization grant (RFC 8628) as AWS SSO OIDC has it.

For Builder ID and IAM Identity Center. Social logins (Google, GitHub) cannot be had this way; the
Kiro IDE does those. Members and scopes as in the AWS service model and the Amazon Q CLI.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from app.credentials.model import Grant
from app.credentials.refresh.client import Answer, Calls
from app.credentials.refresh.refresher import granted
from app.errors import GatewayError, Kind

BUILDER_ID = "https://view.awsapps.com/start"
SCOPES = ("codewhisperer:completions", "codewhisperer:analysis", "codewhisperer:conversations")

_GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code"
_CLIENT_NAME = "kiro2api"
_INTERVAL = 5.0  # RFC 8628 section 3.2, where the service names none
_SLOW_DOWN = 5.0  # section 3.5
_CODES = {
    "access_denied", "invalid_client", "invalid_client_metadata", "invalid_grant",
    "invalid_request", "invalid_scope", "unauthorized_client", "unsupported_grant_type",
}  # fmt: skip
"""What of an answer is repeated: a code outside of these may be anything, a secret even."""


@dataclass(frozen=True, slots=True)
class Registration:
    """What identifies this program to the service; good for weeks."""

    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)
    expires_at: float = 0.0


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """``page`` is where the user confirms ``user_code``; ``full_page`` holds the code already."""

    code: str = field(repr=False)
    user_code: str
    page: str
    full_page: str
    expires_at: float
    interval: float


class DeviceFlow:
    """The three steps; each raises GatewayError. ``base_url`` is the OIDC service's."""

    def __init__(
        self,
        calls: Calls,
        base_url: str,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._calls = calls
        self._base_url = base_url
        self._clock = clock
        self._sleep = sleep

    def register(self) -> Registration:
        """Register this program."""
        answer = self._post(
            "/client/register",
            clientName=_CLIENT_NAME,
            clientType="public",
            scopes=list(SCOPES),
        )
        return Registration(
            client_id=_required(answer, "clientId"),
            client_secret=_required(answer, "clientSecret"),
            expires_at=answer.number("clientSecretExpiresAt"),
        )

    def begin(self, registration: Registration, start_url: str) -> DeviceCode:
        """Ask for a code that the user confirms in a browser."""
        answer = self._post(
            "/device_authorization",
            clientId=registration.client_id,
            clientSecret=registration.client_secret,
            startUrl=start_url,
        )
        page = _required(answer, "verificationUri")
        return DeviceCode(
            code=_required(answer, "deviceCode"),
            user_code=_required(answer, "userCode"),
            page=page,
            full_page=answer.text("verificationUriComplete") or page,
            expires_at=self._clock() + (answer.number("expiresIn") or 600),
            interval=answer.number("interval") or _INTERVAL,
        )

    def wait(self, registration: Registration, code: DeviceCode) -> Grant:
        """Until the user has confirmed; LOGIN_OVER if he declined or took too long."""
        interval = code.interval
        while self._clock() < code.expires_at:
            self._sleep(interval)
            try:
                answer = self._poll(registration, code)
            except GatewayError as error:
                if error.kind is not Kind.TIMEOUT:
                    raise
                interval *= 2  # section 3.5: slower after each timeout
                continue
            if answer.status == 200:
                return granted(answer, Grant(), self._clock())
            error_code = answer.text("error")
            if error_code == "slow_down":
                interval += _SLOW_DOWN
            elif error_code == "access_denied":
                raise GatewayError(Kind.LOGIN_OVER, "The login was declined in the browser.")
            elif error_code == "expired_token":
                break
            elif error_code != "authorization_pending" and answer.status < 500:
                raise _refused(answer)
        raise GatewayError(
            Kind.LOGIN_OVER, "The code was not confirmed in time. Run the login again."
        )

    def _poll(self, registration: Registration, code: DeviceCode) -> Answer:
        return self._calls.post(
            f"{self._base_url}/token",
            json={
                "clientId": registration.client_id,
                "clientSecret": registration.client_secret,
                "grantType": _GRANT_TYPE,
                "deviceCode": code.code,
            },
        )

    def _post(self, path: str, **body: object) -> Answer:
        answer = self._calls.post(f"{self._base_url}{path}", json=body)
        if answer.status != 200:
            raise _refused(answer)
        return answer


def _required(answer: Answer, member: str) -> str:
    value = answer.text(member)
    if not value:
        raise GatewayError(Kind.UPSTREAM_ERROR, f"The sign-in service's answer lacks {member}.")
    return value


def _refused(answer: Answer) -> GatewayError:
    code = answer.text("error")
    code = code if code in _CODES else "nothing known"
    return GatewayError(
        Kind.UPSTREAM_ERROR,
        f"The sign-in service refused with status {answer.status} and said: {code}. Check the "
        "start URL and the region.",
    )
